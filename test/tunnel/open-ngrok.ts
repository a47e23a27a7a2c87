// Opens an ngrok tunnel in a process of its own, where nothing of the addon outlives a test.
// Reads one JSON argument, writes one JSON line for each thing that happens, closes the tunnel at `close` on stdin.
import { createLog } from "../../src/log.ts";
import { UserError } from "../../src/errors.ts";
import { createNgrok } from "../../src/tunnel/ngrok.ts";
import type { NgrokArgument } from "./ngrok-process.ts";

const argument: NgrokArgument = JSON.parse(process.argv[2] ?? "{}");
const { target, platform, throwOnDown, ...options } = argument;
const tell = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const log = createLog({ level: "verbose", write: (text) => void process.stderr.write(text), color: false });
if (platform !== undefined) Object.defineProperty(process, "platform", { value: platform });

try {
  const tunnel = await createNgrok({ ...options, log })(target, {
    up: (url) => tell({ event: "up", url }),
    down(reason) {
      tell({ event: "down", reason });
      if (throwOnDown) throw new Error("a handler threw");
    },
    failed: (reason, advice) => tell({ event: "failed", reason, advice }),
  });
  tell({ event: "open", url: tunnel.url });
  for await (const line of console) {
    if (line !== "close") continue;
    await tunnel.close();
    tell({ event: "closed" });
  }
} catch (thrown) {
  if (!(thrown instanceof UserError)) throw thrown;
  const { message, hint, exitCode } = thrown;
  tell({ event: "refused", message, hint, exitCode });
}
process.exit();
