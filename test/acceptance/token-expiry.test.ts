// A call that outlives its token, by the clients of both SDKs: most of them never come back for an answer whose
// stream has ended, so it has to come on the stream it was asked for on.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLoginRobot } from "../login-robot.ts";
import { TOKEN } from "../oauth/harness.ts";
import { startProgram } from "../program.ts";
import { fixture, post, until, within } from "../eras/wire.ts";
import { SIGN_IN } from "./sdk-clients.ts";

setDefaultTimeout(60_000);

/** Longer than it takes until the answer to a call is an event stream. */
const TTL = 7_000;
const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("found 43: when its token runs out", () => {
  test.concurrent.each(Object.entries(SIGN_IN))(
    "%s gets the answer to its call, and the next ones",
    async (_name, signIn) => {
      const words = ["--tunnel", "none", "--token", TOKEN, "--access-ttl", `${TTL / 1_000}s`];
      const program = await startProgram([...words, fixture("sleeper")]);
      try {
        const client = await signIn(program.ready, createLoginRobot({ token: TOKEN }));
        const ms = TTL + 1_000;
        expect(await within(client.call("sleep", { ms }), "the answer", 3 * TTL)).toBe(`slept ${ms}`);
        expect(await client.call("sleep", { ms: 1 })).toBe("slept 1");
        // And once more after an idle time in which a token ran out. The check for that opens no session.
        const headers = { authorization: `Bearer ${client.accessToken()}` };
        await until(
          "the token has run out",
          async () => (await post(program.ready.url, PING, headers)).status === 401,
        );
        expect(await client.call("sleep", { ms: 2 })).toBe("slept 2");
        await client.close();
      } finally {
        await program.stop();
      }
    },
  );
});
