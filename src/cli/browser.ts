// Opens a page in the person's browser, by the program that every platform has for it. The package `open` does this too, with
// six more for choices that are not ours (which browser, a private window) and a copy of xdg-open for those without one.
import { spawn } from "node:child_process";
import type { CliIO } from "./io.ts";

/** No shell reads the URL. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly [file: string, ...args: string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};
const OPENER = ["xdg-open"] as const;
/** Without one of these, xdg-open starts a browser for terminals, on ours. */
const DESKTOP = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"];

/** Milliseconds. */
const FAILS_WITHIN = 10_000;

/** Starts the browser and does not wait for it. `fail` gets the reason if there is none. */
export async function openInBrowser(
  url: string,
  { env, platform, now }: Pick<CliIO, "env" | "platform" | "now">,
  fail: (reason: string) => void,
): Promise<void> {
  const [file, ...args] = OPENERS[platform] ?? OPENER;
  if (file === "xdg-open" && !DESKTOP.some((name) => env[name])) return fail("there is no desktop here");
  const { inheritEnvironment } = await import("../app/app.ts");
  const start = now();
  // In a session of its own, the browser neither ends with us nor reads our terminal.
  const opener = spawn(file, [...args, url], {
    env: inheritEnvironment(env),
    stdio: "ignore",
    detached: true,
    windowsHide: true,
  });
  opener.on("error", () => fail(`"${file}" could not be started`));
  opener.on("exit", (status) => {
    // Later, it is the browser itself that has ended.
    if (status && now() - start < FAILS_WITHIN) fail(`"${file}" ended with status ${status}`);
  });
  opener.unref();
}
