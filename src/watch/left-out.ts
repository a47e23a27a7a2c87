// Names that are never a server's source: what editors, package managers and test runners write, and what a server itself
// writes while it runs. A server that is restarted by its own log or database would never come to rest.

/** Of editors, while they save: vim's `4913`, swap and backup files, Emacs' locks, JetBrains' and GNOME's copies. */
const TEMPORARY = new RegExp(
  [
    /^4913$/,
    /~$/,
    /^\.#/,
    /^#.*#$/,
    /\.sw[a-z]$/,
    /^\.DS_Store$/,
    /^Thumbs\.db$/,
    /^\.goutputstream-/,
    /___jb_(?:tmp|old|bak)___$/,
    /\.tmp$/,
    /\.tmp[-.\d]\w*$/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

const DATA = /\.(?:log|pid|tsbuildinfo|(?:sqlite3?|db)(?:-wal|-shm|-journal)?)$/;

const VERSIONS_AND_EDITORS = ["node_modules", ".git", ".hg", ".svn", ".jj", ".idea", ".vscode"];
const OF_PYTHON = ["__pycache__", ".venv", "venv", ".tox", ".pytest_cache", ".mypy_cache", ".ruff_cache"];
const OF_JAVASCRIPT = [".next", ".nuxt", ".turbo", ".cache", ".parcel-cache", ".svelte-kit", ".nyc_output"];
const CACHES = new Set(["coverage"].concat(VERSIONS_AND_EDITORS, OF_PYTHON, OF_JAVASCRIPT));

const BUILDS = new Set(["dist", "build", "out", ".output"]);

/** A file that an editor writes beside the one it saves. */
export function isTemporaryFile(name: string): boolean {
  return TEMPORARY.test(name);
}

/** A file that programs write while they run. */
export function isDataFile(name: string): boolean {
  return DATA.test(name);
}

/** A folder that holds caches, packages or versions, wherever it lies. */
export function isCacheFolder(name: string): boolean {
  return CACHES.has(name);
}

/** A folder that a build writes. A server may run from it. */
export function isBuildFolder(name: string): boolean {
  return BUILDS.has(name);
}
