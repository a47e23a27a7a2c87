// Writes the answer that sends a client to the authorization server (RFC 6750 §3, RFC 9728 §5.1; MCP authorization,
// "Scope Challenge Handling"). Absolute URLs in it come from our own URL, never from the request.
import { type Failure, toWire } from "../failure.ts";
import { answerError } from "../wire/json-response.ts";
import { metadataUrlOf } from "./resource.ts";
import type { CurrentSite } from "../issuer.ts";

export interface Challenger {
  /** The value of WWW-Authenticate. `resourcePath` is such as `/mcp`. */
  describe(failure: Failure, resourcePath: string): string;
  answer(failure: Failure, resourcePath: string): Response;
}

export interface ChallengerOptions {
  resourcePaths: readonly string[];
  currentSite: CurrentSite;
  resourceScopes: readonly string[];
}

export function createChallenger(options: ChallengerOptions): Challenger {
  const { resourcePaths, resourceScopes, currentSite } = options;
  const findMetadataUrl = (resourcePath: string) =>
    resourcePaths.includes(resourcePath) ? metadataUrlOf(currentSite().issuer + resourcePath) : undefined;
  const describe = (failure: Failure, resourcePath: string) => {
    const { error, description } = toWire(failure);
    const metadataUrl = findMetadataUrl(resourcePath);
    const attributes = {
      ...(error === undefined ? {} : { error, error_description: description }),
      ...(metadataUrl === undefined ? {} : { resource_metadata: metadataUrl }),
      scope: (failure.kind === "needs-scope" ? failure.scopes : resourceScopes).join(" "),
    };
    const list = Object.entries(attributes).map(([name, value]) => `${name}="${value}"`);
    return `Bearer ${list.join(", ")}`;
  };
  return {
    describe,
    answer(failure, resourcePath) {
      const wire = toWire(failure);
      const headers = { ...wire.headers, "WWW-Authenticate": describe(failure, resourcePath) };
      return answerError({ ...wire, headers });
    },
  };
}
