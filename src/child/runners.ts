// Programs that run another one, which their words name: what is exposed is that one, by name and by identity.
import { basename } from "node:path";

/** How the words behind a command that runs others are read, up to the one that names the program. */
export interface Runner {
  /** Options without a value that make no difference. */
  switches: readonly string[];
  /** Options whose value makes none, either. */
  ignored: readonly string[];
  /** Options whose value does. */
  counted: readonly string[];
  /** The option that a module's name follows. */
  module?: string;
  /** `image`: what is run may be said behind the image, too. */
  names: "package" | "file" | "image";
}

export const list = (text: string) => text.split(" ");
const PACKAGE: Runner = {
  switches: list("-y --yes -q --quiet --no-install --offline --prefer-offline --verbose --silent --bun"),
  ignored: [],
  counted: list("-p --package --registry --from --with --index-url --python"),
  names: "package",
};
const FILE: Runner = {
  switches: list(
    "--bun --no-warnings --enable-source-maps --trace-warnings --no-deprecation --watch --hot",
  ).concat(
    list(
      "--inspect --inspect-brk --inspect-wait --max-old-space-size -A --allow-all --allow-read --allow-net",
    ),
    list("--allow-env --allow-write --allow-run --allow-sys"),
  ),
  ignored: [],
  counted: [],
  names: "file",
};
/** What is loaded before the script is part of how it runs. */
const NODE: Runner = { ...FILE, ignored: list("-r --require --import") };
const PYTHON: Runner = {
  ...FILE,
  switches: list("-u -B -s -S -E -I -O -OO -q -P"),
  ignored: list("-X -W"),
  module: "-m",
};
const UV: Runner = {
  ...FILE,
  switches: list("-q --quiet --offline --no-sync --frozen --locked"),
  ignored: list("--python"),
  counted: list("--with --directory --project --extra"),
  module: "-m",
};
const IMAGE: Runner = {
  switches: list("-i -t -it -ti -d --rm --init --interactive --tty --read-only"),
  ignored: list("-e --env --name -l --label -m --memory --cpus --pull -h --hostname"),
  counted: list("-v --volume --mount -w --workdir -u --user --network --entrypoint --platform --env-file"),
  names: "image",
};
export const RUNNERS: Readonly<Record<string, Runner>> = {
  npx: PACKAGE,
  bunx: PACKAGE,
  pnpx: PACKAGE,
  uvx: PACKAGE,
  "npm exec": PACKAGE,
  "npm x": PACKAGE,
  "pnpm dlx": PACKAGE,
  "yarn dlx": PACKAGE,
  "bun x": PACKAGE,
  "uv tool run": PACKAGE,
  "pipx run": PACKAGE,
  node: NODE,
  bun: NODE,
  "bun run": NODE,
  "deno run": FILE,
  tsx: NODE,
  python: PYTHON,
  "uv run": UV,
  "docker run": IMAGE,
  "podman run": IMAGE,
};
/** The first words of them. */
export const RUNNER_PROGRAMS: ReadonlySet<string> = new Set(
  Object.keys(RUNNERS).map((name) => name.split(" ", 1)[0]!),
);

/** What the program at a path is called among them: a newer Python is the same runner, wherever it lies. */
export function nameProgram(path: string): string {
  return basename(path)
    .replace(/\.(?:exe|cmd|bat)$/i, "")
    .replace(/^(python)[\d.]+$/, "$1");
}
