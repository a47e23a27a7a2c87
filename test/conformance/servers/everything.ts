// What the conformance suite wants a server to offer, said once for every era: each tool and prompt is the
// questions it has for the client, in rounds, and what it gives once they are answered. How a question reaches
// the client is the era's business. The names and shapes are those in the scenarios of
// https://github.com/modelcontextprotocol/conformance
import type {
  CallToolResult,
  ElicitRequestFormParams,
  GetPromptResult,
  InputRequests,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
  Tool,
} from "@modelcontextprotocol/server";

export type Arguments = Record<string, unknown>;
/** Results of the client's, by the key of the question. */
export type Answers = Record<string, unknown>;
/** Questions that are asked at once. */
export type Round = InputRequests;

/** The client's capabilities, as far as they make a difference here. */
export type Client = Partial<Record<"elicitation" | "sampling", object | undefined>>;

/** What a tool can tell the client while it works. */
export interface Tell {
  log(data: string): Promise<void>;
  progress(progress: number, total: number): Promise<void>;
  changed(list: "prompts" | "tools"): Promise<void>;
}

interface Offer<Result> {
  description: string;
  /** None by default. */
  ask?(args: Arguments, client: Client): Round[];
  /** Whether the questions travel with a sealed `requestState`; those of several rounds always do. */
  sealed?: boolean;
  give(args: Arguments, answers: Answers, tell: Tell): Result | Promise<Result>;
}
export interface ToolOffer extends Offer<CallToolResult> {
  inputSchema?: Tool["inputSchema"];
}
export interface PromptOffer extends Offer<GetPromptResult> {
  arguments?: Prompt["arguments"];
}

export const SERVER_INFO = { name: "everything", version: "1.0.0" };
export const CAPABILITIES = {
  completions: {},
  logging: {},
  prompts: { listChanged: true },
  resources: { subscribe: true },
  tools: { listChanged: true },
};

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const IMAGE = { type: "image" as const, data: PNG, mimeType: "image/png" };
const AUDIO = { type: "audio" as const, data: WAV, mimeType: "audio/wav" };

