// Speaks to the program as a client of 2026-07-28 without an SDK: every byte and header is the test's own.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
import { readAnswer, type Headers, type Wire } from "../eras/wire.ts";

export const REVISION = "2026-07-28";
export const META = {
  version: "io.modelcontextprotocol/protocolVersion",
  capabilities: "io.modelcontextprotocol/clientCapabilities",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscription: "io.modelcontextprotocol/subscriptionId",
} as const;
export const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

export interface RequestOptions {
  id?: number | string;
  /** Added to `_meta`. */
  meta?: object;
  headers?: Headers;
  signal?: AbortSignal;
}

export interface StatelessClient {
  request(method: string, params?: object, options?: RequestOptions): Promise<Response>;
  /** Calls a tool; `more` are other members of `params`. */
  start(tool: string, args?: object, options?: RequestOptions, more?: object): Promise<Response>;
  /** Calls a tool and reads its answer. */
  call(tool: string, args?: object, options?: RequestOptions, more?: object): Promise<Wire>;
  /** The messages that the server received. */
  history(): Promise<Wire[]>;
}

const NAMING: Record<string, string> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

/** @param headers sent with every request */
export function createStatelessClient(
  url: string,
  capabilities: object = ALL,
  headers: Headers = {},
): StatelessClient {
  let last = 0;
  const request: StatelessClient["request"] = (method, params = {}, options = {}) => {
    const { id = ++last, meta = {}, headers: more = {}, signal } = options;
    const name = (params as Record<string, string>)[NAMING[method] ?? ""];
    const _meta = { [META.version]: REVISION, [META.capabilities]: capabilities, ...meta };
    const own: Headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": REVISION,
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": name }),
    };
    return fetch(url, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta } }),
      headers: { ...own, ...headers, ...more },
      ...(signal && { signal }),
    });
  };
  const start: StatelessClient["start"] = (name, args = {}, options, more = {}) =>
    request("tools/call", { name, arguments: args, ...more }, options);
  const call: StatelessClient["call"] = async (...words) => readAnswer(await start(...words));
  return {
    request,
    start,
    call,
    async history() {
      const { result } = await call("history");
      return ((result?.["history"] ?? []) as string[]).map((line) => JSON.parse(line) as Wire);
    },
  };
}
