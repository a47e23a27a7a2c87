// Checks a name and a password in a time that does not depend on the name: every check computes one hash of each cost that
// any user's password has (OWASP Authentication Cheat Sheet, "Authentication and Error Messages"). A made-up hash takes the
// place of those that the user lacks, or of all of them where there is no such user.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";

export interface PasswordUser {
  name: string;
  /** As `mcp-expose hash-password` prints it. */
  passwordHash: string;
}

/** @returns the user's name when the password is right */
export type CheckPassword = (name: string, password: string) => Promise<string | undefined>;

/** Algorithm and cost, then salt and digest: of argon2 (PHC string format), or of bcrypt. */
const ENCODED = /^(\$argon2(?:id|i|d)\$(?:v=\d+\$)?[^$]+)\$[^$]+\$[^$]+$|^(\$2[abxy]?\$\d\d)\$.{53}$/;

export function createPasswordCheck(users: readonly PasswordUser[], log: Log): CheckPassword {
  const costs = new Set(users.flatMap(({ passwordHash }) => costOf(passwordHash) ?? []));

  async function verify(user: PasswordUser, password: string): Promise<boolean | undefined> {
    try {
      return await Bun.password.verify(password, user.passwordHash);
    } catch (thrown) {
      log.error(`The password hash of "${user.name}" cannot be used: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  return async (name, password) => {
    const user = users.find((one) => one.name === name);
    const own = user && costOf(user.passwordHash);
    let isRight: boolean | undefined;
    if (user !== undefined && own === undefined) isRight = await verify(user, password);
    for (const cost of costs) {
      if (user !== undefined && cost === own) isRight = await verify(user, password);
      // A hash that cannot be computed costs nothing.
      if (cost !== own || isRight === undefined)
        await Bun.password.verify(password, makeUp(cost)).catch(() => false);
    }
    return isRight === true ? name : undefined;
  };
}

function costOf(passwordHash: string): string | undefined {
  const [, argon2, bcrypt] = ENCODED.exec(passwordHash) ?? [];
  return argon2 ?? bcrypt;
}

/** No password is known to lead to it. */
function makeUp(cost: string): string {
  return cost.startsWith("$argon2")
    ? `${cost}$${"A".repeat(22)}$${"A".repeat(43)}`
    : `${cost}$${".".repeat(53)}`;
}