export const TOOLS: Record<string, ToolOffer> = {
  test_simple_text: {
    description: "Gives a text",
    give: () => say("This is a simple text response for testing."),
  },
  test_image_content: { description: "Gives an image", give: () => ({ content: [IMAGE] }) },
  test_audio_content: { description: "Gives a sound", give: () => ({ content: [AUDIO] }) },
  test_embedded_resource: {
    description: "Gives a resource",
    give: () => ({
      content: [resource("test://embedded-resource", "This is an embedded resource content.")],
    }),
  },
  test_multiple_content_types: {
    description: "Gives a text, an image and a resource",
    give: () => ({
      content: [
        text("Multiple content types test:"),
        IMAGE,
        resource("test://mixed-content-resource", '{"test":"data"}'),
      ],
    }),
  },
  test_error_handling: {
    description: "Fails",
    give: () => ({ ...say("This tool intentionally returns an error for testing"), isError: true }),
  },
  test_tool_with_logging: {
    description: "Logs three times",
    async give(_args, _answers, tell) {
      for (const line of ["started", "processing data", "completed"])
        await tell.log(`Tool execution ${line}`);
      return say("Logged three times");
    },
  },
  test_logging_tool: {
    description: "Logs once",
    async give(_args, _answers, tell) {
      await tell.log("Logged");
      return say("Logged once");
    },
  },
  test_tool_with_progress: {
    description: "Tells of its progress three times",
    async give(_args, _answers, tell) {
      for (const progress of [0, 50, 100]) await tell.progress(progress, 100);
      return say("Went from 0 to 100");
    },
  },
  test_trigger_tool_change: {
    description: "Says that the list of tools has changed",
    async give(_args, _answers, tell) {
      await tell.changed("tools");
      return say("Told");
    },
  },
  test_trigger_prompt_change: {
    description: "Says that the list of prompts has changed",
    async give(_args, _answers, tell) {
      await tell.changed("prompts");
      return say("Told");
    },
  },
  test_header_parameter: {
    description: "Has an argument that clients repeat in a header",
    inputSchema: {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" } },
      required: ["region"],
    },
    give: ({ region }) => say(`Region: ${String(region)}`),
  },
  json_schema_2020_12_tool: {
    description: "Has an input schema of many keywords",
    inputSchema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: {
        address: {
          $anchor: "addressDef",
          type: "object",
          properties: { street: { type: "string" }, city: { type: "string" } },
        },
      },
      properties: {
        name: { type: "string" },
        address: { $ref: "#/$defs/address" },
        contactMethod: { type: "string", enum: ["phone", "email"] },
        phone: { type: "string" },
        email: { type: "string" },
      },
      allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
      if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
      // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
      then: { required: ["phone"] },
      else: { required: ["email"] },
      additionalProperties: false,
    },
    give: (args) => say(JSON.stringify(args)),
  },
  test_sampling: {
    description: "Has the client's model answer a prompt",
    inputSchema: { type: "object", properties: { prompt: { type: "string" } }, required: ["prompt"] },
    ask: ({ prompt }) => [{ reply: sample(String(prompt)) }],
    give: (_args, { reply }) => say(`LLM response: ${JSON.stringify(reply)}`),
  },
  test_elicitation: {
    description: "Asks the user for a name and an address",
    inputSchema: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
    ask: ({ message }) => [
      { user: elicit(String(message), { username: { type: "string" }, email: { type: "string" } }) },
    ],
    give: (_args, { user }) => say(`User response: ${JSON.stringify(user)}`),
  },
  test_elicitation_sep1034_defaults: {
    description: "Asks the user, with a default for everything",
    ask: () => [
      {
        profile: elicit("Please check your profile", {
          name: { type: "string", default: "John Doe" },
          age: { type: "integer", default: 30 },
          score: { type: "number", default: 95.5 },
          status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
          verified: { type: "boolean", default: true },
        }),
      },
    ],
    give: (_args, { profile }) => say(`Elicitation completed: ${JSON.stringify(profile)}`),
  },
  test_elicitation_sep1330_enums: {
    description: "Asks the user to choose, in each of the ways there are",
    ask: () => [{ choice: elicit("Please choose", CHOICES) }],
    give: (_args, { choice }) => say(`Elicitation completed: ${JSON.stringify(choice)}`),
  },
  test_streaming_elicitation: {
    description: "Asks the user in the middle of a call",
    ask: () => [{ name: elicit("What is your name?", { name: { type: "string" } }) }],
    give: (_args, { name }) => say(`Name: ${JSON.stringify(name)}`),
  },
  test_missing_capability: {
    description: "Cannot do without sampling",
    ask: () => [{ reply: sample("Say something") }],
    give: (_args, { reply }) => say(JSON.stringify(reply)),
  },
  test_input_required_result_elicitation: {
    description: "Asks the user",
    ask: () => [{ user_name: elicit("What is your name?", { name: { type: "string" } }) }],
    give: (_args, { user_name }) => say(`Hello, ${JSON.stringify(user_name)}!`),
  },
  test_input_required_result_sampling: {
    description: "Asks the model",
    ask: () => [{ capital_question: sample("What is the capital of France?") }],
    give: (_args, { capital_question }) => say(JSON.stringify(capital_question)),
  },
  test_input_required_result_list_roots: {
    description: "Asks for the roots",
    ask: () => [{ client_roots: { method: "roots/list", params: {} } }],
    give: (_args, { client_roots }) => say(JSON.stringify(client_roots)),
  },
  test_input_required_result_request_state: {
    description: "Asks the user, with a state",
    sealed: true,
    ask: () => [{ confirm: elicit("Please confirm", { ok: { type: "boolean" } }) }],
    give: () => say("state-ok"),
  },
  test_input_required_result_tampered_state: {
    description: "Asks the user, with a state that nobody may change",
    sealed: true,
    ask: () => [{ confirm: elicit("Please confirm", { ok: { type: "boolean" } }) }],
    give: () => say("state-ok"),
  },
  test_input_required_result_multiple_inputs: {
    description: "Asks the user, the model and for the roots at once",
    sealed: true,
    ask: () => [
      {
        user_name: elicit("What is your name?", { name: { type: "string" } }),
        greeting: sample("Generate a greeting"),
        client_roots: { method: "roots/list", params: {} },
      },
    ],
    give: (_args, answers) => say(JSON.stringify(answers)),
  },
  test_input_required_result_multi_round: {
    description: "Asks the user twice",
    ask: () => [
      { step1: elicit("Step 1: What is your name?", { name: { type: "string" } }) },
      { step2: elicit("Step 2: What is your favorite color?", { color: { type: "string" } }) },
    ],
    give: (_args, answers) => say(JSON.stringify(answers)),
  },
  test_input_required_result_capabilities: {
    description: "Asks what the client can answer",
    ask: (_args, client) => [
      {
        ...(client.elicitation && { name: elicit("What is your name?", { name: { type: "string" } }) }),
        ...(client.sampling && { greeting: sample("Generate a greeting") }),
      },
    ],
    give: (_args, answers) => say(JSON.stringify(answers)),
  },
};

