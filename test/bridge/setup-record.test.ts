// What is remembered of a session's subscriptions is bounded.
import { expect, test } from "bun:test";
import type { SessionSetup } from "../../src/bridge/bridge.ts";
import { createSetupRecord } from "../../src/bridge/lasting/setup-record.ts";
import { toMessage } from "./fake-child.ts";
import { INITIALIZE } from "./pair-clients.ts";

const BEGUN: SessionSetup = {
  initialize: toMessage(INITIALIZE),
  isInitialized: true,
  logLevel: undefined,
  resources: new Set(),
};

test.each([
  ["a thousand", 1_100, 10, 1_000],
  ["64 KB", 100, 1_024, 64],
])(
  "of more than %s the first are kept, and there is room again for another one",
  (_what, count, bytes, most) => {
    const record = createSetupRecord(BEGUN, undefined);
    const uris = Array.from({ length: count }, (_, at) => String(at).padStart(bytes, "x"));
    const accept = (method: string, uri: string | undefined) => {
      const ignored = { notify() {}, respond() {}, cancelled() {} };
      record.follow(toMessage({ id: 1, method, params: { uri } }), ignored).respond(new Uint8Array());
    };
    for (const uri of uris) accept("resources/subscribe", uri);
    expect([...record.current!.resources]).toEqual(uris.slice(0, most));
    accept("resources/unsubscribe", uris[0]);
    accept("resources/subscribe", uris.at(-1));
    expect([...record.current!.resources]).toEqual([...uris.slice(1, most), uris.at(-1)!]);
  },
);
