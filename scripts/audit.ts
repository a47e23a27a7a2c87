// Audits the dependencies: `npm run audit` lists every package with its licence and whether it runs a script when it is
// installed, and asks the registry for known vulnerabilities. The status is 1 if the package must not be shipped as it is.
// The lock file is the source: only packages it names by hash are installed.
import { join } from "node:path";
import { $ } from "bun";
import lock from "../package-lock.json";
import { allowScripts } from "../package.json";

interface Package {
  name: string;
  version: string;
  license: string;
  /** Installed with the program; the others are for development only. */
  isShipped: boolean;
  runsScripts: boolean;
  hasHash: boolean;
}

interface Entry {
  version?: string;
  license?: string;
  integrity?: string;
  dev?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
}

interface AuditReport {
  vulnerabilities?: Record<string, { severity: string; range: string }>;
  message?: string;
}

/** Licences that only ask to be included. */
const SHIPPABLE = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "0BSD"];

const packages = readPackages();
printPackages(packages);
const flaws = packages.flatMap(findFlaws);
const vulnerable = await findVulnerable();
for (const line of [...flaws, ...vulnerable]) console.log(`✗ ${line}`);
process.exit(flaws.length + vulnerable.length === 0 ? 0 : 1);

function readPackages(): Package[] {
  return Object.entries(lock.packages as Record<string, Entry>)
    .filter(([path, { link }]) => path !== "" && link !== true)
    .map(([path, entry]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version: entry.version ?? "",
      license: entry.license ?? "none stated",
      isShipped: entry.dev !== true,
      runsScripts: entry.hasInstallScript === true,
      hasHash: entry.integrity !== undefined,
    }));
}

function printPackages(packages: readonly Package[]): void {
  for (const isShipped of [true, false]) {
    const some = packages.filter((one) => one.isShipped === isShipped);
    console.log(`\n${some.length} packages ${isShipped ? "are shipped" : "are for development alone"}:\n`);
    const byLicense = Map.groupBy(some, ({ license }) => license);
    for (const [license, those] of [...byLicense].toSorted(([a], [b]) => a.localeCompare(b))) {
      console.log(`${license}\n  ${those.map(({ name, version }) => `${name} ${version}`).join("\n  ")}`);
    }
  }
  const scripted = packages.filter(({ runsScripts }) => runsScripts).map(({ name }) => name);
  console.log(`\nRun something when they are installed: ${scripted.join(", ") || "none"}\n`);
}

function findFlaws({ name, license, isShipped, runsScripts, hasHash }: Package): string[] {
  const mayRun = Object.hasOwn(allowScripts, name) && !isShipped;
  return [
    ...(isShipped && !isShippable(license) ? [`${name} is shipped, and its licence is ${license}.`] : []),
    ...(runsScripts && !mayRun
      ? [`${name} runs a script when it is installed; allowScripts does not name it.`]
      : []),
    ...(hasHash ? [] : [`${name} is locked without a hash.`]),
  ];
}

/** Of several licences to choose from, one is enough. */
function isShippable(license: string): boolean {
  return license
    .replace(/^\(|\)$/g, "")
    .split(" OR ")
    .some((choice) => SHIPPABLE.includes(choice));
}

/** Vulnerable packages that are shipped. A registry without an advisory service is reported, and is not a failure. */
async function findVulnerable(): Promise<string[]> {
  const { stdout } = await $`npm audit --omit=dev --json`
    .cwd(join(import.meta.dir, ".."))
    .quiet()
    .nothrow();
  const report = parseReport(stdout.toString());
  if (report?.vulnerabilities === undefined) {
    console.log(
      `Known vulnerabilities were not looked up: ${report?.message?.split(" - ")[0] ?? "npm gave no report"}.`,
    );
    return [];
  }
  const found = Object.entries(report.vulnerabilities);
  console.log(`Known vulnerabilities in what is shipped: ${found.length || "none"}.`);
  return found.map(([name, { severity, range }]) => `${name} ${range}: ${severity}`);
}

function parseReport(text: string): AuditReport | undefined {
  try {
    return JSON.parse(text) as AuditReport;
  } catch {
    return undefined;
  }
}
