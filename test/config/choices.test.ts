// Held by the compiler: a list of choices that lacks a member of the type it belongs to fails the type check.
import { expect, test } from "bun:test";
import type { ChildEra, ProcessMode } from "../../src/bridge/bridge.ts";
import { ASSISTANTS, type CHILD_ERAS, type PROCESS_MODES, TUNNEL_KINDS } from "../../src/config/choices.ts";
import type { Config } from "../../src/config/config.ts";
import type { ConfigFile } from "../../src/config/define-config.ts";
import { OPTIONS } from "../../src/config/options.ts";
import type { Assistant } from "../../src/tunnel/assistant-addresses.ts";
import type { Equal, Holds } from "./type-equality.ts";

type Ranges = NonNullable<NonNullable<ConfigFile["ngrok"]>["ranges"]>;

export type Complete = [
  Holds<Equal<(typeof PROCESS_MODES)[number], ProcessMode>>,
  Holds<Equal<(typeof CHILD_ERAS)[number], ChildEra>>,
  Holds<Equal<(typeof ASSISTANTS)[number], Assistant>>,
  Holds<Equal<keyof Ranges, Assistant>>,
  Holds<Equal<Config["process"], ProcessMode>>,
  Holds<Equal<Config["childEra"], ChildEra>>,
];

test("an option offers all of its list, and nothing else", () => {
  expect(OPTIONS.tunnel.kind.values).toEqual(TUNNEL_KINDS);
  for (const kind of TUNNEL_KINDS) expect(OPTIONS.tunnel.kind.read(kind, "/")).toBe(kind);
  expect(OPTIONS.tunnel.kind.read("frp", "/")).toBeUndefined();
  expect(OPTIONS.only.kind.read(ASSISTANTS.join(","), "/")).toEqual(ASSISTANTS);
});
