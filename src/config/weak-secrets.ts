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

export interface SecretContext {
  isPublic: boolean;
  /** Words that stand around the secret: of the server's command, of the people who sign in. */
  names: readonly string[];
  warn(line: string): void;
}

const SHORTEST = 12;
/** zxcvbn's scale of 0 to 4: from here on it takes more than 100 million guesses. */
const LEAST_SCORE = 3;

/** @throws {UserError} one of them can be guessed, by everybody on the internet */
export async function checkSecrets(
  secrets: readonly GivenSecret[],
  { isPublic, names, warn }: SecretContext,
): Promise<void> {
  for (const { name, value } of secrets) {
    const weakness = await findWeakness(value, names);
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

/** What a stranger tries first of all in front of a server like this one, beside what is commonly used. */
const NEAR_WORDS = (
  "expose server client connector token secret password passwd passphrase bearer oauth auth login admin user access " +
  "public private remote local localhost tunnel ngrok cloudflared cloudflare tailscale funnel chatgpt openai claude " +
  "anthropic cursor vscode copilot gemini inspector test demo letmein welcome changeme"
).split(" ");
const YEARS = /(?:19|20)\d\d/g;

/**
 * @param names words that a stranger knows of this server
 * @returns what follows "it"; never the secret
 */
export async function findWeakness(
  secret: string,
  names: readonly string[] = [],
): Promise<string | undefined> {
  if (secret.length < SHORTEST) return `has fewer than ${SHORTEST} characters`;
  // Loaded where there is something to judge: the dictionaries take longer to read than all of ours.
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  const judge = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  const isWeak = (text: string) => text === "" || judge.check(text).score < LEAST_SCORE;
  return isWeak(secret) || isWeak(dropWords(secret, names))
    ? "is among the first that would be tried"
    : undefined;
}

/** What is left to guess for whoever tries such words: each, with what joins it, counts for one letter. */
function dropWords(secret: string, names: readonly string[]): string {
  // Shorter parts of a name are in many a random text.
  const parts = names.flatMap((name) => name.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []);
  const words = [...parts, ...NEAR_WORDS].sort((a, b) => b.length - a.length);
  const left = secret.toLowerCase().replace(new RegExp(`[\\W_]*(?:${words.join("|")})[\\W_]*`, "gu"), "~");
  // And so is a year alone.
  return left === secret.toLowerCase() ? secret : left.replace(YEARS, "");
}
