// The addresses that the assistants' servers call from, as their makers publish them. Looked up on 2026-11-21.
// Claude: https://platform.claude.com/docs/en/api/ip-addresses, "Outbound IP addresses".
// ChatGPT: https://developers.openai.com/api/docs/guides/ip-addresses, which says to fetch the list because it changes.

export type Assistant = "chatgpt" | "claude";

/** CIDR blocks, or the URL where the maker publishes them as `{"prefixes": [{"ipv4Prefix": "…"}, …]}`. */
export const PUBLISHED: Record<Assistant, { ranges: readonly string[] } | { list: string }> = {
  chatgpt: { list: "https://openai.com/chatgpt-connectors.json" },
  claude: { ranges: ["160.79.104.0/21"] },
};
