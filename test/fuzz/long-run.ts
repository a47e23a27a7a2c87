// Preloaded by `npm run fuzz`: the properties of the tests, looked at for much longer.
import { configureGlobal } from "fast-check";

configureGlobal({ numRuns: 20_000 });
