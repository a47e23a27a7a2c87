// The server processes in use, and who gets which. By default one for each person, OAuth client and
// set of capabilities: what one desktop application would start. Strangers share one of their own.
import type { Child, ChildEvents } from "../child/child.ts";
import { findMember, rawParam, stringParam, type Message } from "../frame/message.ts";
import { createBackoff } from "./process/backoff.ts";
import type { Bridge, BridgeOptions, ClaimedServer, ClientSide, Conversation } from "./bridge.ts";
import { createSharedServer, writeOwnInitialize, type SharedServer } from "./shared/shared-server.ts";
import { canonical, parseSpan, type Envelope } from "./envelope.ts";
import { chooseSpared, isIdle, type Occupant } from "./eviction.ts";
import type { AdapterOptions, Era, SessionAdapter, StatelessAdapter } from "./adapter.ts";
import { PAIRS } from "./pairs.ts";
import { createInvalidOutputReport } from "./process/invalid-output.ts";
import { createRequestStates } from "./request-state.ts";
import type { AcquireChild } from "./process/restarting-process.ts";
import { createStandby } from "./launch/standby.ts";
import { createBackpressure } from "./process/backpressure.ts";
import { createUnusableConversation, createUnusableServer } from "./unusable-server.ts";

interface Entry extends Occupant {
  readonly key: string;
  readonly host: SessionAdapter | StatelessAdapter;
  /** When a client last said something. */
  used: number;
  sessions: number;
  claims: number;
  /** Belongs to one session and ends with it. */
  readonly isPrivate: boolean;
}

/** Milliseconds after which a process nobody uses ends. */
const IDLE = 15 * 60_000;
const REAP_EVERY = 30_000;
/** Keys of processes that many share, whatever they can do and whichever revision they speak. */
const EVERYBODY = "everybody";
const ANONYMOUS = "strangers";
/** Sessions of strangers at a time; the one that was opened first goes. */
const MOST_ANONYMOUS = 100;

