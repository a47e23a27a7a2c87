// The tools and requests of the matrix's servers, written once for both SDKs.

export const INFO = { name: "matrix", version: "1.0.0" };
export const CAPABILITIES = {
  logging: {},
  prompts: {},
  resources: { subscribe: true },
  tools: { listChanged: true },
};

export type Arguments = Readonly<Record<string, unknown>>;
/** The client's answers, by the name of the request. */
export type Answers = Readonly<Record<string, unknown>>;

export const NAME = form("name", "What is your name?");
export const COLOR = form("color", "What is your favorite color?");
export const PAGE = {
  mode: "url" as const,
  message: "Connect your account.",
  url: "https://example.com/connect",
};
export const THOUGHT = {
  messages: [
    { role: "user" as const, content: { type: "text" as const, text: "What is the capital of France?" } },
  ],
  maxTokens: 100,
};

export const SUM = { type: "object" as const, properties: { sum: { type: "number" } }, required: ["sum"] };
export const OTHER_PAGE = { ...PAGE, url: "https://example.com/consent" };
/** No object: only servers of 2026-07-28 may have such an output. */
export const NUMBERS = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "array",
  items: { $ref: "#/$defs/number" },
  $defs: { number: { type: "number" } },
};

/** May be an object, but need not. */
export const EITHER = { anyOf: [SUM, { type: "null" }] };

export const RESOURCE = { uri: "matrix://note", name: "note" };
export const PROMPT = { name: "greet", description: "Greets a person after asking for the name." };

/** A tool's text: JSON of what it was answered. */
export function tell(value: unknown) {
  return { content: [{ type: "text" as const, text: JSON.stringify(value) }] };
}

export function greet(answer: unknown) {
  const text = JSON.stringify(answer);
  return { messages: [{ role: "user" as const, content: { type: "text" as const, text } }] };
}

function form(field: string, message: string) {
  const properties = { [field]: { type: "string" as const } };
  return { message, requestedSchema: { type: "object" as const, properties, required: [field] } };
}
