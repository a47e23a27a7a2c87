// MCP's methods, of every revision.

/** What has an id, requests of servers included. */
const REQUESTS =
  `completion/complete elicitation/create initialize logging/setLevel ping prompts/get prompts/list
  resources/list resources/read resources/subscribe resources/templates/list resources/unsubscribe roots/list
  sampling/createMessage server/discover subscriptions/listen tasks/cancel tasks/get tasks/list tasks/result tasks/update
  tools/call tools/list`.split(/\s+/);

/** What has none. */
const NOTIFICATIONS = `cancelled elicitation/complete initialized message progress prompts/list_changed
  resources/list_changed resources/updated roots/list_changed subscriptions/acknowledged tasks/status
  tools/list_changed`
  .split(/\s+/)
  .map((name) => `notifications/${name}`);

export const METHODS: readonly string[] = [...REQUESTS, ...NOTIFICATIONS];

const REQUEST_METHODS: ReadonlySet<string> = new Set(REQUESTS);

/** The parameter that names what a method is about, and that `Mcp-Name` repeats. */
const NAMING: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

export function namingParam(method: string): string | undefined {
  return NAMING.get(method);
}

/** Whether MCP knows a method as a request, which has an id. */
export function isRequestMethod(method: string): boolean {
  return REQUEST_METHODS.has(method);
}
