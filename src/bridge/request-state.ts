// `requestState`: text that a client carries for us, and must never be able to make or change (MCP 2026-07-28, multi
// round-trip requests, "Server Requirements": integrity, principal, expiry, request).
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { createHmac, timingSafeEqual } from "node:crypto";

export interface RequestState {
  /** Which call of ours waits; empty for none. */
  parkedCall: string;
  /** Who made the call. */
  callerKey: string;
  /** Digest of the request. */
  request: string;
  /** Which round of the call. */
  round: number;
  /** When it ends, in milliseconds since the epoch. */
  expires: number;
}

export interface RequestStates {
  sign(state: RequestState): string;
  /** @returns `undefined` for a text that we have not signed */
  verify(text: string): RequestState | undefined;
}

/** Texts signed with one key are refused with any other. */
export function createRequestStates(key: Uint8Array): RequestStates {
  const mac = (payload: string) => createHmac("sha256", key).update(payload).digest();
  return {
    sign(state) {
      const payload = Buffer.from(JSON.stringify(state)).toString("base64url");
      return `${payload}.${mac(payload).toString("base64url")}`;
    },
    verify(text) {
      const [payload = "", signature = "", ...rest] = text.split(".");
      const given = Buffer.from(signature, "base64url");
      const right = mac(payload);
      if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right))
        return undefined;
      return JSON.parse(Buffer.from(payload, "base64url").toString()) as RequestState;
    },
  };
}
