// A running program with two people signed in, one of them by two OAuth clients: three principals.
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import { createMemoryProvider } from "../acceptance/memory-provider.ts";
import type { ProviderV1 } from "../acceptance/sdk-clients.ts";
import { fixture, openSession, type Headers, type Wire } from "../eras/wire.ts";
import { createLoginRobot } from "../login-robot.ts";
import { ALL, createStatelessClient } from "../matrix/stateless-wire.ts";
import { startProgram, type Program } from "../program.ts";

/** The users, as arguments for the command line. */
export const PEOPLE = ["--user", "ada:ada-s-password", "--user", "bob:bob-s-password"];

export interface House {
  readonly program: Program;
  readonly url: string;
  /** Headers that show who comes. */
  readonly ada: Headers;
  /** The same person with another OAuth client. */
  readonly adaElsewhere: Headers;
  readonly bob: Headers;
  /** Which process serves a new session. */
  sessionPid(who: Headers): Promise<number>;
  /** Which process serves a request without a session. */
  statelessPid(who: Headers, capabilities?: object): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Exposes a fixture server and signs every person in. */
export async function openHouse(server: string, words: readonly string[] = []): Promise<House> {
  const program = await startProgram(["--tunnel", "none", ...PEOPLE, ...words, fixture(server)]);
  const { url } = program.ready;
  const [ada, adaElsewhere, bob] = await Promise.all([
    signIn(url, "ada"),
    signIn(url, "ada"),
    signIn(url, "bob"),
  ]);
  return {
    program,
    url,
    ada,
    adaElsewhere,
    bob,
    sessionPid: async (who) => pidOf(await (await openSession(url, who)).call("pid")),
    statelessPid: async (who, capabilities = ALL) =>
      pidOf(await createStatelessClient(url, capabilities, who).call("pid")),
    [Symbol.asyncDispose]: program[Symbol.asyncDispose],
  };
}

/** Registers an OAuth client of its own and has the person approve it. @returns headers that show its token */
export async function signIn(url: string, username: "ada" | "bob"): Promise<Headers> {
  const robot = createLoginRobot({ username, password: `${username}-s-password` });
  const provider: ProviderV1 = createMemoryProvider(robot);
  await auth(provider, { serverUrl: url });
  await auth(provider, {
    serverUrl: url,
    authorizationCode: provider.callbackParams().get("code") ?? "",
  });
  return { authorization: `Bearer ${provider.tokens()?.access_token}` };
}

/** The answer of a fixture's tool `pid`. */
export function pidOf({ result }: Wire): number {
  return result?.["pid"] as number;
}
