// Signing in with the token that mcp-expose printed where it runs, or that the person chose. There is one, so no one has a name.
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { isSameSecret } from "../secrets.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { SignIn } from "./sign-in.ts";

export interface PastedTokenOptions {
  token: string;
  /** Whether we made the token; one that a person chose could be guessed. */
  isRandom?: boolean;
  log: Log;
}

/** The subject of what was approved with the token; no user may have this name. */
export const OWNER = "owner";

/** @throws {UserError} when the token is blank */
export function createPastedToken({ token, isRandom = false, log }: PastedTokenOptions): SignIn {
  if (token.trim() === "")
    throw new UserError("No one could approve a connection.", "Set --token to something that is not empty.");
  log.redact(token);
  return {
    prompt: {
      fields: [
        {
          name: "token",
          label: "Token",
          isSecret: true,
          isRequired: true,
          autocomplete: "off",
          hint: "Paste the token that mcp-expose printed in the terminal where it runs.",
        },
      ],
      wrong: "That is not the token.",
    },
    subjects: new Set([OWNER]),
    notice: { kind: "token", token },
    isGuessable: !isRandom,
    accountOf: () => OWNER,
    verify: (form) =>
      Promise.resolve(
        isSameSecret(readPastedToken(form), token) ? { kind: "ok", subject: OWNER } : { kind: "wrong" },
      ),
  };
}

/** Pasted text often has a line end or a blank at one of its ends. */
export function readPastedToken(form: Parameters): string {
  return form.get("token")?.trim() ?? "";
}
