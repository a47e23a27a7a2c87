// Secrets that a stranger could guess. On the internet they are refused: throttles slow guessing down, and nothing
// more (NIST SP 800-63B §5.1.1.2: a floor for the length, and a list of what is commonly used). Here, a warning.
// What we make ourselves is 192 bits and needs no looking at.
import { UserError } from "../errors.ts";
import type { Settings } from "./merge.ts";

export interface GivenSecret {
  /** `--token`, or `The password of "alice"`. */
  name: string;
  value: string;
}

export interface Reach {
  isPublic: boolean;
  warn(line: string): void;
}

const SHORTEST = 12;
/** zxcvbn's scale of 0 to 4: from here on it takes more than 100 million guesses. */
const LEAST_SCORE = 3;

/** @throws {UserError} one of them can be guessed, by everybody on the internet */
export async function checkSecrets(
  secrets: readonly GivenSecret[],
  { isPublic, warn }: Reach,
): Promise<void> {
  for (const { name, value } of secrets) {
    const weakness = await findWeakness(value);
    if (weakness === undefined) continue;
    if (isPublic)
      throw new UserError(
        `${name} can be guessed by anybody on the internet: it ${weakness}.`,
        `Use ${SHORTEST} characters or more that nobody would think of, such as openssl rand -base64 24 prints.`,
      );
    warn(`${name} can be guessed: it ${weakness}. With a tunnel or --public-url it is refused.`);
  }
}

/** What is given as an option, a variable or in the config file, under the name it has there. */
export function listSecrets(settings: Settings): GivenSecret[] {
  return (["token", "clientSecret", "introspectSecret"] as const).flatMap((key) => {
    const setting = settings[key];
    return setting === undefined ? [] : [{ name: setting.from, value: setting.value }];
  });
}

/** @returns what follows "it"; never the secret */
export async function findWeakness(secret: string): Promise<string | undefined> {
  if (secret.length < SHORTEST) return `has fewer than ${SHORTEST} characters`;
  // Loaded where there is something to judge: the dictionaries take longer to read than all of ours.
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  const judge = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  return judge.check(secret).score < LEAST_SCORE ? "is among the first that would be tried" : undefined;
}