export const PROMPTS: Record<string, PromptOffer> = {
  test_simple_prompt: {
    description: "A text",
    give: () => prompt(text("This is a simple prompt for testing.")),
  },
  test_prompt_with_arguments: {
    description: "A text with arguments",
    arguments: [
      { name: "arg1", required: true },
      { name: "arg2", required: true },
    ],
    give: ({ arg1, arg2 }) =>
      prompt(text(`Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`)),
  },
  test_prompt_with_embedded_resource: {
    description: "A resource",
    arguments: [{ name: "resourceUri", required: true }],
    give: ({ resourceUri }) =>
      prompt(
        resource(String(resourceUri), "Embedded resource content for testing."),
        text("Please process the embedded resource above."),
      ),
  },
  test_prompt_with_image: {
    description: "An image",
    give: () => prompt(IMAGE, text("Please analyze the image above.")),
  },
  test_input_required_result_prompt: {
    description: "A text that the user has a say in",
    ask: () => [
      { user_context: elicit("What context should the prompt use?", { context: { type: "string" } }) },
    ],
    give: (_args, { user_context }) => prompt(text(`Context: ${JSON.stringify(user_context)}`)),
  },
};

export const RESOURCES: Resource[] = ["static-text", "static-binary", "watched-resource"].map((name) => ({
  uri: `test://${name}`,
  name,
}));
export const RESOURCE_TEMPLATES: ResourceTemplateType[] = [
  { uriTemplate: "test://template/{id}/data", name: "template" },
];

/** `undefined` when there is no such resource. */
export function readResource(uri: string): ReadResourceResult | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) return textContents(uri, JSON.stringify({ id, data: `Data for ID: ${id}` }));
  if (uri === "test://static-binary") return { contents: [{ uri, mimeType: "image/png", blob: PNG }] };
  if (RESOURCES.some((known) => known.uri === uri)) return textContents(uri, `The content of ${uri}`);
  return undefined;
}

export function listTools(): Tool[] {
  return Object.entries(TOOLS).map(([name, { description, inputSchema }]) => ({
    name,
    description,
    inputSchema: inputSchema ?? { type: "object" },
  }));
}

export function listPrompts(): Prompt[] {
  return Object.entries(PROMPTS).map(([name, offer]) => ({
    name,
    description: offer.description,
    arguments: offer.arguments ?? [],
  }));
}

/** Values that begin with what was typed, for every argument. */
export function complete(typed: string): string[] {
  return ["paris", "park", "party"].filter((value) => value.startsWith(typed));
}

const CHOICES: ElicitRequestFormParams["requestedSchema"]["properties"] = {
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: {
    type: "string",
    oneOf: [
      { const: "value1", title: "First Option" },
      { const: "value2", title: "Second Option" },
    ],
  },
  legacyEnum: { type: "string", enum: ["opt1", "opt2"], enumNames: ["Option One", "Option Two"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: {
    type: "array",
    items: {
      anyOf: [
        { const: "value1", title: "First Choice" },
        { const: "value2", title: "Second Choice" },
      ],
    },
  },
};

function elicit(
  message: string,
  properties: ElicitRequestFormParams["requestedSchema"]["properties"],
): Round[string] {
  const requestedSchema = { type: "object" as const, properties, required: Object.keys(properties) };
  return { method: "elicitation/create", params: { message, requestedSchema } };
}

function sample(words: string): Round[string] {
  return {
    method: "sampling/createMessage",
    params: { messages: [{ role: "user", content: text(words) }], maxTokens: 100 },
  };
}

function text(words: string) {
  return { type: "text" as const, text: words };
}

function say(words: string): CallToolResult {
  return { content: [text(words)] };
}

function resource(uri: string, words: string) {
  return { type: "resource" as const, resource: { uri, mimeType: "text/plain", text: words } };
}

function textContents(uri: string, words: string): ReadResourceResult {
  return { contents: [{ uri, mimeType: "text/plain", text: words }] };
}

function prompt(...contents: GetPromptResult["messages"][number]["content"][]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: "user", content })) };
}
