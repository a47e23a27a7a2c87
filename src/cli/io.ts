// What a command sees of the world. main.ts fills it in from the process; nothing else under cli/ touches `process`.

export interface CliIO {
  /** The words after the program's name. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Where the person stands, absolute. */
  cwd: string;
  /** The person's home folder, absolute. */
  home: string;
  platform: NodeJS.Platform;
  /** The program we run in. */
  execPath: string;
  /** How to start this program once more, as the ngrok agent. */
  agent: { file: string; args: readonly string[]; env: Readonly<Record<string, string>> };
  stdin: NodeJS.ReadStream;
  stdout: Output;
  stderr: Output;
  /** @returns stops listening */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
  /** Ends this process the way a signal nobody handles does. */
  raise(signal: NodeJS.Signals): void;
  readText(path: string): Promise<string>;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** Where text goes. Writing never throws, also when nobody reads any more. */
export interface Output {
  write(text: string): void;
  isTTY: boolean;
  /** Of a terminal. */
  readonly columns?: number | undefined;
}
