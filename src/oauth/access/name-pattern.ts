// A pattern for names of tools: `*` stands for any text, everything else for itself. A caller chooses the name, so
// matching never backtracks: each text between two stars is searched for once, from left to right, and the first place
// where it is found is as good as any later one (Kirrage, Rathnayake & Thielecke, "Static Analysis for Regular
// Expression Denial-of-Service Attacks", 2013, says what happens otherwise).

export type Matches = (name: string) => boolean;

/** Names are for menus and models, so no tool has a longer one. */
export const MAX_NAME_BYTES = 1024;

export function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > MAX_NAME_BYTES;
}

export function createNamePattern(pattern: string): Matches {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return (name) => name === pattern;
  return (name) => {
    const end = name.length - tail.length;
    if (head.length > end || !name.startsWith(head) || !name.endsWith(tail)) return false;
    let at = head.length;
    for (const piece of rest) {
      const found = name.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
