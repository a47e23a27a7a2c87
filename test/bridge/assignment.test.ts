// Which clients share a server process, for whom it is started, and with what environment.
import { describe, expect, test } from "bun:test";
import type { BridgeCaller } from "../../src/bridge/bridge.ts";
import {
  assignRequest,
  assignSession,
  mayTakeStandby,
  occasionOf,
  type SharingRules,
} from "../../src/bridge/pool/assignment.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";

const ADA: BridgeCaller = { key: '["ada","app"]', principal: { subject: "ada", clientId: "app" } };
const BOB: BridgeCaller = { key: '["bob","app"]', principal: { subject: "bob", clientId: "app" } };
const NOBODY: BridgeCaller = { key: "" };
const BY_CLIENT: SharingRules = { process: "client", hasAnonymous: false };

function initialize(capabilities: object = {}, protocolVersion = "2025-11-25"): Message {
  const params = { protocolVersion, capabilities, clientInfo: { name: "test", version: "1" } };
  const reading = readMessages(
    Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })),
  );
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.messages[0];
}

let sessions = 0;
const session = (caller: BridgeCaller, rules = BY_CLIENT, message = initialize()) =>
  assignSession(caller, message, ++sessions, rules);
const request = (caller: BridgeCaller, rules = BY_CLIENT, capabilitiesKey = "{}") =>
  assignRequest(
    caller,
    { version: "2026-07-28", clientInfo: undefined, capabilities: {}, capabilitiesKey, logLevel: undefined },
    rules,
  );

describe("by default", () => {
  test("sessions of one person and client share a process, and no others do", () => {
    expect(session(ADA).key).toBe(session(ADA).key);
    expect(session(ADA).key).not.toBe(session(BOB).key);
    expect(session(ADA).key).not.toBe(request(ADA).key);
  });

  test("clients with other capabilities or another revision have another process", () => {
    const plain = session(ADA).key;
    expect(session(ADA, BY_CLIENT, initialize({ roots: {} })).key).not.toBe(plain);
    expect(session(ADA, BY_CLIENT, initialize({}, "2025-06-18")).key).not.toBe(plain);
    expect(request(ADA, BY_CLIENT, '{"roots":{}}').key).not.toBe(request(ADA).key);
  });

  test("capabilities written in another order are the same", () => {
    const one = session(ADA, BY_CLIENT, initialize({ roots: {}, sampling: {} }));
    expect(session(ADA, BY_CLIENT, initialize({ sampling: {}, roots: {} })).key).toBe(one.key);
  });

  test("each session has its own where no one signs in", () => {
    expect(session(NOBODY).key).not.toBe(session(NOBODY).key);
    expect(session(NOBODY).sharing).toBe("session");
  });
});

test("with a process for each session, no two share a process", () => {
  const rules: SharingRules = { process: "session", hasAnonymous: false };
  expect(session(ADA, rules).key).not.toBe(session(ADA, rules).key);
});

test("a shared process is everyone's, but never one of anonymous callers among people", () => {
  const rules: SharingRules = { process: "shared", hasAnonymous: true };
  expect(session(ADA, rules).key).toBe(request(BOB, rules).key);
  expect(session(NOBODY, rules).key).toBe(request(NOBODY, rules).key);
  expect(session(NOBODY, rules).key).not.toBe(session(ADA, rules).key);
});

describe("a process is started", () => {
  test("for the caller it belongs to", () => {
    const owner = { kind: "caller", key: ADA.key, subject: "ada", clientId: "app" } as const;
    expect(occasionOf(session(ADA))).toEqual({ owner, env: {} });
    expect(occasionOf(request(ADA))).toEqual({ owner, env: {} });
  });

  test("for no caller where it is shared or no one signs in", () => {
    const shared: SharingRules = { process: "shared", hasAnonymous: false };
    expect(occasionOf(session(ADA, shared)).owner).toEqual({ kind: "shared" });
    expect(occasionOf(session(NOBODY)).owner).toEqual({ kind: "anonymous" });
    const mixed: SharingRules = { process: "client", hasAnonymous: true };
    expect(occasionOf(request(NOBODY, mixed)).owner).toEqual({ kind: "anonymous" });
  });
});

describe("with an environment for each caller", () => {
  const environmentFor = ({ principal }: BridgeCaller) => ({ PERSON: principal?.subject ?? "" });
  const rules: SharingRules = { ...BY_CLIENT, environmentFor };

  test("the process gets it, and is never the one that was started before its client was known", () => {
    expect(occasionOf(session(ADA, rules)).env).toEqual({ PERSON: "ada" });
    expect(mayTakeStandby(session(ADA, rules))).toBe(false);
    expect(mayTakeStandby(session(ADA))).toBe(true);
    expect(mayTakeStandby(session(ADA, { ...BY_CLIENT, environmentFor: () => ({}) }))).toBe(true);
  });

  test("another environment means another process", () => {
    const later: SharingRules = { ...BY_CLIENT, environmentFor: () => ({ PERSON: "somebody else" }) };
    expect(session(ADA, rules).key).toBe(session(ADA, rules).key);
    expect(request(ADA, rules).key).not.toBe(request(ADA, later).key);
  });

  test("a process of many callers gets none", () => {
    const shared: SharingRules = { process: "shared", hasAnonymous: true, environmentFor };
    expect(occasionOf(session(ADA, shared)).env).toEqual({});
    expect(occasionOf(session(NOBODY, shared)).env).toEqual({});
  });
});
