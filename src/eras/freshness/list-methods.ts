// The lists that a server may announce changes of.
// https://modelcontextprotocol.io/specification/2025-11-25/server/tools#list-changed-notification

export type ListMethod = "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list";
export type ListFeature = "tools" | "prompts" | "resources";

interface ListedFeature {
  /** Of the result. */
  readonly property: string;
  readonly feature: ListFeature;
}

const LISTS: Readonly<Record<ListMethod, ListedFeature>> = {
  "tools/list": { property: "tools", feature: "tools" },
  "prompts/list": { property: "prompts", feature: "prompts" },
  "resources/list": { property: "resources", feature: "resources" },
  "resources/templates/list": { property: "resourceTemplates", feature: "resources" },
};

export const LIST_FEATURES: readonly ListFeature[] = ["tools", "prompts", "resources"];

export function isListMethod(method: string): method is ListMethod {
  return Object.hasOwn(LISTS, method);
}

export function listedBy(method: ListMethod): ListedFeature {
  return LISTS[method];
}

export function changeOf(feature: ListFeature): string {
  return `notifications/${feature}/list_changed`;
}
