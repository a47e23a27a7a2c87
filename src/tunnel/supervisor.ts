// Keeps one tunnel open for as long as the program runs: one attempt after the other, until a person has to act.
// States: opening → up ⇄ interrupted → waiting → opening …, and over. Knows no provider, no clock and no network of its own.
import type { UserError } from "../errors.ts";
import type { Capabilities, OpenTunnel, Tunnel, TunnelEvents, TunnelTarget, Up } from "./tunnel.ts";

/** Why an attempt has ended. */
export interface Setback {
  /** For a person. */
  error: UserError;
  /**
   * `final`: the same would happen again; `occupied`: it may pass when somebody else, such as our own predecessor,
   * has let go; `passing`: the next try may succeed.
   */
  outlook: "final" | "occupied" | "passing";
}

export interface AttemptEvents {
  /** The open tunnel carries nothing for now, and the provider's program is getting it back by itself. */
  interrupted(reason: string): void;
  /** It has it back, perhaps under another URL. */
  resumed(up: Up): void;
  notice(text: string): void;
}

/** One try to open the tunnel and, when it succeeds, the life of that tunnel. */
export interface Attempt {
  readonly opened: Promise<Up | Setback>;
  /** The end of an opened tunnel, if it comes by itself. */
  readonly ended: Promise<Setback>;
  /** Ends it in order. Never rejects; bounded to a few seconds. */
  close(): Promise<void>;
  /** Ends it at once; nothing is left behind. */
  kill(): void;
}

export interface Provider {
  kind: Tunnel["kind"];
  capabilities: Capabilities;
  begin(target: TunnelTarget, events: AttemptEvents): Attempt;
  /** A cheap look whether a try has a chance; absent: always. Never rejects, takes two seconds at most. */
  isReachable?(): Promise<boolean>;
}

export interface SupervisorEnv {
  now(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** How long a name that is taken is asked for at the start: milliseconds. */
  patience?: number;
}

/** ngrok forgets an agent that has vanished without a word after its heartbeats have been missing for a while. */
const PATIENCE = 30_000;
const SHORTEST = 500;
const LONGEST = 30_000;
/** While the network is gone this is all that is done, so that its return is noticed at once. */
const LOOK_EVERY = 500;

/** Milliseconds before try number `tries` (from 0): from 0.5 s to 30 s, spread so that many do not come back at once. */
export function chooseDelay(tries: number, random: number): number {
  const longest = Math.min(LONGEST, SHORTEST * 2 ** (tries + 1));
  return Math.round(longest / 2 + (longest / 2) * random);
}

export function supervise(provider: Provider, around: SupervisorEnv): OpenTunnel {
  return async (target, events, signal) => {
    signal.throwIfAborted();
    const run: Run = { provider, target, events, life: new AbortController(), patience: PATIENCE, ...around };
    const abandon = () => {
      run.life.abort();
      run.attempt?.kill();
    };
    signal.addEventListener("abort", abandon);
    try {
      const up = await openFirst(run, signal);
      void keepOpen(run);
      return {
        ...up,
        kind: provider.kind,
        capabilities: provider.capabilities,
        async close() {
          run.life.abort();
          await run.attempt?.close();
        },
      };
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  };
}

interface Run extends Required<SupervisorEnv> {
  readonly provider: Provider;
  readonly target: TunnelTarget;
  readonly events: TunnelEvents;
  /** Aborted when nothing more is to be tried. */
  readonly life: AbortController;
  /** The latest. */
  attempt?: Attempt;
  /** Present while the tunnel is down. */
  since?: number;
}

/** Only a name that is still taken is waited for: whatever else is wrong at the start, a person is there to see it. */
async function openFirst(run: Run, signal: AbortSignal): Promise<Up> {
  const { now, random, sleep, patience, events, life } = run;
  const until = now() + patience;
  for (let tries = 0; ; tries++) {
    const outcome = await tryOnce(run);
    signal.throwIfAborted();
    if ("url" in outcome) return outcome;
    if (outcome.outlook !== "occupied" || now() >= until) throw outcome.error;
    if (tries === 0) events.notice(`${outcome.error.message} Trying for ${patience / 1000} s.`);
    await sleep(Math.min(chooseDelay(tries, random()), until - now()), life.signal);
    signal.throwIfAborted();
  }
}

async function tryOnce(run: Run): Promise<Up | Setback> {
  const attempt = run.provider.begin(run.target, {
    interrupted: (reason) => tellDown(run, reason),
    resumed: (up) => tellUp(run, up),
    notice: (text) => run.events.notice(text),
  });
  run.attempt = attempt;
  const outcome = await attempt.opened;
  if (!("url" in outcome)) attempt.kill();
  return outcome;
}

async function keepOpen(run: Run): Promise<void> {
  while (!isOver(run)) {
    const setback = await run.attempt!.ended;
    // Closing in order ends an attempt too, and is not to be cut short.
    if (isOver(run)) return;
    run.attempt!.kill();
    await getBack(run, setback);
  }
}

async function getBack(run: Run, setback: Setback): Promise<void> {
  for (let tries = 0; !isOver(run); tries++) {
    if (setback.outlook === "final") return giveUp(run, setback);
    const delay = chooseDelay(tries, run.random());
    tellDown(run, setback.error.message, delay);
    await run.sleep(delay, run.life.signal);
    if (await waitForNetwork(run)) tries = 0;
    if (isOver(run)) return;
    const outcome = await tryOnce(run);
    if ("url" in outcome) return tellUp(run, outcome);
    setback = outcome;
  }
}

/** @returns whether there was anything to wait for */
async function waitForNetwork(run: Run): Promise<boolean> {
  const { provider } = run;
  let waited = false;
  while (!isOver(run) && (await provider.isReachable?.()) === false) {
    if (!waited) tellDown(run, `${provider.kind} cannot be reached; is this machine online?`, LOOK_EVERY);
    waited = true;
    await run.sleep(LOOK_EVERY, run.life.signal);
  }
  return waited;
}

function giveUp(run: Run, { error }: Setback): void {
  run.life.abort();
  run.attempt?.kill();
  run.events.failed(error.message, error.hint);
}

function tellUp(run: Run, up: Up): void {
  if (isOver(run)) return;
  delete run.since;
  run.events.up(up);
}

function tellDown(run: Run, reason: string, nextTry?: number): void {
  if (isOver(run)) return;
  run.since ??= run.now();
  run.events.down({ reason, since: run.since, ...(nextTry !== undefined && { nextTry }) });
}

function isOver({ life }: Run): boolean {
  return life.signal.aborted;
}
