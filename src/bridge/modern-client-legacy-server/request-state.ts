// Text that a client carries for us and must not be able to make or change (MCP 2026-07-28, multi
// round-trip requests, "Server Requirements": integrity, principal, expiry, request).
import { createHmac, timingSafeEqual } from "node:crypto";

export interface Ticket {
  /** Which call of ours waits. */
  trip: string;
  /** Whose it is. */
  callerKey: string;
  /** Digest of what was asked for. */
  request: string;
  /** Which of its rounds. */
  round: number;
  /** When it ends, in milliseconds since the epoch. */
  expires: number;
}

export interface Seal {
  write(ticket: Ticket): string;
  /** @returns `undefined` for a text that is not ours, whatever is wrong with it */
  read(text: string): Ticket | undefined;
}

/** Texts sealed with one key cannot be read with another; the key ends with the program. */
export function createSeal(key: Uint8Array): Seal {
  const sign = (payload: string) => createHmac("sha256", key).update(payload).digest();
  return {
    write(ticket) {
      const payload = Buffer.from(JSON.stringify(ticket)).toString("base64url");
      return `${payload}.${sign(payload).toString("base64url")}`;
    },
    read(text) {
      const [payload = "", signature = "", ...rest] = text.split(".");
      const given = Buffer.from(signature, "base64url");
      const right = sign(payload);
      if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right))
        return undefined;
      return JSON.parse(Buffer.from(payload, "base64url").toString()) as Ticket;
    },
  };
}
