// Which scopes open which tools: a configured table, by a tool's name or by its annotations
// (MCP server/tools, "ToolAnnotations"; MCP authorization, "Scope Challenge Handling"). Pure: knows no request.
// A tool that no scope of the table covers is open to every token that has the default scope. A missing annotation counts
// as the less safe value.
import { type Matches, createNamePattern } from "./name-pattern.ts";
import { DEFAULT_SCOPE } from "./scopes.ts";

/** The tools that one scope opens. Names take precedence over hints: a tool that any scope names is opened by names alone. */
export interface ToolScopeRule {
  /** Its label on the approval page. */
  description?: string;
  /** Names of tools; `*` stands for any text. */
  tools?: readonly string[];
  /** Tools whose annotation has this value. A tool without the annotation may write. */
  readOnlyHint?: boolean;
  /** A tool that may write and lacks the annotation is destructive. */
  destructiveHint?: boolean;
}

/** Scope names to the tools they open, the least powerful first: it is the one asked for where several would do. */
export type ToolScopeTable = Readonly<Record<string, ToolScopeRule>>;

/** A tool as its server describes it, which is no more than a hint. */
export interface AnnotatedTool {
  name: string;
  annotations?: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
}

export interface ToolScopes {
  /** Whether a tool's annotations can make a difference. */
  readonly looksAtHints: boolean;
  /** Whether a token with these scopes may call the tool. */
  mayCall(granted: readonly string[], tool: AnnotatedTool): boolean;
  /** The least scopes that a call of the tool needs, all of them. */
  neededFor(tool: AnnotatedTool): readonly string[];
}

export function createToolScopes(table: ToolScopeTable): ToolScopes {
  const scopes = Object.entries(table).map(([scope, rule]) => ({
    scope,
    rule,
    patterns: (rule.tools ?? []).map(createNamePattern),
  }));
  const findOpening = (tool: AnnotatedTool): string[] => {
    const byName = scopes.filter(({ patterns }) => matchesAny(patterns, tool.name));
    const opening = byName.length > 0 ? byName : scopes.filter(({ rule }) => matchesHints(rule, tool));
    return opening.map(({ scope }) => scope);
  };
  return {
    looksAtHints: scopes.some(
      ({ rule }) => rule.readOnlyHint !== undefined || rule.destructiveHint !== undefined,
    ),
    mayCall(granted, tool) {
      const opening = findOpening(tool);
      return (opening.length > 0 ? opening : [DEFAULT_SCOPE]).some((scope) => granted.includes(scope));
    },
    neededFor: (tool) => [DEFAULT_SCOPE, ...findOpening(tool).slice(0, 1)],
  };
}

function matchesAny(patterns: readonly Matches[], name: string): boolean {
  return patterns.some((matches) => matches(name));
}

function matchesHints(
  { readOnlyHint, destructiveHint }: ToolScopeRule,
  { annotations }: AnnotatedTool,
): boolean {
  if (readOnlyHint === undefined && destructiveHint === undefined) return false;
  const isReadOnly = annotations?.readOnlyHint === true;
  const isDestructive = !isReadOnly && annotations?.destructiveHint !== false;
  return (
    (readOnlyHint === undefined || readOnlyHint === isReadOnly) &&
    (destructiveHint === undefined || destructiveHint === isDestructive)
  );
}
