// The one spelling of a host. A name has many: in capitals, with the final dot of a full name (RFC 1034 §3.1), in other
// scripts and widths (UTS #46). What is compared with a name is brought into this form first, where it enters.
import { domainToASCII } from "node:url";

/**
 * @param name a host alone, without scheme, user or port
 * @returns in ASCII and small letters, without a final dot; empty where no host can be made of it; whether there can be one of that name is not looked at
 */
export function normalizeHost(name: string): string {
  return domainToASCII(name).replace(/\.+$/, "");
}
