// Every choice an option offers, once: options, help, messages and types derive from these lists.
// Where another room owns the type, the list is held to it here, and test/config/choices.test.ts holds it complete.
import type { ChildEra, ProcessMode } from "../bridge/bridge.ts";
import type { Assistant } from "../tunnel/assistant-addresses.ts";

export const TUNNEL_KINDS = ["ngrok", "cloudflared", "tailscale", "none"] as const;
export type TunnelKind = (typeof TUNNEL_KINDS)[number];

/** `optional`: anyone may list what there is, calls need a token. */
export const AUTH_MODES = ["oauth", "optional", "none"] as const;
export type AuthMode = (typeof AUTH_MODES)[number];

export const PROCESS_MODES = ["client", "session", "shared"] as const satisfies readonly ProcessMode[];

export const CHILD_ERAS = ["auto", "legacy", "modern"] as const satisfies readonly ChildEra[];

export const ASSISTANTS = ["chatgpt", "claude"] as const satisfies readonly Assistant[];
