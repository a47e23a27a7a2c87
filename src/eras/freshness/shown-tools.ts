// The list that a client was shown, as text for the store, and back.
import type { ArgumentSketch, ListSketch, ToolSketch } from "./list-sketch.ts";

/** The list of tools that a client fetched last. */
export interface ShownTools {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** That of the peer that fetched it. */
  readonly view: string;
  readonly sketch: ListSketch;
  /** 1 for the first list, and one more with each fetched list that was another one. */
  readonly version: number;
}

/** The most characters of one record: a thousand tools with their arguments take a third of it. */
const LONGEST_RECORD = 512 * 1024;

interface StoredList {
  version: number;
  view: string;
  digest: string;
  complete: boolean;
  tools: [
    name: string,
    digest: string,
    args?: ArgumentSketch[],
    description?: string,
    annotations?: string,
    inputSchema?: string,
    outputSchema?: string,
  ][];
}

/** @returns `undefined` for a list that is too long even without its details */
export function writeRecord(shown: ShownTools): string | undefined {
  const whole = write(shown, true);
  if (whole.length <= LONGEST_RECORD) return whole;
  const names = write(shown, false);
  return names.length <= LONGEST_RECORD ? names : undefined;
}

function write({ sketch, view, version }: ShownTools, isDetailed: boolean): string {
  const stored: StoredList = {
    version,
    view,
    digest: sketch.digest,
    complete: sketch.isComplete,
    tools: Array.from(sketch.tools, ([name, { digest, details }]) =>
      details === undefined || !isDetailed
        ? [name, digest]
        : [
            name,
            digest,
            [...details.arguments],
            details.description,
            details.annotations,
            details.inputSchema,
            details.outputSchema,
          ],
    ),
  };
  return JSON.stringify(stored);
}

/** @returns `undefined` for what this version did not write */
export function readRecord(text: string, at: number): ShownTools | undefined {
  try {
    const { version, view, digest, complete, tools } = JSON.parse(text) as StoredList;
    if (!Number.isInteger(version) || typeof complete !== "boolean") return undefined;
    if (typeof view !== "string" || typeof digest !== "string") return undefined;
    const read = new Map(tools.map((tool) => [tool[0], readTool(tool)]));
    return { at, view, version, sketch: { digest, isComplete: complete, tools: read } };
  } catch {
    return undefined;
  }
}

function readTool([, digest, args, ...parts]: StoredList["tools"][number]): ToolSketch {
  if (args === undefined) return { digest };
  const [description = "", annotations = "", inputSchema = "", outputSchema = ""] = parts;
  return { digest, details: { arguments: args, description, annotations, inputSchema, outputSchema } };
}
