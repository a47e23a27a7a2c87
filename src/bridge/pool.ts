// The server processes in use, and who gets which. By default one for each person, OAuth client and
// set of capabilities: what one desktop application would start. Nobody shares one with a stranger.
import type { Child, ChildEvents } from "../child/child.ts";
import { findMember, rawParam, stringParam, type Message } from "../frame/message.ts";
import type { Bridge, BridgeOptions, Conversation, StatelessServer } from "./bridge.ts";
import { canonical, parseSpan } from "./envelope.ts";
import { createLegacyOnLegacy, type CellOptions, type SessionHost } from "./legacy-on-legacy.ts";
import { createLegacyOnModern } from "./legacy-on-modern.ts";
import { createModernOnLegacy, type StatelessHost } from "./modern-on-legacy.ts";
import { createModernOnModern } from "./modern-on-modern.ts";
import { createSeal } from "./seal.ts";
import type { Hire } from "./server.ts";
import { createSpare } from "./spare.ts";

interface Entry {
  readonly key: string;
  readonly host: SessionHost | StatelessHost;
  /** When a client last said something. */
  used: number;
  /** Sessions open on it. */
  sessions: number;
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
  const spare = createSpare(options);
  const seal = createSeal(random(32));
  let strangers = 0;
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
      if (entry.sessions === 0 && entry.host.pending === 0 && now() - entry.used > IDLE) void end(entry);
    }
  }

  function makeRoom(): boolean {
    if (entries.size < maxChildren) return true;
    const idle = [...entries.values()].find(({ host }) => host.pending === 0);
    if (idle === undefined) return false;
    log.info(`Ended the server process used least: ${maxChildren} at a time are allowed (--max-children).`);
    void end(idle);
    return true;
  }

  /** The process for a key, started if there is none; `undefined` when there is no room for one. */
  function find<H extends Entry["host"]>(
    key: string,
    isPrivate: boolean,
    create: (cell: CellOptions) => H,
    era: "legacy" | "modern",
  ) {
    const known = entries.get(key);
    if (known !== undefined) return known as Entry & { host: H };
    if (!makeRoom()) return undefined;
    const hire: Hire = (events) => spare.take(events, era) ?? start(events);
    const use = () => {
      if (!entries.delete(key)) return;
      entry.used = now();
      entries.set(key, entry);
    };
    const gone = () => void end(entry);
    const host = create({ ...options, hire, used: use, gone });
    const entry: Entry & { host: H } = { key, host, used: now(), sessions: 0, isPrivate };
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
      const translated = (await spare.speaksModern()) && !(await spare.speaksLegacy());
      const { share, isPrivate } = shareKey(principal, "legacy");
      const key = JSON.stringify([
        share,
        "legacy",
        stringParam(initialize, "protocolVersion"),
        capabilitiesKey(initialize),
      ]);
      const entry = find<SessionHost>(
        key,
        isPrivate,
        (cell) =>
          translated ? createLegacyOnModern({ ...cell, random, isLegacy }) : createLegacyOnLegacy(cell),
        translated ? "modern" : "legacy",
      );
      if (entry === undefined) return undefined;
      entry.sessions++;
      return entry.host.open({
        loose: client.loose,
        closed() {
          entry.sessions--;
          if (entry.isPrivate && entries.has(key)) void end(entry);
          client.closed();
        },
      });
    },
    async findServer(principal, envelope): Promise<StatelessServer | undefined> {
      const isModern = await spare.speaksModern();
      const { share, isPrivate } = shareKey(principal, "modern");
      const key = JSON.stringify([share, "modern", envelope.capabilitiesKey]);
      const entry = find<StatelessHost>(
        key,
        isPrivate,
        (cell) =>
          (isModern ? createModernOnModern : createModernOnLegacy)({ ...cell, random, seal, envelope }),
        isModern ? "modern" : "legacy",
      );
      return entry?.host.serve(principal);
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
