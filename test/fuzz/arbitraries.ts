// Requests that are nearly right: what a client, a scanner or an attacker might send.
import * as fc from "fast-check";

const META = "io.modelcontextprotocol/";
const VERSIONS = [
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
  "2026-07-28",
  "2027-01-01",
  "latest",
  "",
];
const METHODS = [
  "initialize",
  "ping",
  "tools/call",
  "tools/list",
  "resources/read",
  "resources/subscribe",
  "prompts/get",
  "server/discover",
  "subscriptions/listen",
  "logging/setLevel",
  "notifications/initialized",
  "notifications/cancelled",
  "__proto__",
  "constructor",
];
/** Tools of the fixture server `obedient` that cannot end it. */
const TOOLS = ["echo", "log", "progress", "cwd", "list_changed", "toString", "__proto__"];

const version = fc.constantFrom(...VERSIONS);
const id = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 5 }),
  fc.constantFrom(null, 1.5, {}, [], true, "__proto__", 1e300),
);

const meta = fc.oneof(
  fc.constant(undefined),
  fc.record(
    {
      [`${META}protocolVersion`]: fc.oneof(version, fc.constant(7)),
      [`${META}clientCapabilities`]: fc.oneof(
        fc.constantFrom({}, { elicitation: {} }, []),
        fc.dictionary(fc.string({ maxLength: 5 }), fc.constant({}), { maxKeys: 2 }),
      ),
      [`${META}clientInfo`]: fc.constantFrom({ name: "x", version: "1" }, "text", null),
      [`${META}logLevel`]: fc.constantFrom("info", "nonsense", 3),
      progressToken: id,
    },
    { requiredKeys: [] },
  ),
);

const params = fc
  .record(
    {
      name: fc.constantFrom<unknown>(...TOOLS, 7, null),
      arguments: fc.oneof(fc.constantFrom({ count: 2 }, {}, [], "text"), fc.jsonValue({ maxDepth: 2 })),
      protocolVersion: fc.oneof(version, fc.constant(7)),
      capabilities: fc.constantFrom<unknown>({}, { sampling: {} }, null, "all"),
      clientInfo: fc.constantFrom<unknown>({ name: "x", version: "1" }, 0),
      requestId: id,
      uri: fc.constantFrom<unknown>("file:///x", "", 7),
      cursor: fc.string({ maxLength: 5 }),
      requestState: fc.string({ maxLength: 20 }),
      inputResponses: fc.constantFrom<unknown>({}, { "elicitation-1": { action: "accept" } }, 7),
      notifications: fc.constantFrom<unknown>(
        { toolsListChanged: true },
        { resourceSubscriptions: ["a", 7] },
        7,
      ),
      _meta: meta,
    },
    { requiredKeys: [] },
  )
  .filter((value) => value !== undefined);

export const message = fc.record(
  {
    jsonrpc: fc.oneof(
      { weight: 9, arbitrary: fc.constant("2.0") },
      { weight: 1, arbitrary: fc.constantFrom("1.0", 2) },
    ),
    id,
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...METHODS) },
      { weight: 1, arbitrary: fc.string() },
    ),
    params: fc.oneof(
      { weight: 9, arbitrary: params },
      { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
    ),
    result: fc.constant({}),
    error: fc.constant({ code: 1, message: "x" }),
  },
  { requiredKeys: ["jsonrpc", "method"] },
);

/** JSON text, now and then with a byte changed, cut off, or no JSON at all. */
export const bodyBytes: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: message.map((one) => JSON.stringify(one)) },
      { weight: 2, arbitrary: fc.array(message, { maxLength: 4 }).map((batch) => JSON.stringify(batch)) },
      { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "",
          "[",
          "{}",
          "[[]]",
          "[".repeat(5_000),
          `{"jsonrpc":"2.0","id":1,"id":2}`,
        ),
      },
    ),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.record({ at: fc.nat(), byte: fc.nat(255) }) },
      { weight: 1, arbitrary: fc.record({ at: fc.nat() }) },
    ),
  )
  .map(([text, change]) => {
    const bytes = new Uint8Array(Buffer.from(text));
    if (change === undefined || bytes.length === 0) return bytes;
    const at = change.at % bytes.length;
    if (!("byte" in change)) return bytes.subarray(0, at);
    bytes[at] = change.byte;
    return bytes;
  });

const headerValue = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 30,
  }),
  fc.constantFrom("=?base64?w7w=?=", "=?base64?!?=", "", "*/*", "__proto__", "0"),
);

/** Headers that mean something here, with values that may. */
export const knownHeaders: fc.Arbitrary<Record<string, string>> = fc.record(
  {
    "content-type": fc.oneof(
      { weight: 9, arbitrary: fc.constant("application/json") },
      { weight: 1, arbitrary: headerValue },
    ),
    accept: fc.oneof(fc.constantFrom("application/json", "text/event-stream", "*/*"), headerValue),
    "mcp-protocol-version": fc.oneof(version, headerValue),
    "mcp-session-id": headerValue,
    "mcp-method": fc.oneof(fc.constantFrom(...METHODS), headerValue),
    "mcp-name": fc.oneof(fc.constantFrom(...TOOLS), headerValue),
    "mcp-param-region": headerValue,
    "last-event-id": fc.oneof(fc.constantFrom("1_0", "0_-1", "9_9"), headerValue),
    authorization: fc.oneof(fc.constantFrom("Bearer x", "Bearer", "Basic eDp5", "bearer  x y"), headerValue),
    origin: fc.oneof(fc.constantFrom("null", "http://localhost:1", "https://evil.example"), headerValue),
    "x-forwarded-for": headerValue,
    cookie: headerValue,
  },
  { requiredKeys: ["content-type"] },
);

/** What of these headers HTTP allows to be sent at all. */
export function headersOf(headers: Record<string, string>): Headers {
  const sendable = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    try {
      sendable.set(name, value);
    } catch {
      // Nobody can send it, so nobody has to read it.
    }
  }
  return sendable;
}
