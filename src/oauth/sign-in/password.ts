// Signing in with a name and a password. Argon2id is heavy on purpose, so only a few passwords are checked at once.
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { createPasswordCheck, type PasswordUser } from "./password-check.ts";
import { OWNER } from "./pasted-token.ts";
import type { SignIn } from "./sign-in.ts";

export interface PasswordOptions {
  users: readonly PasswordUser[];
  log: Log;
}

const CHECKS_AT_ONCE = 2;
const MAX_NAME = 200;

/** @throws {UserError} when there are no users, or one has the name that stands for the token */
export function createPasswordSignIn({ users, log }: PasswordOptions): SignIn {
  const names = users.map(({ name }) => name);
  checkNames(names);
  const checkPassword = createPasswordCheck(users, log);
  const takeTurn = createTurns(CHECKS_AT_ONCE);
  return {
    prompt: {
      fields: [
        { name: "username", label: "User name", isSecret: false, isRequired: true, autocomplete: "username" },
        {
          name: "password",
          label: "Password",
          isSecret: true,
          isRequired: true,
          autocomplete: "current-password",
        },
      ],
      wrong: "User name or password is wrong.",
    },
    subjects: new Set(names),
    notice: { kind: "password", users: names },
    isGuessable: true,
    accountOf: (form) => (form.get("username") ?? "").slice(0, MAX_NAME),
    async verify(form) {
      const [name = "", password = ""] = [form.get("username"), form.get("password")];
      const subject = await takeTurn(() => checkPassword(name, password));
      return subject === undefined ? { kind: "wrong" } : { kind: "ok", subject };
    },
  };
}

function checkNames(names: readonly string[]): void {
  if (names.length === 0)
    throw new UserError("No one could approve a connection.", "Name at least one user with --user.");
  if (names.includes(OWNER)) {
    throw new UserError(
      `"${OWNER}" cannot be a user: what is approved with the token is recorded under that name.`,
      "Choose another name with --user.",
    );
  }
}

/** Lets `width` tasks run at once; the others wait in line. */
function createTurns(width: number): <T>(task: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= width) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
