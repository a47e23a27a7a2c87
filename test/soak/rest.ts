// A session at rest for longer than its server process lives: the client's next call is answered as if nothing had been.
import { fixture, openSession } from "../eras/wire.ts";
import { signIn } from "../faults/sign-in.ts";
import { startProgram, type Program } from "../program.ts";

const PASTED = "paste-me-please";

/** @param ms how long no one uses it, in milliseconds @returns what was not as it should be */
export async function restAndCall(ms: number): Promise<string[]> {
  await using program = await startProgram(["--tunnel", "none", "--token", PASTED, fixture("obedient")]);
  const { headers } = await signIn(program.ready.url, { token: PASTED });
  const session = await openSession(program.ready.url, headers);
  await session.call("cwd");
  const before = countStates(program);
  await Bun.sleep(ms);
  const rested = countStates(program);
  const answer = await session.call("cwd");
  const faults: string[] = [];
  if (rested.exited === before.exited) faults.push("The process of a session at rest was not ended.");
  if (answer.result === undefined)
    faults.push(`A call after the rest was answered with ${JSON.stringify(answer)}.`);
  if (countStates(program).started !== rested.started + 1)
    faults.push("A session at rest did not go on with one new process.");
  return faults;
}

function countStates({ events }: Program): Record<"started" | "exited", number> {
  const count = (state: string) =>
    events.filter((event) => event.event === "child" && event.state === state).length;
  return { started: count("started"), exited: count("exited") };
}
