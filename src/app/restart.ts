// A restart of every wrapped server at the wish of the person who runs them, or of a program of theirs.
import type { Mounts } from "./mount.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";

/** Follows "because" in what clients read whose calls are cut short. */
const REASON = "the person who runs it has asked for it";

/** Resolves when every server has answered again, or is found not to work. */
export async function restartServers(
  mounts: Mounts,
  log: Pick<Log, "error">,
  reason = REASON,
): Promise<void> {
  await Promise.all(
    mounts.map(async ({ bridge, endpoint }) => {
      try {
        const { outcome } = await bridge.restart(reason);
        if (outcome === "answered") await endpoint.restarted();
      } catch (thrown) {
        log.error(`The server could not be restarted: ${messageOf(thrown)}`);
      }
    }),
  );
}
