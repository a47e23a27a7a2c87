// What a command gets from outside. main.ts fills it in from the process; nothing else under cli/ touches `process`.

export interface CliIO {
  /** The arguments after the program's name. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** The current folder, absolute. */
  cwd: string;
  /** The person's home folder, absolute. */
  home: string;
  platform: NodeJS.Platform;
  /** The executable this program runs in. */
  execPath: string;
  /** How to start this program once more, as the ngrok agent. */
  agent: { file: string; args: readonly string[]; env: Readonly<Record<string, string>> };
  stdin: CliInput;
  stdout: Output;
  stderr: Output;
  /** @returns stops listening */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
  /** Ends this process as an unhandled signal does. */
  raise(signal: NodeJS.Signals): void;
  /** Sends a signal to us and to what was started together with us, as the terminal does for Ctrl+C. */
  raiseInGroup(signal: NodeJS.Signals): void;
  /** Whether the terminal is ours at the moment, and not that of a shell that has put us into the background. */
  isForeground(): boolean;
  readText(path: string): Promise<string>;
  now(): number;
  random(bytes: number): Uint8Array;
}

export interface CliInput {
  isTTY: boolean;
  /** Until this is called, no byte is taken from those who read after us. */
  open(): NodeJS.ReadStream;
}

/** Where text goes. Writing never throws, even when the reader is gone. */
export interface Output {
  write(text: string): void;
  isTTY: boolean;
  /** Of a terminal. */
  readonly columns?: number | undefined;
}
