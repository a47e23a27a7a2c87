// A client as its lists are followed: on one session, on one stream that listens, or with one request that stands alone.
import type { ToolCatalog, ToolEdition } from "../../bridge/bridge.ts";
import type { Message } from "../../frame/message.ts";
import { readMessages } from "../../frame/message.ts";
import { isAnonymous, type Caller } from "../caller.ts";
import type { ListMethod } from "./list-methods.ts";

export interface Peer {
  /** The sender of its last request. */
  readonly caller: Caller;
  /** What the client calls itself, as JSON text. */
  readonly clientInfo: string | undefined;
  /** Equal for clients that a server cannot tell apart by what they can do, and so shows the same. */
  readonly view: string;
  /** Of the process that serves it now. */
  readonly tools: ToolCatalog;
  /** What `tools.edition` was when the process began to serve it. */
  readonly joinedOn: ToolEdition | undefined;
  /** Whether a process serves it. */
  readonly isAttached: boolean;
  /** Whether it would hear an announcement now. */
  isConnected(): boolean;
  /** Has a process serve it. @returns false when none can */
  attach(): Promise<boolean>;
  /** Makes a request of ours in the client's name. */
  ask(method: ListMethod, cursor: string | undefined): OwnRequest;
  /** Sends it a notification that a list has changed; absent where the client cannot be sent any. */
  tell?(notification: string): void;
}

/** A request of ours on its way. */
export interface OwnRequest {
  /** As the client would get it; `undefined` for an error. */
  readonly answer: Promise<Uint8Array | undefined>;
  /** It is no longer waited for. */
  cancel(): void;
}

/** The key that its lists are known by; `undefined` for clients that are not told apart among people who have signed in. */
export function peerKey({ caller, clientInfo }: Pick<Peer, "caller" | "clientInfo">): string | undefined {
  if (caller.key !== "") return caller.key;
  return isAnonymous(caller) ? undefined : (clientInfo?.slice(0, LONGEST_INFO) ?? "");
}

/** What stands for the client where nobody signs in. */
const LONGEST_INFO = 300;

/** @param traits of a client by which a server may choose what it shows */
export function nameView(traits: string): string {
  return Bun.hash(traits).toString(36);
}

/** What to call it for people. */
export function peerName({ caller, clientInfo }: Pick<Peer, "caller" | "clientInfo">): string {
  const { clientName } = caller.principal ?? {};
  if (clientName) return clientName;
  try {
    const { title, name } = JSON.parse(clientInfo ?? "{}") as { title?: unknown; name?: unknown };
    if (typeof title === "string" && title !== "") return title;
    if (typeof name === "string" && name !== "") return name;
  } catch {}
  return "A client";
}

/** A request of ours. @param meta JSON text of `_meta` */
export function composeListRequest(
  id: string,
  method: ListMethod,
  cursor: string | undefined,
  meta?: string,
): Message {
  const params = [
    ...(meta === undefined ? [] : [`"_meta":{${meta}}`]),
    ...(cursor === undefined ? [] : [`"cursor":${JSON.stringify(cursor)}`]),
  ];
  const text = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params.join(",")}}}`;
  const reading = readMessages(Buffer.from(text));
  if ("fault" in reading) throw new Error(`Our own message cannot be read: ${reading.fault}`);
  return reading.messages[0];
}
