// Which scopes open which tools: the person's own table, by a tool's name or by what its annotations say of it
// (MCP server/tools, "ToolAnnotations"; MCP authorization, "Scope Challenge Handling"). Pure: knows no request.
// A tool that no scope of the table covers is open to every token that has the default scope; what a server does not
// say counts against it.
import { type Matches, createNamePattern } from "./name-pattern.ts";
import { DEFAULT_SCOPE } from "./scopes.ts";

/** What one scope of the table opens. Names count more than hints: a tool that any scope names, only names open. */
export interface ToolScopeRule {
  /** What the approval page says it is for. */
  description?: string;
  /** Names of tools; `*` stands for any text. */
  tools?: readonly string[];
  /** Tools whose annotation has this value. A tool that says nothing may write. */
  readOnlyHint?: boolean;
  /** A tool that may write and says nothing destroys. */
  destructiveHint?: boolean;
}

/** Scope names to what they open, the least first: that one is asked for where several would do. */
export type ToolScopeTable = Readonly<Record<string, ToolScopeRule>>;

/** What is known of a tool. A server's word, and so no more than a hint. */
export interface AnnotatedTool {
  name: string;
  annotations?: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
}

export interface ToolScopes {
  /** Whether what a tool's annotations say can make a difference. */
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
