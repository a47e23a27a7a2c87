// In what two lists of tools differ, in words for people.
import type { ArgumentSketch, ListSketch, ToolDetails, ToolSketch } from "./list-sketch.ts";

/** Names in the order of the lists. */
export interface ToolDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** What has changed, by the name of the tool. */
  readonly details: Readonly<Record<string, readonly string[]>>;
}

/**
 * Between a list that a client was shown and a later one. Where not all of the first was fetched, nothing is known to be
 * added, and where not all of the second was, nothing to be removed.
 */
export function compareTools(shown: ListSketch, present: ListSketch): ToolDifference {
  const added = shown.isComplete ? namesWithout(present, shown) : [];
  const changed: string[] = [];
  const details: [string, string[]][] = [];
  for (const [name, before] of shown.tools) {
    const now = present.tools.get(name);
    if (now === undefined || now.digest === before.digest) continue;
    changed.push(name);
    details.push([name, describe(before, now)]);
  }
  const removed = present.isComplete ? namesWithout(shown, present) : [];
  return { added, removed, changed, details: Object.fromEntries(details) };
}

export function isDifferent({ added, removed, changed }: ToolDifference): boolean {
  return added.length + removed.length + changed.length > 0;
}

export function namesIn({ added, removed, changed }: ToolDifference): string[] {
  return [...added, ...removed, ...changed];
}

/** The part of a difference that is about some tools. */
export function narrowDifference(
  { added, removed, changed, details }: ToolDifference,
  wanted: ReadonlySet<string>,
): ToolDifference {
  const isWanted = (name: string) => wanted.has(name);
  return {
    added: added.filter(isWanted),
    removed: removed.filter(isWanted),
    changed: changed.filter(isWanted),
    details: Object.fromEntries(Object.entries(details).filter(([name]) => isWanted(name))),
  };
}

function namesWithout(list: ListSketch, other: ListSketch): string[] {
  return [...list.tools.keys()].filter((name) => !other.tools.has(name));
}

function describe({ details: before }: ToolSketch, { details: now }: ToolSketch): string[] {
  if (before === undefined || now === undefined) return ["definition changed"];
  const words = describeArguments(before, now);
  if (words.length === 0 && before.inputSchema !== now.inputSchema) words.push("input schema changed");
  if (before.description !== now.description) words.push("description changed");
  if (before.annotations !== now.annotations) words.push("annotations changed");
  if (before.outputSchema !== now.outputSchema) words.push("output schema changed");
  return words.length === 0 ? ["definition changed"] : words;
}

function describeArguments(before: ToolDetails, now: ToolDetails): string[] {
  const [earlier, later] = [byName(before), byName(now)];
  const removed = before.arguments.filter(([name]) => !later.has(name));
  return [
    ...now.arguments.flatMap((argument) => describeArgument(argument, earlier.get(argument[0]))),
    ...removed.map(([name]) => `argument "${name}" removed`),
  ];
}

function describeArgument(
  [name, type, isRequired]: ArgumentSketch,
  before: ArgumentSketch | undefined,
): string[] {
  if (before === undefined) return [`argument "${name}" added`];
  const words: string[] = [];
  if (before[1] !== type) words.push(`argument "${name}" type changed`);
  if (before[2] !== isRequired) words.push(`argument "${name}" ${isRequired ? "now" : "no longer"} required`);
  return words;
}

function byName({ arguments: all }: ToolDetails): ReadonlyMap<string, ArgumentSketch> {
  return new Map(all.map((argument) => [argument[0], argument]));
}
