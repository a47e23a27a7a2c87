// Single keys from the terminal, which gets its own modes back whenever we stop, end or go to the background.
// Node's raw mode also takes Ctrl+C, Ctrl+Z and Ctrl+\ from the terminal (ISIG, termios(3)); they are sent on as the signals
// that the terminal would have sent, and to the same processes.
import type { CliIO } from "./io.ts";

export type KeyboardIO = Pick<
  CliIO,
  "stdin" | "stderr" | "onSignal" | "raise" | "raiseInGroup" | "isForeground" | "now"
>;

export interface Keyboard {
  /** Whether keys are read at the moment. */
  isOn(): boolean;
  /** Gives the terminal back for good. */
  close(): void;
}

const SIGNALS: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [0x03, "SIGINT"],
  [0x1a, "SIGTSTP"],
  [0x1c, "SIGQUIT"],
]);
/** What a terminal in bracketed paste mode sends around pasted text. */
const PASTE_STARTS = "\x1b[200~";
const PASTE_ENDS = "\x1b[201~";
/** Milliseconds. Keys follow each other less quickly than the pieces of pasted text or of an escape sequence. */
const APART = 30;
/** Milliseconds of silence after which a paste is over, even if its end has not been seen. */
const PASTE_OVER = 2_000;

/**
 * Reads keys where people type and see the answer; elsewhere stdin is not touched.
 *
 * @param press gets one printable character at a time; text that was pasted and escape sequences are left out
 */
export function openKeyboard(io: KeyboardIO, press: (key: string) => void): Keyboard {
  if (!io.stdin.isTTY || !io.stderr.isTTY) return { isOn: () => false, close: () => {} };
  /** Present while keys are read. */
  let stdin: NodeJS.ReadStream | undefined;
  const read = createKeyReader(io.now, press, (signal) => {
    // What was started together with us is stopped with us, and must not find a terminal in raw mode.
    if (signal !== "SIGINT") leave();
    io.raiseInGroup(signal);
  });
  const enter = () => {
    if (stdin !== undefined || !io.isForeground()) return;
    stdin = io.stdin.open();
    // The shell has set modes of its own if we were stopped without notice (SIGSTOP); raw mode that is on is not set again.
    stdin.setRawMode(false);
    stdin.setRawMode(true);
    // It stays: a terminal that is gone later is no fault of ours.
    stdin.off("error", drop).on("error", drop);
    stdin.on("data", read);
    stdin.resume();
  };
  /** Stops reading, but leaves the modes as they are. */
  const drop = () => {
    stdin?.off("data", read).pause();
    stdin = undefined;
  };
  const leave = () => {
    if (stdin !== undefined && io.isForeground()) stdin.setRawMode(false);
    drop();
  };
  const stops = [
    yieldTo("SIGTSTP", io, leave, enter),
    yieldTo("SIGQUIT", io, leave, enter),
    io.onSignal("SIGCONT", () => {
      // In the background, the terminal is somebody else's, with its modes.
      drop();
      enter();
    }),
  ];
  enter();
  return {
    isOn: () => stdin !== undefined,
    close() {
      stops.forEach((stopListening) => stopListening());
      leave();
    },
  };
}

/** Lets `signal` do what it does to programs that do not handle it, without raw mode. A stopped program goes on in here. */
function yieldTo(
  signal: NodeJS.Signals,
  { onSignal, raise }: KeyboardIO,
  leave: () => void,
  enter: () => void,
): () => void {
  const listen = () =>
    onSignal(signal, () => {
      leave();
      stopListening();
      raise(signal);
      stopListening = listen();
      enter();
    });
  let stopListening = listen();
  return () => stopListening();
}

function createKeyReader(
  now: () => number,
  press: (key: string) => void,
  pass: (signal: NodeJS.Signals) => void,
): (chunk: Buffer) => void {
  let last = -Infinity;
  let isPasting = false;
  return (chunk) => {
    const time = now();
    const pause = time - last;
    last = time;
    if (pause > PASTE_OVER) isPasting = false;
    const starts = chunk.lastIndexOf(PASTE_STARTS);
    const ends = chunk.lastIndexOf(PASTE_ENDS);
    if (starts !== ends) isPasting = starts > ends;
    const key = chunk.toString("latin1");
    if (/^[!-~]$/.test(key) && !isPasting && pause >= APART) return press(key);
    // A terminal sends a signal wherever the byte comes from.
    for (const byte of chunk) {
      const signal = SIGNALS.get(byte);
      if (signal !== undefined) pass(signal);
    }
  };
}
