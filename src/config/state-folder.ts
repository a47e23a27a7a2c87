// The folder for state that outlives a run, on each platform (XDG Base Directory Specification, "XDG_STATE_HOME").
import { posix, win32 } from "node:path";
import { NAME } from "../version.ts";

export interface Machine {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** The person's home folder, absolute. */
  home: string;
}

/** The folder for our own state, absolute; it may not exist yet. */
export function findStateFolder({ platform, env, home }: Machine): string {
  const { XDG_STATE_HOME: stateHome, LOCALAPPDATA: localAppData } = env;
  // A relative path in this variable is to be ignored, says the specification.
  if (stateHome && posix.isAbsolute(stateHome)) return posix.join(stateHome, NAME);
  if (platform === "win32") return win32.join(localAppData || win32.join(home, "AppData", "Local"), NAME);
  if (platform === "darwin") return posix.join(home, "Library", "Application Support", NAME);
  return posix.join(home, ".local", "state", NAME);
}
