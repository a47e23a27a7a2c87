// Which server to run: the command line names it, else the config file does.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { ServerSpec } from "./config.ts";
import type { LoadedFile } from "./load-file.ts";

/** The server that the command line names. */
export type NamedServer = Pick<ServerSpec, "command" | "args" | "literal" | "meant">;

export interface ServerSources {
  named?: NamedServer | undefined;
  file?: LoadedFile | undefined;
  /** `--shell` */
  shell: boolean;
  /** The current folder, absolute. */
  cwd: string;
}

/**
 * @returns undefined when neither names one
 * @throws {UserError} the file's `server` is neither a file nor a command
 */
export function chooseServer({ named, file, shell, cwd }: ServerSources): ServerSpec | undefined {
  if (named !== undefined) return { ...named, folder: cwd, shell };
  const server = file?.values.server;
  if (file === undefined || server === undefined) return undefined;
  const { name, folder } = file;
  const where = { literal: false, folder, shell, isFromFile: true } as const;
  if (typeof server !== "string") {
    const [command, ...args] = server;
    return { command, args, ...where };
  }
  // A path may hold spaces, so a command with arguments is not split by guess.
  if (!shell && /\s/.test(server) && !existsSync(resolve(folder, server)))
    throw new UserError(
      `server in ${name} is "${server}", and there is no such file.`,
      `For a command with arguments write a list: ${JSON.stringify(server.trim().split(/\s+/))}`,
    );
  return { command: server, args: [], ...where };
}
