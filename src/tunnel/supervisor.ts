// Keeps one tunnel open for as long as the program runs: one attempt after the other, until a person has to act.
// States: opening → up ⇄ interrupted → waiting → opening …, and over. Knows no provider, no clock and no network of its own.
import type { UserError } from "../errors.ts";
import type { OpenTunnel, Timing, TunnelConnection, TunnelEvents, TunnelTarget } from "./tunnel.ts";

/** Why an attempt did not open a tunnel, or why an open one has ended. */
export interface AttemptFailure {
  /** For a person. */
  error: UserError;
  /**
   * `permanent`: the same would happen again; `occupied`: the URL is free once its holder, such as our own predecessor,
   * has let go of it; `transient`: the next try may succeed.
   */
  outlook: "permanent" | "occupied" | "transient";
}

export interface AttemptEvents {
  /** The open tunnel carries nothing for now, and the provider's program reconnects by itself. */
  interrupted(reason: string): void;
  /** The provider's program has reconnected, perhaps under another URL. */
  resumed(connection: TunnelConnection): void;
  warn(text: string): void;
}

/** One try to open the tunnel and, when it succeeds, the life of that tunnel. */
export interface Attempt {
  readonly opened: Promise<TunnelConnection | AttemptFailure>;
  /** The end of an opened tunnel, if it comes by itself. */
  readonly ended: Promise<AttemptFailure>;
  /** Ends it in order. Never rejects; bounded to a few seconds. */
  close(): Promise<void>;
  /** Ends it at once; nothing is left behind. */
  kill(): void;
}

/** Makes attempts; the supervisor decides when. */
export interface AttemptFactory {
  /** The provider's name, for a person. */
  name: string;
  begin(target: TunnelTarget, events: AttemptEvents): Attempt;
  /** A cheap check whether a try has a chance; absent: always. Never rejects, takes two seconds at most. */
  isReachable?(): Promise<boolean>;
}

export interface SupervisorTiming extends Timing {
  /** How long an occupied URL is tried for at the start: milliseconds. */
  patience?: number;
}

/** ngrok frees the URL of an agent that has vanished when its heartbeats have been missing for a while. */
const PATIENCE = 30_000;
const SHORTEST = 500;
const LONGEST = 30_000;
/** While the network is gone nothing else is done, so that its return is noticed at once. */
const CHECK_EVERY = 500;

/** Milliseconds before try number `tries` (from 0): from 0.5 s to 30 s, spread so that many programs do not come back at once. */
export function chooseDelay(tries: number, random: number): number {
  const longest = Math.min(LONGEST, SHORTEST * 2 ** (tries + 1));
  return Math.round(longest / 2 + (longest / 2) * random);
}

export function supervise(factory: AttemptFactory, timing: SupervisorTiming): OpenTunnel {
  return async (target, events, signal) => {
    signal.throwIfAborted();
    const life = new AbortController();
    const state: SupervisorState = { factory, target, events, life, patience: PATIENCE, ...timing };
    const abandon = () => {
      life.abort();
      state.attempt?.kill();
    };
    signal.addEventListener("abort", abandon);
    try {
      const connection = await openFirst(state, signal);
      void keepOpen(state);
      return {
        ...connection,
        async close() {
          life.abort();
          await state.attempt?.close();
        },
      };
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  };
}

interface SupervisorState extends Required<SupervisorTiming> {
  readonly factory: AttemptFactory;
  readonly target: TunnelTarget;
  readonly events: TunnelEvents;
  /** Aborted when nothing more is to be tried. */
  readonly life: AbortController;
  /** The latest. */
  attempt?: Attempt;
  /** Present while the tunnel is down. */
  since?: number;
}

/** Only an occupied URL is waited for: a person is there at the start to see any other failure. */
async function openFirst(state: SupervisorState, signal: AbortSignal): Promise<TunnelConnection> {
  const { now, random, sleep, patience, events, life } = state;
  const until = now() + patience;
  for (let tries = 0; ; tries++) {
    const outcome = await tryOnce(state);
    signal.throwIfAborted();
    if ("url" in outcome) return outcome;
    if (outcome.outlook !== "occupied" || now() >= until) throw outcome.error;
    if (tries === 0) events.warn(`${outcome.error.message} Retrying for ${patience / 1000} s.`);
    await sleep(Math.min(chooseDelay(tries, random()), until - now()), life.signal);
    signal.throwIfAborted();
  }
}

async function tryOnce(state: SupervisorState): Promise<TunnelConnection | AttemptFailure> {
  const attempt = state.factory.begin(state.target, {
    interrupted: (reason) => reportDown(state, reason),
    resumed: (connection) => reportUp(state, connection),
    warn: (text) => state.events.warn(text),
  });
  state.attempt = attempt;
  const outcome = await attempt.opened;
  if (!("url" in outcome)) attempt.kill();
  return outcome;
}

async function keepOpen(state: SupervisorState): Promise<void> {
  while (!isOver(state)) {
    const failure = await state.attempt!.ended;
    // Closing in order ends an attempt too, and must not be cut short.
    if (isOver(state)) return;
    state.attempt!.kill();
    await reopen(state, failure);
  }
}

async function reopen(state: SupervisorState, failure: AttemptFailure): Promise<void> {
  for (let tries = 0; !isOver(state); tries++) {
    if (failure.outlook === "permanent") return giveUp(state, failure);
    const delay = chooseDelay(tries, state.random());
    reportDown(state, failure.error.message, delay);
    await state.sleep(delay, state.life.signal);
    if (await waitForNetwork(state)) tries = 0;
    if (isOver(state)) return;
    const outcome = await tryOnce(state);
    if ("url" in outcome) return reportUp(state, outcome);
    failure = outcome;
  }
}

/** @returns whether there was anything to wait for */
async function waitForNetwork(state: SupervisorState): Promise<boolean> {
  const { factory } = state;
  let waited = false;
  while (!isOver(state) && (await factory.isReachable?.()) === false) {
    if (!waited) reportDown(state, `${factory.name} cannot be reached. Is this machine online?`, CHECK_EVERY);
    waited = true;
    await state.sleep(CHECK_EVERY, state.life.signal);
  }
  return waited;
}

function giveUp(state: SupervisorState, { error }: AttemptFailure): void {
  state.life.abort();
  state.attempt?.kill();
  state.events.failed(error.message, error.hint);
}

function reportUp(state: SupervisorState, connection: TunnelConnection): void {
  if (isOver(state)) return;
  delete state.since;
  state.events.up(connection);
}

function reportDown(state: SupervisorState, reason: string, nextTry?: number): void {
  if (isOver(state)) return;
  state.since ??= state.now();
  state.events.down({ reason, since: state.since, ...(nextTry !== undefined && { nextTry }) });
}

function isOver({ life }: SupervisorState): boolean {
  return life.signal.aborted;
}
