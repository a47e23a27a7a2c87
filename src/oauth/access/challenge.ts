// Writes the answer that sends a client to the authorization server (RFC 6750 §3, RFC 9728 §5.1; MCP authorization,
// "Scope Challenge Handling"). Absolute URLs in it come from our own resources, never from the request.
import { type Failure, toWire } from "../failure.ts";
import { answerError } from "../wire/json-response.ts";
import { metadataUrlOf } from "./resource.ts";

export interface Challenger {
  /** The value of WWW-Authenticate. `resourcePath` is such as `/mcp`. */
  describe(failure: Failure, resourcePath: string): string;
  answer(failure: Failure, resourcePath: string): Response;
}

export interface ChallengerOptions {
  resources: readonly string[];
  resourceScopes: readonly string[];
}

export function createChallenger({ resources, resourceScopes }: ChallengerOptions): Challenger {
  const metadataUrls = new Map(
    resources.map((resource) => [new URL(resource).pathname, metadataUrlOf(resource)]),
  );
  const describe = (failure: Failure, resourcePath: string) => {
    const { error, description } = toWire(failure);
    const metadataUrl = metadataUrls.get(resourcePath);
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
