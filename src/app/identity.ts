// Which server a run wraps, as its store knows it: the id that grants name, and the keys that outlive a run. Keys are a
// server's own, so that a form which was shown for one server can approve nothing at another on the same store.
import type { AppIO, Run } from "./run-context.ts";
import type { Command } from "../child/command.ts";
import { fingerprintCommand, fingerprintPlace } from "../child/identity.ts";
import type { Config } from "../config/config.ts";
import { resolveStore } from "../config/resolve.ts";
import { createId } from "../oauth/secrets.ts";
import { printable } from "../printable.ts";
import { refuseStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";

export interface Identity {
  /** Random, and the same whenever this server is started with this store. */
  serverId: string;
  /** Signs approval forms. */
  formKey: Uint8Array;
  /** Signs the `requestState` of calls. */
  requestStateKey: Uint8Array;
}

const ID_BYTES = 16;
const KEY_BYTES = 32;
const LONGEST_PATH = 1_000;

/** @throws {UserError} exit code 1: the store cannot be read or written now */
export async function openIdentity(run: Run, store: Store, command: Command): Promise<Identity> {
  try {
    const serverId = await findServerId(run, store, command);
    const openServerKey = (purpose: string) =>
      store.openKey(`${purpose} of ${serverId}`, run.io.random(KEY_BYTES));
    return {
      serverId,
      formKey: await openServerKey("approval form"),
      requestStateKey: await openServerKey("requestState"),
    };
  } catch (thrown) {
    throw refuseStore(run.config.store, thrown);
  }
}

async function findServerId({ config, io }: Run, store: Store, command: Command): Promise<string> {
  const id = createId(io.random, ID_BYTES);
  const started = fingerprintCommand(command);
  const known = await store.identifyServer({ id, place: findPlace(config, command), command: started });
  if (known.command !== started) {
    const grants = await store.listGrants(io.now());
    if (grants.some(({ serverId }) => serverId === known.id)) io.log.warn(describeChange(config, io));
  }
  return known.id;
}

/** A name pins the server. No place is written as a name is. */
function findPlace({ name, server, cwd }: Config, { target }: Command): string {
  if (name !== undefined) return `named ${name}`;
  const home = server.isFromFile ? server.folder : cwd;
  return `at ${fingerprintPlace(server, target, { home, cwd })}`;
}

function describeChange({ store }: Config, io: AppIO): string {
  const path = printable(store, LONGEST_PATH);
  const isUsual = store === resolveStore({}, io);
  const where = isUsual ? "" : ` --store ${/^[\w./+-]+$/.test(path) ? path : `"${path}"`}`;
  return `The command differs from the last run. Who had access still has it: mcp-expose grants revoke --all${where} ends that.`;
}
