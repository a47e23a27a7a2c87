// Which programs run another one that their words name: of these every word may say what is exposed. The lists err on the
// side of two servers, since a grant for one must never open the other.
import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { list, RUNNER_PROGRAMS } from "./runners.ts";

/** Shells, interpreters, wrappers, task runners and containers, which say so by their whole name. */
const LAUNCHERS: ReadonlySet<string> = new Set(
  [
    "sh bash zsh dash ksh fish cmd powershell pwsh busybox env sudo doas su nice nohup timeout time stdbuf setsid",
    "script strace xargs watch unshare chroot firejail bwrap systemd-run tmux screen ssh mosh wsl socat nc ncat",
    "ruby bundle rake perl php lua luajit java javaw kotlin scala groovy dotnet mono go cargo swift elixir mix erl",
    "escript R Rscript julia runghc stack cabal racket guile sbcl clojure clj bb tclsh wasmtime wasmer",
    "make gmake just task invoke poetry pdm pipenv hatch rye pixi conda mamba micromamba nix nix-shell devbox direnv",
    "mise asdf volta fnm op doppler infisical chamber aws-vault flatpak snap toolbox distrobox vagrant multipass lima",
    "docker-compose nerdctl kubectl oc helm flyctl uvicorn gunicorn hypercorn corepack mcp",
  ].flatMap(list),
);
/** Programs that say so by a part of their name. */
const LAUNCHER_PARTS: ReadonlySet<string> = new Set(
  list("node bun deno python ts tsx nodemon env dotenv dotenvx concurrently run runner exec").concat(
    list("cli inspector remote proxy bridge gateway supergateway fastmcp"),
  ),
);
const SUBCOMMANDS: ReadonlySet<string> = new Set(["run", "exec", "x", "dlx"]);
export const SCRIPT = /\.(?:[cm]?[jt]sx?|py)$/;
/** What a program reads and does not run. That such a file appears must not make another server of it. */
const DATA: ReadonlySet<string> = new Set(
  list(
    "json jsonc json5 yaml yml toml ini cfg conf env xml txt md csv tsv log db sqlite sqlite3 lock pem key crt",
  ),
);

/** Whether a program runs what its words name, as its own name tells. */
export function isLauncher(name: string): boolean {
  if (LAUNCHERS.has(name) || RUNNER_PROGRAMS.has(name)) return true;
  return name.split(/[^a-z]+/i).some((part) => LAUNCHER_PARTS.has(part));
}

/** The same of a program that is found by its name alone, whose words may tell, too. */
export function mayRunAnother(name: string, args: readonly string[], cwd: string): boolean {
  return isLauncher(name) || args.some((one) => namesProgram(one, cwd));
}

/** `tool run one`: another word than an option follows. */
export function hasSubcommand([first = "", second = "-"]: readonly string[]): boolean {
  return SUBCOMMANDS.has(first) && !second.startsWith("-");
}

/** Whether a word may say what to run: a file, an address, another runner, or that a command follows. */
function namesProgram(arg: string, cwd: string): boolean {
  if (arg === "--" || RUNNER_PROGRAMS.has(arg) || arg.includes("://") || SCRIPT.test(arg)) return true;
  return isFile(resolve(cwd, arg)) && !DATA.has(extname(arg).slice(1).toLowerCase());
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
