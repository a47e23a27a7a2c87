// What happens to grants, told to whoever watches (the log, the machine output). Never carries a secret.

import type { RevocationReason } from "../../store/store.ts";

export interface GrantActivity {
  /** `issued`: the client fetched its first tokens for an approval. */
  state: "approved" | "denied" | "login-failed" | "issued" | "refreshed" | "revoked";
  clientId?: string;
  /** What the client calls itself. */
  clientName?: string;
  subject?: string;
  grantId?: string;
  /** What is, or was to be, allowed. */
  scopes?: readonly string[];
  /** The host, or the app's scheme, that the answer goes to. */
  destination?: string;
  /** Where the person at the approval page sits; an IPv6 address counts as its /64. */
  source?: string;
  /** Why a grant was revoked. */
  reason?: RevocationReason;
}

export type OnGrant = (event: GrantActivity) => void;
