// Text of others reaches the terminal as text, never as a command to it.
import { expect, test } from "bun:test";
import { createLog } from "../../src/log.ts";

function logged(line: string): string {
  let text = "";
  const log = createLog({ level: "verbose", write: (part) => (text += part), color: false });
  log.plain(line);
  return text;
}

test.each([
  ["a title", "\x1b]0;OWNED\x07"],
  ["a cleared screen", "\x1b[2J"],
  ["a carriage return", "a\rb"],
  ["a line separator", "a\u2028b"],
  ["text that runs backwards", "a\u202eb"],
])("%s is taken out", (_, line) => {
  expect(logged(line)).not.toMatch(/\x1b|\x07|\r|\u2028|\u202e/);
});

test("tabs and line breaks of our own texts are kept, colours are not", () => {
  expect(logged("\x1b[31mred\x1b[0m\tand\nmore")).toBe("red\tand\n  more\n");
});

test("a secret is never shown, even with invisible characters in it", () => {
  let text = "";
  const log = createLog({ level: "quiet", write: (part) => (text += part), color: false });
  log.redact("s3cret-token");
  log.error("refused s3cret-token");
  log.error("refused s3cret\u200b-token and s3cr\x1b[0met-token");
  expect(text).toContain("[redacted]");
  expect(text).not.toContain("s3cret-token");
});
