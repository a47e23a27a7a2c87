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
  stdin: NodeJS.ReadStream;
  stdout: Output;
  stderr: Output;
  /** @returns stops listening */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
  /** Ends this process as an unhandled signal does. */
  raise(signal: NodeJS.Signals): void;
  readText(path: string): Promise<string>;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** Where text goes. Writing never throws, even when the reader is gone. */
export interface Output {
  write(text: string): void;
  isTTY: boolean;
  /** Of a terminal. */
  readonly columns?: number | undefined;
}