export function createBridge(options: BridgeOptions): Bridge {
  const { startChild, process, hasAnonymous, maxChildren, now, random, log } = options;
  // Least recently used first.
  const entries = new Map<string, Entry>();
  /** Processes that have been told to end and may have something to put away. */
  const ending = new Set<Promise<void>>();
  const onInvalidOutput = createInvalidOutputReport(log);
  const backpressure = createBackpressure();
  const standby = createStandby({ ...options, onInvalidOutput });
  const requestStates = createRequestStates(random(32));
  let loners = 0;
  let isClosed = false;
  /** Open sessions of strangers, oldest first. */
  const strangers = new Set<Conversation>();
  /** A server that refuses to be greeted is not started for strangers as often as they like. */
  const refusals = createBackoff(now);
  let closedToStrangersUntil = 0;
  /** Processes that one person and client may have while others have some. */
  const fairShare = Math.max(1, Math.ceil(maxChildren / 2));
  const reaper = setInterval(reap, REAP_EVERY);
  reaper.unref();

  function end(entry: Entry): Promise<void> {
    entries.delete(entry.key);
    const ended = entry.host.close().finally(() => ending.delete(ended));
    ending.add(ended);
    return ended;
  }

  function start(events: ChildEvents): Child {
    const child = startChild(events);
    options.onServer({ state: "started", pid: child.pid });
    return child;
  }

  function reap(): void {
    for (const entry of entries.values()) {
      if (entry.sessions === 0 && isIdle(entry) && now() - entry.used > IDLE) void end(entry);
    }
  }

  /**
   * Whether there is room for one more process, or there may be when a promise has resolved: then the one that can best
   * be spared has ended. Whoever is told that there is room has to take it at once, before anybody else asks.
   */
  function makeRoom(callerKey: string): boolean | Promise<void> {
    const all = [...entries.values()];
    const own = all.filter((entry) => entry.callerKey === callerKey);
    const crowds = own.length >= fairShare && own.length < all.length;
    if (!crowds && all.length + ending.size < maxChildren) return true;
    const [oldest] = ending;
    const isEnough = ending.size > 0 && all.length < maxChildren;
    const spared = crowds ? own.find(isIdle) : isEnough ? undefined : chooseSpared(callerKey, all);
    if (spared === undefined) return crowds || oldest === undefined ? false : oldest;
    log.info(`Ended the server process used least: ${maxChildren} at a time are allowed (--max-children).`);
    return end(spared);
  }

  /** The process for a key, claimed, and started if there is none; `undefined` when there is no room for one. */
  async function find<H extends Entry["host"]>(
    callerKey: string,
    key: string,
    isPrivate: boolean,
    create: (cell: AdapterOptions) => H,
    era: Era,
    takeGreeted: (events: ChildEvents) => Child | undefined = () => undefined,
  ) {
    const lookUp = () => entries.get(key) as (Entry & { host: H }) | undefined;
    for (;;) {
      // While somebody waited, the program may have begun to end.
      if (isClosed) return undefined;
      // Somebody with the same key may come while room is made.
      const known = lookUp();
      if (known !== undefined) {
        known.claims++;
        return known;
      }
      const room = makeRoom(callerKey);
      if (room === false) return undefined;
      if (room === true) break;
      await room;
    }
    const acquireChild: AcquireChild = (events) =>
      takeGreeted(events) ?? standby.take(events, era) ?? start(events);
    const use = () => {
      if (!entries.delete(key)) return;
      entry.used = now();
      entries.set(key, entry);
    };
    const gone = () => {
      if (key === ANONYMOUS) closedToStrangersUntil = now() + refusals.next();
      void end(entry);
    };
    const host = create({ ...options, acquireChild, backpressure, onInvalidOutput, used: use, gone });
    const entry: Entry & { host: H } = {
      key,
      callerKey,
      host,
      used: now(),
      claims: 1,
      sessions: 0,
      isPrivate,
    };
    entries.set(key, entry);
    return entry;
  }

  /** The process that a principal shares with all of its kind, by key; `undefined` when it does not. */
  function commonKey(callerKey: string): string | undefined {
    if (hasAnonymous && callerKey === "") return ANONYMOUS;
    return process === "shared" ? EVERYBODY : undefined;
  }

  async function findCommon(callerKey: string, key: string) {
    // A server of both eras is spoken to as older clients do: it serves both kinds of clients then, questions included.
    // Strangers are asked none, and need not wait until that has been tried.
    if (key === ANONYMOUS && now() < closedToStrangersUntil) return undefined;
    const offer = key === ANONYMOUS ? undefined : await standby.tryHandshake(writeOwnInitialize());
    const isModern = offer === undefined ? standby.isStateless() : !offer.hasSessions;
    const era = isModern ? "modern" : "legacy";
    const more = { requestStates, era, isPublic: key === ANONYMOUS } as const;
    const create = (adapter: AdapterOptions) => createSharedServer({ ...adapter, ...more });
    const entry = await find<SharedServer>(callerKey, key, false, create, era, offer?.take);
    offer?.release();
    return entry;
  }

  /** Sessions of the same client, capabilities and revision share a process, unless nobody is to share one. */
  async function findForSession(callerKey: string, initialize: Message) {
    const offer = await standby.tryHandshake(initialize);
    const era = offer.hasSessions ? "legacy" : "modern";
    const isPrivate = callerKey === "" || process === "session";
    const share = isPrivate ? `session ${++loners}` : `client ${callerKey}`;
    const version = stringParam(initialize, "protocolVersion");
    const key = JSON.stringify([share, "legacy", version, capabilitiesKey(initialize)]);
    const create = PAIRS.legacyClient[era];
    const entry = await find<SessionAdapter>(callerKey, key, isPrivate, create, era, offer.take);
    offer.release();
    return entry;
  }

  async function findForRequest(callerKey: string, envelope: Envelope) {
    const era = standby.isStateless() ? "modern" : "legacy";
    const key = JSON.stringify([`client ${callerKey}`, "modern", envelope.capabilitiesKey]);
    const create = (adapter: AdapterOptions) =>
      PAIRS.modernClient[era]({ ...adapter, requestStates, envelope });
    return find<StatelessAdapter>(callerKey, key, false, create, era);
  }

  function openOn(entry: Entry & { host: SessionAdapter }, client: ClientSide): Conversation {
    const isStranger = entry.key === ANONYMOUS;
    if (isStranger && strangers.size >= MOST_ANONYMOUS) [...strangers][0]?.close();
    entry.sessions++;
    // What it is opened for is called in this turn.
    setImmediate(() => entry.claims--);
    const conversation = entry.host.open({
      sendUnrelated: client.sendUnrelated,
      closed() {
        entry.sessions--;
        strangers.delete(conversation);
        if (entry.isPrivate && entries.has(entry.key)) void end(entry);
        client.closed();
      },
    });
    if (isStranger) strangers.add(conversation);
    return conversation;
  }

  return {
    launch: standby.launch,
    async openSession(callerKey, initialize, client): Promise<Conversation | undefined> {
      const problem = await standby.findProblem();
      if (problem !== undefined) return createUnusableConversation(client, problem);
      const common = commonKey(callerKey);
      const entry = await (common ? findCommon(callerKey, common) : findForSession(callerKey, initialize));
      return entry && openOn(entry, client);
    },
    async findServer(callerKey, envelope): Promise<ClaimedServer | undefined> {
      const problem = await standby.findProblem();
      if (problem !== undefined) return createUnusableServer(problem);
      const common = commonKey(callerKey);
      const entry = await (common ? findCommon(callerKey, common) : findForRequest(callerKey, envelope));
      return entry && { ...entry.host.serve(callerKey), release: () => entry.claims-- };
    },
    async isAlive(ms) {
      const newest = [...entries.values()].at(-1);
      return newest === undefined ? standby.isAlive(ms) : newest.host.isAlive(ms);
    },
    async close() {
      isClosed = true;
      clearInterval(reaper);
      for (const entry of entries.values()) void end(entry);
      await Promise.all([standby.close(), ...ending]);
    },
  };
}

function capabilitiesKey(initialize: Message): string {
  const at = findMember(initialize, initialize.paramsAt, "capabilities");
  return rawParam(initialize, "capabilities") === undefined ? "" : canonical(parseSpan(initialize, at));
}
