// What is said of a server that does not start: enough to mend it, no more than can be read, and nothing to strangers.
import { expect, test } from "bun:test";
import { createCrashLoop } from "../../src/bridge/process/crash-loop.ts";
import { describeBrokenServer } from "../../src/bridge/process/broken-server.ts";

const exit = (stderrTail: string[]) => ({ code: 1, signal: null, stderrTail });

test("the last lines are quoted, printable, twenty of them and four thousand characters at the most", () => {
  const many = Array.from({ length: 50 }, (_, at) => `line ${at}`);
  const text = describeBrokenServer(exit(many), "Mend it.");
  expect(text).toStartWith(
    "The MCP server does not start: exited with status 1. Its last output:\nline 30\n",
  );
  expect(text).toEndWith("\nline 49\nMend it.");
  const long = describeBrokenServer(exit(Array.from({ length: 20 }, () => "x".repeat(100_000))), "Mend it.");
  expect(long.length).toBeLessThan(4_200);
  expect(describeBrokenServer(exit(["\x1b[31mred\x1b[0m\u202e"]), "Mend it.")).toContain("\nred\nMend it.");
  expect(describeBrokenServer(exit([]), "Mend it.")).toContain("It wrote nothing to stderr. Mend it.");
});

test("strangers are not shown what the server printed", () => {
  expect(describeBrokenServer(exit(["secret"]), "Later.", true)).toBe(
    "The MCP server does not start. Later.",
  );
  const crashes = createCrashLoop({ now: () => 0, log: { error() {} }, isPublic: true });
  for (let count = 0; count < 5; count++) crashes.ended(exit(["secret"]), false);
  expect(crashes.problem).toContain("does not start");
  expect(crashes.problem).not.toContain("secret");
});

test("five ends in a row rest for half a minute and are said once; an answer between them begins the count anew", () => {
  let now = 0;
  const said: string[] = [];
  const crashes = createCrashLoop({ now: () => now, log: { error: (line) => void said.push(line) } });
  for (const hasServed of [true, false, false, false, true, false, false, false])
    crashes.ended(exit(["why"]), hasServed);
  expect([crashes.problem, said]).toEqual([undefined, []]);
  crashes.ended(exit(["why"]), false);
  expect(crashes.problem).toContain("why");
  now = 30_000;
  expect(crashes.problem).toBeUndefined();
  crashes.ended(exit(["why"]), false);
  expect(crashes.problem).toContain("why");
  expect(said).toHaveLength(1);
});
