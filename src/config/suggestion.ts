// "Did you mean …?" for names people mistype. It does not matter what the names are for.

/** The known name nearest to `typed`, if it is near enough to be meant. */
export function suggestName(typed: string, known: readonly string[]): string | undefined {
  const wanted = fold(typed);
  const [best] = known
    .map((name) => ({ name, distance: countEdits(wanted, fold(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(fold(name).length / 3)))
    .sort((a, b) => a.distance - b.distance);
  if (best !== undefined) return best.name;
  const completions = known.filter((name) => wanted.length >= 3 && fold(name).startsWith(wanted));
  return completions[0];
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that make `b` of `a` (optimal string alignment). */
function countEdits(a: string, b: string): number {
  let twoBack: number[] = [];
  let back = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(back, j) + 1,
        at(row, j - 1) + 1,
        at(back, j - 1) + (same ? 0 : 1),
        swapped ? at(twoBack, j - 2) + 1 : Infinity,
      );
    }
    twoBack = back;
    back = row;
  }
  return at(back, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
