// The real program on a terminal of its own, as a person has it: keys in, the screen out, and the terminal's modes.
import { programWords } from "../program.ts";
import { until } from "../acceptance/until.ts";
import { createFolder } from "./process.ts";

export interface Screen extends AsyncDisposable {
  /** Everything shown so far, with line breaks as `\n`. */
  shown(): string;
  /** Sends bytes as one piece. */
  type(keys: string): void;
  /** Presses a key once, as long after the last one as a person does. */
  tap(key: string): Promise<void>;
  /** Presses a key until `text` is shown behind what was shown before: keys in quick succession are taken for a paste. */
  press(key: string, text: string | RegExp): Promise<void>;
  /** Waits for text, wherever it is. */
  sees(text: string | RegExp): Promise<void>;
  /** What a terminal does by itself with what people type (tcgetattr(3)); all of them, to be compared. */
  modes(): readonly number[];
  /** What they were before anything ran on it: a program may have changed them by the time somebody looks. */
  readonly firstModes: readonly number[];
  /** Whether keys are passed on one by one, and not shown. */
  isRaw(): boolean;
  /** Takes the terminal away. */
  close(): void;
}

export interface ScreenOptions {
  /** The compiled binary, to be started instead of the source. */
  binary?: string;
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Of `openProgram` alone: waits for this text, and leaves nothing running when it does not come. */
  until?: string;
}

const WORDS = ["--port", "0", "--store", "memory"];

/** A program on a terminal, below a shell. Linux resets a terminal whose first process ends, which would show nothing of us. */
export interface ProgramScreen extends Screen {
  signal(name: NodeJS.Signals): void;
  /** Waits for the end of the program; the exit status as a shell has it, 128 and more for a signal. */
  ended(): Promise<number>;
}

const SHELL = `
trap : INT QUIT
/bin/sh -c 'echo "pid $$"; exec "$@"' sh "$@"
echo "status $?"
read -r _`;

/** Runs `mcp-expose …words` on a terminal, from source or compiled. */
export async function openProgram(
  words: readonly string[],
  options: ScreenOptions = {},
): Promise<ProgramScreen> {
  const program = [...programWords(options.binary), ...WORDS, ...words];
  const screen = await openScreen(["/bin/sh", "-c", SHELL, "sh", ...program], options);
  for (const text of [PID, ...(options.until === undefined ? [] : [options.until])])
    await screen.sees(text).catch(async (thrown: unknown) => {
      await screen[Symbol.asyncDispose]();
      throw thrown;
    });
  const find = (pattern: RegExp) => Number(pattern.exec(screen.shown())?.[1]);
  return {
    ...screen,
    signal: (name) => void process.kill(find(PID), name),
    async ended() {
      await screen.sees(STATUS);
      return find(STATUS);
    },
  };
}

const PID = /^pid (\d+)$/m;
/** Behind a `^C` that the terminal shows. */
const STATUS = /status (\d+)$/m;

/** Linux: c_lflag of a terminal in canonical mode. */
const ICANON = 0o2;

/** Runs any command on a terminal; `$program` in a script of sh stands for the real command. */
export async function openScreen(command: readonly string[], options: ScreenOptions = {}): Promise<Screen> {
  const home = await createFolder();
  const decoder = new TextDecoder();
  let shown = "";
  // A terminal that is made here, and not given, is the one that controls the new session.
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? home.path,
    env: {
      PATH: process.env["PATH"],
      HOME: home.path,
      NO_COLOR: "1",
      MCP_EXPOSE_TUNNEL: "none",
      program: [...programWords(), ...WORDS].join(" "),
      ...options.env,
    },
    terminal: {
      cols: 200,
      data: (_, data) => void (shown += decoder.decode(data, { stream: true }).replaceAll("\r", "")),
    },
  });
  const terminal = child.terminal!;
  const readModes = () => [
    terminal.inputFlags,
    terminal.outputFlags,
    terminal.localFlags,
    terminal.controlFlags,
  ];
  const firstModes = readModes();
  const has = (text: string | RegExp, from = 0) => {
    const part = shown.slice(from);
    return typeof text === "string" ? part.includes(text) : text.test(part);
  };
  const wait = (text: string | RegExp, condition: () => boolean) =>
    until(`the terminal shows ${String(text)}`, condition).catch((thrown: Error) => {
      throw new Error(`${thrown.message}; it shows:\n${shown}`);
    });
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  let typed = -Infinity;
  const type = (keys: string) => {
    terminal.write(keys);
    typed = performance.now();
  };
  return {
    shown: () => shown,
    type,
    async tap(key) {
      await until("a person presses the next key", () => performance.now() - typed > 150);
      type(key);
    },
    async press(key, text) {
      const from = shown.length;
      let next = typed + 150;
      await wait(text, () => {
        if (has(text, from)) return true;
        if (performance.now() < next || isOver()) return false;
        type(key);
        next = typed + 500;
        return false;
      });
    },
    sees: (text) => wait(text, () => has(text)),
    modes: readModes,
    firstModes,
    close: () => terminal.close(),
    isRaw: () => (terminal.localFlags & ICANON) === 0,
    async [Symbol.asyncDispose]() {
      if (!isOver()) child.kill("SIGKILL");
      await child.exited;
      terminal.close();
      await home[Symbol.asyncDispose]();
    },
  };
}
