// Signs people in to a running program, so that a test has the tokens of several, and speaks as each of them.
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import type { Headers } from "../eras/wire.ts";
import type { ProviderV1 } from "../acceptance/sdk-clients.ts";
import { createMemoryProvider } from "../acceptance/memory-provider.ts";
import { createLoginRobot } from "../login-robot.ts";

/** Words for the command line: who may sign in. */
export const PEOPLE = ["--user", "ada:ada-s-password", "--user", "bob:bob-s-password"];

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
