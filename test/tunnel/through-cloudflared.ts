// The whole command behind a stand-in of cloudflared, and the socket that the real one would connect to.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Program, ROOT, startProgram } from "../program.ts";

export interface BehindCloudflared extends AsyncDisposable {
  program: Program;
  /** The arguments of cloudflared. */
  args: readonly string[];
  /** The folder of the file behind `--config`, and the content of that file. */
  folder: string;
  config: unknown;
  /** The socket that it forwards to. */
  socket: string;
}

export async function exposeThroughCloudflared(words: readonly string[]): Promise<BehindCloudflared> {
  const journal = mkdtempSync(join(tmpdir(), "through-cloudflared-"));
  const runs = join(journal, "runs");
  const PATH = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
  const env = { PATH, STAND_IN: "", STAND_IN_LOG: runs };
  const program = await startProgram(["--tunnel", "cloudflared", ...words], { env });
  const { args } = JSON.parse(readFileSync(runs, "utf8")) as { args: string[] };
  const file = args[args.indexOf("--config") + 1] ?? "";
  const folder = dirname(file);
  return {
    program,
    args,
    folder,
    config: Bun.YAML.parse(readFileSync(file, "utf8")),
    socket: join(folder, "tunnel.sock"),
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(journal, { recursive: true });
    },
  };
}
