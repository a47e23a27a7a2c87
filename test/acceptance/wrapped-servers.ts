// The real servers from npm that the acceptance tests expose.
import { join } from "node:path";
import { ROOT } from "../program.ts";

const FOLDER = join(ROOT, "node_modules/@modelcontextprotocol");

/** A package's folder is a server, too: the program finds its `bin`. */
export const EVERYTHING = join(FOLDER, "server-everything");

/** Words for the command line: the file server, allowed to read one folder. */
export function filesystem(folder: string): string[] {
  return [join(FOLDER, "server-filesystem/dist/index.js"), folder];
}
