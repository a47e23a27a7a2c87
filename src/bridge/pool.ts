// The server processes in use, and who gets which. By default one for each person, OAuth client and
// set of capabilities: what one desktop application would start. Nobody shares one with a stranger.
import type { Child, ChildEvents } from "../child/child.ts";
import { findMember, rawParam, stringParam, type Message } from "../frame/message.ts";
import type { Bridge, BridgeOptions, ClaimedServer, Conversation } from "./bridge.ts";
import { canonical, parseSpan } from "./envelope.ts";
import { createLegacyOnLegacy, type CellOptions, type SessionHost } from "./legacy-on-legacy.ts";
import { createLegacyOnModern } from "./legacy-on-modern.ts";
import { createModernOnLegacy, type StatelessHost } from "./modern-on-legacy.ts";
import { createModernOnModern } from "./modern-on-modern.ts";
import { createNoiseTeller } from "./noise.ts";
import { createSeal } from "./seal.ts";
import type { Hire } from "./server.ts";
import { createSpare } from "./spare.ts";
import { createUnread } from "./unread.ts";
import { createUnusableConversation, createUnusableServer } from "./unusable.ts";

interface Entry {
  readonly key: string;
  /** Whom it was started for; empty for anybody. */
  readonly principal: string;
  readonly host: SessionHost | StatelessHost;
  /** When a client last said something. */
  used: number;
  /** Sessions open on it. */
  sessions: number;
  /** Who has found it and has not called it yet. */
  claims: number;
  /** Belongs to one session and ends with it. */
  readonly isPrivate: boolean;
}

/** Milliseconds after which a process nobody uses ends. */
const IDLE = 15 * 60_000;
const REAP_EVERY = 30_000;

