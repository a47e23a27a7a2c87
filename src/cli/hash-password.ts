// `mcp-expose hash-password [name]`: the hash alone on stdout, a ready line for the config file on stderr.
import { defineCommand } from "citty";
import { hashPassword } from "../config/password.ts";
import { findWeakness } from "../config/weak-secrets.ts";
import { UserError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { CliIO } from "./io.ts";
import { askHidden, readPiped } from "./prompt.ts";

export function createHashPassword(io: CliIO) {
  return defineCommand({
    async run({ args }) {
      if (args._.length > 1)
        throw new UserError(
          `Unexpected argument "${printable(args._[1] ?? "")}".`,
          "Give a name alone; the command asks for the password.",
        );
      const name = args._[0] ?? "alice";
      const password = io.stdin.isTTY ? await askTwice(io) : await readPiped(io.stdin.open());
      if (password === "")
        throw new UserError("The password is empty.", "Type one, or pipe one line into this command.");
      const weakness = await findWeakness(password);
      if (weakness !== undefined)
        io.stderr.write(`! This password can be guessed: it ${weakness}. Use another one on the internet.\n`);
      const passwordHash = await hashPassword(password);
      io.stderr.write(
        `For mcp-oauth.config.ts:\n  users: [{ name: ${JSON.stringify(name)}, passwordHash: "${passwordHash}" }],\n`,
      );
      io.stdout.write(`${passwordHash}\n`);
    },
  });
}

async function askTwice(io: CliIO): Promise<string> {
  const password = await askHidden("Password", io);
  if (password !== "" && (await askHidden("Password again", io)) !== password)
    throw new UserError("The two passwords differ.", "Start again.");
  return password;
}
