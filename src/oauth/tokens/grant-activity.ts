// Events in the life of a grant, for the log and the machine output. They never carry a secret.

import type { RevocationReason } from "../../store/store.ts";

export interface GrantActivity {
  /** `issued`: the client fetched its first tokens for an approval. */
  state: "approved" | "denied" | "login-failed" | "issued" | "refreshed" | "revoked";
  clientId?: string;
  /** The name the client gives itself. */
  clientName?: string;
  subject?: string;
  grantId?: string;
  /** The scopes that were granted, or asked for. */
  scopes?: readonly string[];
  /** The host, or the app's scheme, that the answer goes to. */
  destination?: string;
  /** The address of the person at the approval page; an IPv6 address counts as its /64. */
  source?: string;
  /** Why a grant was revoked. */
  reason?: RevocationReason;
}

export type OnGrant = (event: GrantActivity) => void;
