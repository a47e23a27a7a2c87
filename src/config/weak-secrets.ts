// Secrets that someone could guess. On the internet they are refused, since throttles only slow guessing down (NIST
// SP 800-63B §5.1.1.2: a minimum length, and a list of common ones); on this machine they are a warning.
// A token of our own making has 192 bits and is not checked.
import { UserError } from "../errors.ts";
import type { Settings } from "./merge.ts";

export interface GivenSecret {
  /** `--token`, or `The password of "alice"`. */
  name: string;
  value: string;
}

export interface SecretContext {
  isPublic: boolean;
  /** Words that anyone can know: of the server's command, of the people who sign in. */
  names: readonly string[];
  warn(line: string): void;
}

const SHORTEST = 12;
/** On zxcvbn's scale of 0 to 4, this takes more than 100 million guesses. */
const LEAST_SCORE = 3;

/** @throws {UserError} one of them can be guessed, by anyone on the internet */
export async function checkSecrets(
  secrets: readonly GivenSecret[],
  { isPublic, names, warn }: SecretContext,
): Promise<void> {
  for (const { name, value } of secrets) {
    const weakness = await findWeakness(value, names);
    if (weakness === undefined) continue;
    if (isPublic)
      throw new UserError(
        `${name} can be guessed by anyone on the internet: it ${weakness}.`,
        `Use ${SHORTEST} or more random characters, such as the output of openssl rand -base64 24.`,
      );
    warn(`${name} can be guessed: it ${weakness}. It is refused with a tunnel or --public-url.`);
  }
}

/** Secrets given as an option, a variable or in the config file, under the name they have there. */
export function listSecrets(settings: Settings): GivenSecret[] {
  return (["token", "clientSecret", "introspectSecret"] as const).flatMap((key) => {
    const setting = settings[key];
    return setting === undefined ? [] : [{ name: setting.from, value: setting.value }];
  });
}

/** Words to try first against a server like this one, besides the common ones. */
const NEAR_WORDS = (
  "expose server client connector token secret password passwd passphrase bearer oauth auth login admin user access " +
  "public private remote local localhost tunnel ngrok cloudflared cloudflare tailscale funnel chatgpt openai claude " +
  "anthropic cursor vscode copilot gemini inspector test demo letmein welcome changeme"
).split(" ");
const YEARS = /(?:19|20)\d\d/g;

/**
 * @param names words that anyone can know of this server
 * @returns the part after "it"; never the secret
 */
export async function findWeakness(
  secret: string,
  names: readonly string[] = [],
): Promise<string | undefined> {
  if (secret.length < SHORTEST) return `has fewer than ${SHORTEST} characters`;
  // Loaded only when there is a secret to check: the dictionaries take longer to read than all our own code.
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  const judge = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  const isWeak = (text: string) => text === "" || judge.check(text).score < LEAST_SCORE;
  return isWeak(secret) || isWeak(dropWords(secret, names)) ? "is one of the first to be tried" : undefined;
}

/** The part left to guess for someone who tries such words: each, with its joining characters, counts as one letter. */
function dropWords(secret: string, names: readonly string[]): string {
  // Shorter parts of a name occur in random text.
  const parts = names.flatMap((name) => name.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []);
  const words = [...parts, ...NEAR_WORDS].sort((a, b) => b.length - a.length);
  const left = secret.toLowerCase().replace(new RegExp(`[\\W_]*(?:${words.join("|")})[\\W_]*`, "gu"), "~");
  // A year alone is guessed too.
  return left === secret.toLowerCase() ? secret : left.replace(YEARS, "");
}
