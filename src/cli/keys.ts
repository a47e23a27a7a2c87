// What each key does while the program runs, and the list of them. Answers are shown with --quiet too: somebody has asked.
import type { App, Ready } from "../app/app.ts";
import { messageOf } from "../errors.ts";
import { printable, printableLine, printableText } from "../printable.ts";
import { openInBrowser } from "./browser.ts";
import { renderCopy } from "./clipboard.ts";
import type { CliIO } from "./io.ts";
import { type Keyboard, type KeyboardIO, openKeyboard } from "./keyboard.ts";

export interface KeyActions {
  restart(): void;
  copyUrl(): void;
  open(): void;
  quit(): void;
  help(): void;
}

export interface Keys extends Keyboard {
  /** From now on, this is where to connect. */
  moved(ready: Ready): void;
  /** The start is complete. */
  started(app: Pick<App, "restart">): void;
}

export type KeysIO = KeyboardIO & Pick<CliIO, "env" | "platform">;

/** For the line below the banner. */
export const KEYS_HINT = "Press ? for keys.";

const KEYS: readonly (readonly [key: string, action: keyof KeyActions, text: string])[] = [
  ["r", "restart", "restart the server"],
  ["c", "copyUrl", "copy the URL"],
  ["o", "open", "open the page in a browser"],
  ["q", "quit", "quit"],
  ["?", "help", "show this list"],
];

/** @param stop asks the program to end; from then on the terminal is itself again */
export function openKeys(io: KeysIO, stop: { request(): void; signal: AbortSignal }): Keys {
  const say = (text: string) => io.stderr.write(`${printableText(text)}\n`);
  const restart = createRestart(say);
  let ready: Ready | undefined;
  let app: Pick<App, "restart"> | undefined;
  const whenReady = (act: (ready: Ready) => unknown) => () => {
    if (ready === undefined) say("Not yet: the URL is not there so far.");
    else void act(ready);
  };
  const actions: KeyActions = {
    restart: whenReady(({ server }) => restart(server, app)),
    copyUrl: whenReady(({ url }) => {
      io.stderr.write(renderCopy(url, Boolean(io.env["TMUX"])));
      say(`Copied, if your terminal allows it: ${url}`);
    }),
    open: whenReady(({ inspector, local }) => {
      const page = inspector ?? local;
      say(`Opening ${page}`);
      return openInBrowser(page, io, (reason) => say(`No browser was opened: ${reason}. Open it yourself.`));
    }),
    quit: stop.request,
    help: () => say(KEYS.map(([key, , text]) => `  ${key}  ${text}`).join("\n")),
  };
  const keyboard = openKeyboard(io, (key) => {
    const [, action] = KEYS.find(([each]) => each === key.toLowerCase()) ?? [];
    if (action !== undefined) actions[action]();
  });
  // A Ctrl+C from now on is the terminal's own signal again, and ending may take as long as it likes.
  stop.signal.addEventListener("abort", keyboard.close, { once: true });
  return {
    ...keyboard,
    moved: (latest) => void (ready = latest),
    started: (complete) => void (app = complete),
  };
}

/** One restart at a time: a key that is held down is one wish. */
function createRestart(say: (text: string) => void) {
  let isRestarting = false;
  return async (server: string, app: Pick<App, "restart"> | undefined): Promise<void> => {
    if (isRestarting) return;
    isRestarting = true;
    try {
      await app?.restart();
    } catch (thrown) {
      const [reason = ""] = messageOf(thrown).split("\n");
      say(`${printable(server)} could not be restarted: ${printableLine(reason)}`);
    } finally {
      isRestarting = false;
    }
  };
}
