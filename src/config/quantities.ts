// Durations and sizes, as people write them: `15m`, `90d`, `10mb`. A bare number is not a duration:
// some tools mean seconds by it, others milliseconds.
import type { Kind } from "./kinds.ts";

const SECOND = 1000;
const UNIT = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: 86_400 * SECOND,
  w: 604_800 * SECOND,
} as const;
const TEN_YEARS = 3650 * UNIT.d;

/** Milliseconds, from one second to ten years. */
export const duration: Kind<number, "string"> = {
  inFile: "string",
  placeholder: "DURATION",
  noun: "a duration",
  hint: "Use a whole number and a unit, from 1s to 3650d, such as 30s, 15m, 24h or 90d.",
  read: (text) => {
    const [, count, unit] = /^(\d+)([smhdw])$/i.exec(text.trim()) ?? [];
    if (count === undefined || unit === undefined) return undefined;
    const milliseconds = Number(count) * UNIT[unit.toLowerCase() as keyof typeof UNIT];
    return milliseconds >= SECOND && milliseconds <= TEN_YEARS ? milliseconds : undefined;
  },
  // People say 24 hours and 90 days: the largest unit there are two of.
  format: (milliseconds) => {
    const units = Object.entries(UNIT).filter(([, unit]) => milliseconds % unit === 0);
    const [name, unit] = units.findLast(([, each]) => milliseconds >= 2 * each) ?? ["s", SECOND];
    return `${milliseconds / unit}${name}`;
  },
};

const FACTOR: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes, from 1 to 4 GiB. `kb`, `KiB` and `k` all mean 1024, as they do in every body limit people know. */
export const size: Kind<number, "number | string"> = {
  inFile: "number | string",
  placeholder: "SIZE",
  noun: "a size",
  hint: "Use a number of bytes, or a number and a unit, such as 512kb, 10mb or 1gb.",
  read: (text) => {
    const [, count, unit] = /^(\d+(?:\.\d+)?) ?([kmg]?)i?b?$/i.exec(text.trim()) ?? [];
    if (count === undefined || unit === undefined) return undefined;
    const bytes = Math.floor(Number(count) * (FACTOR[unit.toLowerCase()] ?? 1));
    return bytes >= 1 && bytes <= 4 * 2 ** 30 ? bytes : undefined;
  },
  format: (bytes) => {
    const [unit, factor] = Object.entries(FACTOR).findLast(([, each]) => bytes % each === 0) ?? ["", 1];
    return `${bytes / factor}${unit === "" ? "" : `${unit}b`}`;
  },
};

/** A whole number from 1 to 1,000. */
export const count: Kind<number, "number"> = {
  inFile: "number",
  placeholder: "N",
  noun: "a count",
  hint: "Use a whole number from 1 to 1000.",
  read: (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= 1 && value <= 1000 ? value : undefined;
  },
};
