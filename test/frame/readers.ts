// JSON as readers that are not ours understand it: every member in the order it stands, twice or not, and the rules by
// which a language's usual parser picks one of them.

export type Tree =
  | { kind: "object"; members: readonly (readonly [string, Tree])[] }
  | { kind: "array"; elements: readonly Tree[] }
  | { kind: "scalar"; value: string | number | boolean | null };

const TOKEN = /\s*([{}[\]:,]|"(?:[^"\\]|\\.)*"|[^\s{}[\]:,"]+)/gy;

/** @throws on what is not JSON */
export function parseTree(text: string): Tree {
  JSON.parse(text);
  const tokens = Array.from(text.matchAll(TOKEN), ([, token]) => token!);
  let at = 0;
  const value = (): Tree => {
    const token = tokens[at++]!;
    if (token === "{") {
      const members: [string, Tree][] = [];
      while (tokens[at] !== "}") {
        if (tokens[at] === ",") at++;
        const key = JSON.parse(tokens[at]!) as string;
        at += 2;
        members.push([key, value()]);
      }
      at++;
      return { kind: "object", members };
    }
    if (token === "[") {
      const elements: Tree[] = [];
      while (tokens[at] !== "]") {
        if (tokens[at] === ",") at++;
        elements.push(value());
      }
      at++;
      return { kind: "array", elements };
    }
    return { kind: "scalar", value: JSON.parse(token) as string };
  };
  return value();
}

/** Which member of an object a reader takes for `name`. */
export type Reader = (object: Tree | undefined, name: string) => Tree | undefined;

const pick =
  (which: "first" | "last", isSame: (key: string, name: string) => boolean): Reader =>
  (object, name) => {
    if (object?.kind !== "object") return undefined;
    const fits = ([key]: readonly [string, Tree]) => isSame(key, name);
    return (which === "first" ? object.members.find(fits) : object.members.findLast(fits))?.[1];
  };

/** Simple folding of Go's encoding/json, tried out on the real one: ASCII letters, `ſ`, the Kelvin sign and no more. */
const foldGo = (name: string) =>
  name
    .replaceAll("\u017f", "s")
    .replaceAll("\u212a", "k")
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const toSnake = (name: string) =>
  name.replace(/^_/, "").replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const READERS: Readonly<Record<string, Reader>> = {
  "JSON.parse and Python": pick("last", (key, name) => key === name),
  "one that stops at the first": pick("first", (key, name) => key === name),
  Go: pick("last", (key, name) => foldGo(key) === foldGo(name)),
  "Go with case:ignore": pick(
    "last",
    (key, name) => foldGo(key).replaceAll(/[_-]/g, "") === foldGo(name).replaceAll(/[_-]/g, ""),
  ),
  // cJSON
  C: pick("first", (key, name) => key.split("\0", 1)[0]!.toLowerCase() === name.toLowerCase()),
  ".NET": pick("last", (key, name) => key.toUpperCase() === name.toUpperCase()),
  "pydantic with populate_by_name": (object, name) =>
    pick("last", (key) => key === name)(object, name) ??
    pick("last", (key) => key === toSnake(name))(object, name),
};

export const readAsGo = READERS["Go"]!;

/** The value of a member that is a scalar. */
export function scalar(tree: Tree | undefined): string | number | boolean | null | undefined {
  return tree?.kind === "scalar" ? tree.value : undefined;
}
