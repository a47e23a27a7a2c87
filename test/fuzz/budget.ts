// How many cases each property is looked at in: a fixed number in the tests, more by `npm run fuzz`.
import { readConfigureGlobal } from "fast-check";

export const BUDGET = { numRuns: readConfigureGlobal().numRuns ?? 1_000 };