/** @param isLegacy whether a revision with sessions is one we know */
export function createBridge(options: BridgeOptions, isLegacy: (version: string) => boolean): Bridge {
  const { startChild, process, maxChildren, now, random, log } = options;
  // Least recently used first.
  const entries = new Map<string, Entry>();
  /** Processes that have been told to end and may have something to put away. */
  const ending = new Set<Promise<void>>();
  const onNoise = createNoiseTeller(log);
  const unread = createUnread();
  const spare = createSpare({ ...options, onNoise });
  const seal = createSeal(random(32));
  let strangers = 0;
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
  function makeRoom(principal: string): boolean | Promise<void> {
    const own = [...entries.values()].filter((entry) => entry.principal === principal);
    const crowds = own.length >= fairShare && own.length < entries.size;
    if (!crowds && entries.size + ending.size < maxChildren) return true;
    const [oldest] = ending;
    const spared = crowds ? own.find(isIdle) : chooseSpared(principal, own);
    if (spared === undefined) return crowds || oldest === undefined ? false : oldest;
    log.info(`Ended the server process used least: ${maxChildren} at a time are allowed (--max-children).`);
    return end(spared);
  }

  /**
   * The one whose end is noticed least: without an open session before those with one, the caller's own before others',
   * and a signed-in person's never for a stranger.
   */
  function chooseSpared(principal: string, own: readonly Entry[]): Entry | undefined {
    if (ending.size > 0 && entries.size < maxChildren) return undefined;
    const idle = [...entries.values()].filter(isIdle);
    const strangers = idle.filter((entry) => entry.principal === "");
    const inOrder = [...own.filter(isIdle), ...(principal === "" ? [] : [...strangers, ...idle])];
    return inOrder.find(({ sessions }) => sessions === 0) ?? inOrder[0];
  }

  /** The process for a key, claimed, and started if there is none; `undefined` when there is no room for one. */
  async function find<H extends Entry["host"]>(
    principal: string,
    key: string,
    isPrivate: boolean,
    create: (cell: CellOptions) => H,
    era: "legacy" | "modern",
    takeGreeted: (events: ChildEvents) => Child | undefined = () => undefined,
  ) {
    const lookUp = () => entries.get(key) as (Entry & { host: H }) | undefined;
    for (;;) {
      // Somebody with the same key may come while room is made.
      const known = lookUp();
      if (known !== undefined) {
        known.claims++;
        return known;
      }
      const room = makeRoom(principal);
      if (room === false) return undefined;
      if (room === true) break;
      await room;
    }
    const hire: Hire = (events) => takeGreeted(events) ?? spare.take(events, era) ?? start(events);
    const use = () => {
      if (!entries.delete(key)) return;
      entry.used = now();
      entries.set(key, entry);
    };
    const gone = () => void end(entry);
    const host = create({ ...options, hire, unread, onNoise, used: use, gone });
    const entry: Entry & { host: H } = {
      key,
      principal,
      host,
      used: now(),
      claims: 1,
      sessions: 0,
      isPrivate,
    };
    entries.set(key, entry);
    return entry;
  }

  /** Whom a process may be shared with; the empty principal is anybody, who may be a stranger each time. */
  function shareKey(principal: string, era: "legacy" | "modern"): { share: string; isPrivate: boolean } {
    if (process === "shared") return { share: "all", isPrivate: false };
    const isStranger = era === "legacy" && (principal === "" || process === "session");
    return isStranger
      ? { share: `stranger ${++strangers}`, isPrivate: true }
      : { share: `client ${principal}`, isPrivate: false };
  }

  return {
    launch: spare.launch,
    async openSession(principal, initialize, client): Promise<Conversation | undefined> {
      const problem = await spare.findProblem();
      if (problem !== undefined) return createUnusableConversation(client, problem);
      const offer = await spare.offer(initialize);
      const translated = !offer.hasSessions;
      const { share, isPrivate } = shareKey(principal, "legacy");
      const key = JSON.stringify([
        share,
        "legacy",
        stringParam(initialize, "protocolVersion"),
        capabilitiesKey(initialize),
      ]);
      const entry = await find<SessionHost>(
        principal,
        key,
        isPrivate,
        (cell) =>
          translated ? createLegacyOnModern({ ...cell, random, isLegacy }) : createLegacyOnLegacy(cell),
        translated ? "modern" : "legacy",
        offer.take,
      );
      offer.release();
      if (entry === undefined) return undefined;
      entry.sessions++;
      // What it is opened for is called in this turn.
      setImmediate(() => entry.claims--);
      return entry.host.open({
        loose: client.loose,
        closed() {
          entry.sessions--;
          if (entry.isPrivate && entries.has(key)) void end(entry);
          client.closed();
        },
      });
    },
    async findServer(principal, envelope): Promise<ClaimedServer | undefined> {
      const problem = await spare.findProblem();
      if (problem !== undefined) return createUnusableServer(problem);
      const isModern = spare.isStateless();
      const { share, isPrivate } = shareKey(principal, "modern");
      const key = JSON.stringify([share, "modern", envelope.capabilitiesKey]);
      const entry = await find<StatelessHost>(
        principal,
        key,
        isPrivate,
        (cell) =>
          (isModern ? createModernOnModern : createModernOnLegacy)({ ...cell, random, seal, envelope }),
        isModern ? "modern" : "legacy",
      );
      return entry && { ...entry.host.serve(principal), release: () => entry.claims-- };
    },
    async answers(ms) {
      const newest = [...entries.values()].at(-1);
      return newest === undefined ? spare.answers(ms) : newest.host.answers(ms);
    },
    async close() {
      clearInterval(reaper);
      for (const entry of entries.values()) void end(entry);
      await Promise.all([spare.close(), ...ending]);
    },
  };
}

function capabilitiesKey(initialize: Message): string {
  const at = findMember(initialize, initialize.paramsAt, "capabilities");
  return rawParam(initialize, "capabilities") === undefined ? "" : canonical(parseSpan(initialize, at));
}

function isIdle({ host, claims }: Entry): boolean {
  return host.pending === 0 && claims === 0;
}
