// The shipped forms of the program. `npm test` makes them when a test file that it runs imports this one, by whatever way.
import { join } from "node:path";
import { name, version } from "../../package.json";

const ROOT = join(import.meta.dir, "../..");

/** The compiled binary. */
export const BINARY = join(ROOT, "dist/mcp-expose");
/** The npm package. */
export const TARBALL = join(ROOT, `artifacts/${name}-${version}.tgz`);
