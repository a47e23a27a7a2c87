import { expect, test } from "bun:test";
import { normalizeHost } from "../src/host-name.ts";

test.each([
  ["claude.ai", "claude.ai"],
  ["claude.ai.", "claude.ai"],
  ["claude.ai..", "claude.ai"],
  ["CLAUDE.AI", "claude.ai"],
  ["claude。ai", "claude.ai"],
  ["ｃlaude.ai", "claude.ai"],
  ["cl\u00adaude.ai", "claude.ai"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["XN--BCHER-KVA.example.", "xn--bcher-kva.example"],
  ["127.1", "127.0.0.1"],
  ["127.0.0.1.", "127.0.0.1"],
  ["[::1]", "[::1]"],
  ["", ""],
  [".", ""],
  ["a b", ""],
])("found 16: %j is the host %j", (written, host) => {
  expect(normalizeHost(written)).toBe(host);
  expect(normalizeHost(host)).toBe(host);
});
