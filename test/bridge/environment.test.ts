// A process that is started for one caller has that caller's environment, and is never the one started at launch.
import { randomBytes } from "node:crypto";
import { expect, test } from "bun:test";
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import type { BridgeCaller } from "../../src/bridge/bridge.ts";
import type { ChildOccasion } from "../../src/child/child.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";
import { createLog } from "../../src/log.ts";
import { fixture, INITIALIZE, type Wire } from "../eras/wire.ts";

function toMessage(message: object): Message {
  const reading = readMessages(Buffer.from(JSON.stringify(message)));
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.messages[0];
}

test("each caller's process has its own variables, which name the caller", async () => {
  const occasions: ChildOccasion[] = [];
  const command = {
    file: process.execPath,
    args: [fixture("obedient")],
    env: {},
    viaShell: false,
    name: "",
    target: "",
  };
  const spawn = createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000_000, grace: 1_000 });
  const bridge = createBridge({
    startChild(childEvents, occasion) {
      occasions.push(occasion);
      return spawn(childEvents, occasion);
    },
    process: "client",
    environmentFor: ({ principal }) => ({ PERSON: principal?.subject ?? "" }),
    hasAnonymous: false,
    childEra: "auto",
    maxChildren: 8,
    requestStateKey: randomBytes(32),
    now: Date.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    log: createLog({ level: "quiet", write: () => {}, color: false }),
    onServer: () => {},
    onStderr: () => {},
  });
  await bridge.launch();

  async function findPerson(caller: BridgeCaller): Promise<unknown> {
    const client = { sendUnrelated: () => {}, closed: () => {} };
    const conversation = (await bridge.openSession(caller, toMessage(INITIALIZE), client))!;
    const request = (message: object) =>
      new Promise<Wire>((resolve) =>
        conversation.call(toMessage(message), {
          notify() {},
          respond: (bytes) => resolve(JSON.parse(Buffer.from(bytes).toString()) as Wire),
          cancelled() {},
        }),
      );
    await request(INITIALIZE);
    conversation.send(toMessage({ jsonrpc: "2.0", method: "notifications/initialized" }));
    const params = { name: "env", arguments: { name: "PERSON" } };
    const answer = await request({ jsonrpc: "2.0", id: 9, method: "tools/call", params });
    return answer.result?.["value"] ?? answer;
  }
  const callerOf = (subject: string) => ({ key: subject, principal: { subject, clientId: "app" } });
  try {
    expect(await findPerson(callerOf("ada"))).toBe("ada");
    expect(await findPerson(callerOf("bob"))).toBe("bob");
    const owners = occasions.map(({ owner }) => (owner.kind === "caller" ? owner.subject : owner.kind));
    expect(owners.filter((owner) => owner !== "launch")).toEqual(["ada", "bob"]);
  } finally {
    await bridge.close();
  }
});
