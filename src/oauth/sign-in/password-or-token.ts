// Signing in with a name and a password, or with a pasted token instead of both.
import type { Log } from "../../log.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { PasswordUser } from "./password-check.ts";
import { createPasswordSignIn } from "./password.ts";
import { createPastedToken, readPastedToken } from "./pasted-token.ts";
import type { PromptField } from "./prompt.ts";
import type { SignIn } from "./sign-in.ts";

export interface PasswordOrTokenOptions {
  users: readonly PasswordUser[];
  token: string;
  log: Log;
}

/** @throws {UserError} as either way does */
export function createPasswordOrToken({ users, token, log }: PasswordOrTokenOptions): SignIn {
  const byPassword = createPasswordSignIn({ users, log });
  const byToken = createPastedToken({ token, log });
  const choose = (form: Parameters) => (readPastedToken(form) === "" ? byPassword : byToken);
  return {
    prompt: {
      fields: [...byPassword.prompt.fields, ...byToken.prompt.fields.map(describeAlternative)].map(
        (field) => ({ ...field, isRequired: false }),
      ),
      wrong: "User name, password or token is wrong.",
    },
    subjects: { has: (subject) => byPassword.subjects.has(subject) || byToken.subjects.has(subject) },
    notice: { kind: "password", users: users.map(({ name }) => name), token },
    isGuessable: true,
    accountOf: (form) => choose(form).accountOf(form),
    verify: (form, attempt) => choose(form).verify(form, attempt),
  };
}

function describeAlternative(field: PromptField): PromptField {
  return {
    ...field,
    label: "Or a token",
    hint: "Instead of both, you can paste the token that mcp-expose printed in the terminal where it runs.",
  };
}
