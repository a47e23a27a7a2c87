// The single binary, as `npm run compile` makes it, in folders that have nothing to do with this project.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openProgram } from "../cli/pty.ts";
import { BINARY, createFolder, createHostileFolder, READS_SETTINGS, ROOT, run, VERSION } from "./shipped.ts";

test("the binary prints its version in an empty folder, with nothing on PATH, in under a second", async () => {
  await using folder = await createFolder();
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    const { status, stdout } = await run([BINARY, "--version"], folder.path, { PATH: "" });
    times.push(performance.now() - start);
    expect([status, stdout.trim()]).toEqual([0, VERSION]);
  }
  expect(Math.min(...times)).toBeLessThan(1000);
});

test("the binary neither runs the bunfig.toml nor reads the .env of its folder", async () => {
  await using folder = await createHostileFolder();
  const fromFolder = await run([BINARY, ...READS_SETTINGS], folder.path);
  expect(fromFolder.stderr).not.toContain("banana");
  expect(await Bun.file(join(folder.path, "ran")).exists()).toBe(false);

  const fromEnvironment = await run([BINARY, ...READS_SETTINGS], folder.path, { MCP_EXPOSE_PORT: "banana" });
  expect(fromEnvironment.status).toBe(2);
  expect(fromEnvironment.stderr).toContain("banana");
});

test("the binary takes keys from a terminal, and gives it back", async () => {
  const server = join(ROOT, "test/fixtures/servers/obedient.ts");
  await using screen = await openProgram([process.execPath, server], { binary: BINARY });
  const modes = screen.firstModes;
  await screen.sees("Press ? for keys.");
  expect(screen.isRaw()).toBe(true);
  await screen.press("?", "  q  quit\n");
  await screen.press("q", "Stopped.");
  expect(await screen.ended()).toBe(0);
  expect(screen.modes()).toEqual(modes);
});
