// The keys of a running program, on real terminals; and that a terminal is itself again whatever happens.
import { describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../acceptance/until.ts";
import { ROOT } from "../program.ts";
import { createFolder } from "./process.ts";
import { openProgram, openScreen, type ProgramScreen, type Screen, type ScreenOptions } from "./pty.ts";

const fixture = (name: string) => join(ROOT, "test/fixtures/servers", `${name}.ts`);
const HINT = "Press ? for keys.";
const LIST = "  q  quit\n  ?  show this list\n";
const ARROW_UP = "\x1b[A";

const openReady = (words: readonly string[] = [fixture("obedient")], options: ScreenOptions = {}) =>
  openProgram(words, { ...options, until: HINT });

const pidOn = (screen: Screen) => Number(/^pid (\d+)$/m.exec(screen.shown())?.[1]);
const urlOn = (screen: Screen) => /^URL +(\S+)$/m.exec(screen.shown())?.[1] ?? "no URL";

describe("what keys do", () => {
  test("? lists them, q quits, and nothing else that is typed or pasted does either", async () => {
    await using screen = await openReady();
    expect(screen.isRaw()).toBe(true);
    const before = screen.shown();
    for (const ignored of [ARROW_UP, "q?", "quit\r", "\x1b[200~q\x1b[201~", "\x1bOq", "é", "x", "\r", "\x04"])
      screen.type(ignored);
    await screen.press("?", LIST);
    expect(screen.shown().slice(before.length).replaceAll(LIST, "")).not.toMatch(/[qxé~]\n|Stopping/);
    await screen.press("q", "Stopping. Press Ctrl+C to stop at once.");
    expect(await screen.ended()).toBe(0);
    expect(screen.shown()).toContain("· Stopped.");
  });

  test("what is pasted between brackets in pieces is not pressed", async () => {
    await using screen = await openReady();
    screen.type("\x1b[200~two pieces: ");
    await screen.tap("q");
    await screen.tap("\x1b[201~");
    await screen.press("?", LIST);
    expect(screen.shown()).not.toContain("Stopping");
  });

  test("single bytes that follow each other at once are not pressed, but Ctrl+C is", async () => {
    const alone = [process.execPath, join(ROOT, "test/fixtures/keys-alone.ts")];
    const script = 'trap : INT; "$@"; echo "status $?"; read -r _';
    await using screen = await openScreen(["sh", "-c", script, "sh", ...alone], { env: { CLOCK: "still" } });
    await screen.sees("on\n");
    for (const key of ["x", "q", "?", "\x03"]) await screen.tap(key);
    await screen.sees("status 130");
    expect(screen.shown()).not.toMatch(/quit/);
    expect(screen.isRaw()).toBe(false);
  });

  test("c copies the URL, also through tmux", async () => {
    await using screen = await openReady(undefined, { env: { TMUX: "/tmp/tmux-0/default,1,0" } });
    const url = urlOn(screen);
    await screen.press("c", `Copied, if your terminal allows it: ${url}\n`);
    const copy = `]52;c;${Buffer.from(url).toString("base64")}\x07`;
    expect(screen.shown()).toContain(`\x1b${copy}\x1bPtmux;\x1b\x1b${copy}\x1b\\`);
  });

  test("without tmux, the URL is copied by one sequence", async () => {
    await using screen = await openReady();
    await screen.press("c", "Copied");
    expect(screen.shown()).toContain(`\x1b]52;c;${Buffer.from(urlOn(screen)).toString("base64")}\x07Copied`);
    expect(screen.shown()).not.toContain("\x1bP");
  });

  test("c copies the new URL when it has moved", async () => {
    await using folder = await createFolder();
    const log = join(folder.path, "runs");
    const PATH = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
    const env = { PATH, MCP_EXPOSE_TUNNEL: "cloudflared", STAND_IN: "", STAND_IN_LOG: log };
    await using screen = await openReady(undefined, { env });
    const { pid } = JSON.parse(await Bun.file(log).text()) as { pid: number };
    process.kill(pid, "SIGKILL");
    const listUrls = () => [...screen.shown().matchAll(/^URL +(\S+)$/gm)].map(([, url]) => url);
    await until("there is another URL", () => listUrls().length === 2);
    expect(new Set(listUrls()).size).toBe(2);
    await screen.press("c", `Copied, if your terminal allows it: ${listUrls()[1]}\n`);
  });

  test("r restarts once, however often it is pressed, and says in one line why it could not", async () => {
    await using folder = await createFolder();
    const alone = [process.execPath, join(ROOT, "test/fixtures/keys-alone.ts")];
    await using screen = await openScreen(alone, { env: { FOLDER: folder.path } });
    await screen.sees("on\n");
    await screen.press("?", `  r  restart the server\n  c  copy the URL\n`);
    await screen.press("r", "restart 1 begins\n");
    for (const again of ["r", "R"]) await screen.tap(again);
    await screen.press("?", LIST);
    await folder.write("go", "");
    await screen.sees("restart 1 ends\n");
    await folder.write("go", "no such\nfile");
    await screen.press("r", "restart 2 begins\nrestart 2 ends\nfiles could not be restarted: no such\n");
    await screen.press("q", "quit\n");
    expect(screen.shown().match(/begins/g)).toHaveLength(2);
  });

  test("o opens the page in a browser that gets no setting of ours, and does not wait for it", async () => {
    await using folder = await createFolder();
    const opener = await folder.write(
      "xdg-open",
      `#!/bin/sh\necho "$#:$1:$MCP_EXPOSE_ACCESS_TTL" >${folder.path}/opened\n`,
    );
    await chmod(opener, 0o755);
    const env = { PATH: `${folder.path}:${process.env["PATH"]}`, DISPLAY: ":7", MCP_EXPOSE_ACCESS_TTL: "3h" };
    await using screen = await openReady(undefined, { env });
    const url = urlOn(screen);
    await screen.press("o", `Opening ${url}\n`);
    const opened = Bun.file(join(folder.path, "opened"));
    await until("the browser has started", async () => (await opened.exists()) && opened.size > 0);
    expect(await opened.text()).toBe(`1:${url}:\n`);
  });

  test.each([
    ["there is no desktop here", {}],
    ['"xdg-open" could not be started', { DISPLAY: ":7" }],
    ['"xdg-open" ended with status 3', { DISPLAY: ":7" }],
  ])("o says in one line that %s", async (reason, more) => {
    await using folder = await createFolder();
    const fails = reason.includes("status");
    if (fails) await chmod(await folder.write("xdg-open", "#!/bin/sh\nexit 3\n"), 0o755);
    const env = { PATH: fails ? `${folder.path}:/usr/bin:/bin` : folder.path, ...more };
    await using screen = await openReady(undefined, { env });
    await screen.press("o", `\nNo browser was opened: ${reason}. Open it yourself.\n`);
    await screen.press("?", LIST);
  });

  test("before there is a URL, c and o say so, and q ends the start", async () => {
    await using screen = await openProgram([fixture("never-answers")]);
    const modes = screen.firstModes;
    await until("keys are read", screen.isRaw);
    for (const key of ["c", "o", "r"]) await screen.press(key, "Not yet: the URL is not there so far.\n");
    await screen.press("q", "Stopped.");
    expect(await screen.ended()).toBe(0);
    expect(screen.modes()).toEqual(modes);
  });

  test("with --quiet nothing advertises keys, and they answer", async () => {
    await using screen = await openProgram(["--quiet", fixture("obedient")]);
    await screen.sees("/mcp\n");
    expect(screen.shown()).not.toContain(HINT);
    await screen.press("?", LIST);
  });

  test("with --json what they say goes to stderr, and stdout stays JSON", async () => {
    const script = `$program --json ${fixture("obedient")} >out; echo ended; cat out`;
    await using screen = await openScreen(["sh", "-c", script]);
    await screen.sees(HINT);
    await screen.press("c", "Copied");
    await screen.press("q", /ended\n[^]*"stopped"}\n/);
    const [, out = ""] = screen.shown().split("ended\n");
    const events = out.trim().split("\n");
    expect(events.map((line) => (JSON.parse(line) as { event: string }).event)).toContain("ready");
  });

  test("they work after a password was asked for", async () => {
    await using screen = await openProgram(["--user", "ann", fixture("obedient")]);
    await screen.sees("Password of ann: ");
    screen.type("correct horse battery staple\r");
    await screen.sees(HINT);
    await screen.press("q", "Stopped.");
    expect(await screen.ended()).toBe(0);
    expect(screen.shown()).not.toContain("horse");
  });

  test("with the reader of stdout gone, they work", async () => {
    await using screen = await openScreen([
      "sh",
      "-c",
      `$program ${fixture("obedient")} | head -1; echo ended; read -r _`,
    ]);
    await screen.sees(HINT);
    await screen.press("q", "ended");
    expect(screen.isRaw()).toBe(false);
  });
});

/** A config file whose code does `what` in our own process when it is told to: a fault of ours, as nobody has foreseen it. */
const createFaulty = (what: string) => `
process.on("SIGUSR2", () => { ${what} });
export default { server: ${JSON.stringify(fixture("obedient"))} };
`;

describe("the terminal is itself again", () => {
  const ends: [name: string, end: (screen: ProgramScreen) => unknown, status: number][] = [
    ["q", (screen) => screen.press("q", "Stopped."), 0],
    ["Ctrl+C", (screen) => screen.type("\x03"), 0],
    ["SIGINT", (screen) => screen.signal("SIGINT"), 0],
    ["SIGTERM", (screen) => screen.signal("SIGTERM"), 0],
    ["SIGHUP", (screen) => screen.signal("SIGHUP"), 0],
    ["Ctrl+\\", (screen) => screen.type("\x1c"), 128 + 3],
    ["SIGQUIT", (screen) => screen.signal("SIGQUIT"), 128 + 3],
  ];
  test.each(ends)("after %s", async (_, end, status) => {
    await using screen = await openProgram([fixture("obedient")]);
    const modes = screen.firstModes;
    await screen.sees(HINT);
    expect(screen.modes()).not.toEqual(modes);
    await end(screen);
    expect(await screen.ended()).toBe(status);
    expect(screen.modes()).toEqual(modes);
  });

  test("after an end that nobody has asked for", async () => {
    await using folder = await createFolder();
    const config = await folder.write("mcp-oauth.config.ts", createFaulty("process.exit(3)"));
    await using screen = await openProgram(["--config", config]);
    const modes = screen.firstModes;
    await screen.sees(HINT);
    expect(screen.isRaw()).toBe(true);
    screen.signal("SIGUSR2");
    expect(await screen.ended()).toBe(3);
    expect(screen.modes()).toEqual(modes);
  });

  test.each(["throw new Error('a fault')", "Promise.reject(new Error('a fault'))"])(
    "after a fault of ours: %s",
    async (what) => {
      await using folder = await createFolder();
      const config = await folder.write("mcp-oauth.config.ts", createFaulty(what));
      await using screen = await openProgram(["--config", config]);
      const modes = screen.firstModes;
      await screen.sees(HINT);
      screen.signal("SIGUSR2");
      await screen.sees("error: a fault");
      // Bun shows it and goes on, as long as main.ts waits for the end of the run.
      await screen.press("?", LIST);
      await screen.press("q", "Stopped.");
      await screen.ended();
      expect(screen.modes()).toEqual(modes);
    },
  );

  test("after a start that fails", async () => {
    await using screen = await openProgram([fixture("exits-at-once")]);
    const modes = screen.firstModes;
    expect(await screen.ended()).toBe(1);
    expect(screen.modes()).toEqual(modes);
  });

  test("while it stops, so that a second Ctrl+C forces the end", async () => {
    await using screen = await openReady([fixture("ignores-stdin-end-and-sigterm")]);
    screen.type("\x03");
    await screen.sees("Stopping. Press Ctrl+C again to stop at once.");
    expect(screen.isRaw()).toBe(false);
    screen.type("\x03");
    expect(await screen.ended()).toBe(130);
  });

  test("Ctrl+C after q forces the end", async () => {
    await using screen = await openReady([fixture("ignores-stdin-end-and-sigterm")]);
    await screen.press("q", "Stopping. Press Ctrl+C to stop at once.");
    screen.type("\x03");
    expect(await screen.ended()).toBe(130);
  });

  test("Ctrl+C also reaches what was started together with us", async () => {
    const reader = `sh -c 'trap "echo interrupted; exit" INT; while :; do sleep 0.1; done'`;
    await using screen = await openScreen([
      "sh",
      "-c",
      `trap : INT; $program ${fixture("obedient")} | ${reader}; echo ended`,
    ]);
    await screen.sees(HINT);
    expect(screen.isRaw()).toBe(true);
    screen.type("\x03");
    for (const text of ["Stopped.", "interrupted\n", "ended\n"]) await screen.sees(text);
  });

  test("a server that is killed leaves the keys on", async () => {
    await using screen = await openReady(["--verbose", fixture("obedient")]);
    const modes = screen.modes();
    const pid = Number(/Server process (\d+) has answered/.exec(screen.shown())?.[1]);
    process.kill(pid, "SIGKILL");
    await screen.sees("The server was ended by SIGKILL");
    expect(screen.modes()).toEqual(modes);
    await screen.press("?", LIST);
  });
});

describe("in a shell", () => {
  /** A shell with job control, in which the program is a job; each step waits for a line. */
  const shell = (script: string) => openScreen(["bash", "-c", `set -m; ${script}`]);
  const NAMED = `sh -c 'echo "pid $$"; exec $program ${fixture("obedient")}'`;
  const job = `$program ${fixture("obedient")}`;

  test("Ctrl+Z gives the terminal back, and fg takes it again", async () => {
    await using screen = await shell(`${job}; echo suspended; read -r _; fg; echo "status $?"`);
    const modes = screen.firstModes;
    await screen.sees(HINT);
    screen.type("\x1a");
    await screen.sees("suspended");
    expect(screen.modes()).toEqual(modes);
    screen.type("\n");
    await until("keys are read again", screen.isRaw);
    await screen.press("?", LIST);
    await screen.press("q", "status 0");
    expect(screen.modes()).toEqual(modes);
  });

  // Nobody can give the terminal back before SIGSTOP, so the shell has to.
  test.each([
    ["SIGTSTP", ""],
    ["SIGSTOP", "stty sane;"],
  ] as const)("%s from elsewhere does the same", async (signal, tidy) => {
    await using screen = await shell(`${NAMED}; ${tidy} echo suspended; read -r _; fg`);
    await screen.sees(HINT);
    process.kill(pidOn(screen), signal);
    await screen.sees("suspended");
    expect(screen.isRaw()).toBe(false);
    screen.type("\n");
    await until("keys are read again", screen.isRaw);
    await screen.press("?", LIST);
    await screen.press("q", "Stopped.");
  });

  test("Ctrl+Z where nobody could resume it changes nothing", async () => {
    // A group without a shell of its session above it is not stopped (setpgid(2), orphaned process groups).
    await using screen = await openReady();
    await screen.tap("\x1a");
    await screen.press("?", LIST);
    await screen.press("q", "Stopped.");
  });

  test("in the background it reads nothing and is not stopped", async () => {
    await using screen = await shell(
      `${job}; echo suspended; bg; echo resumed; read -r line; echo "line $line"; jobs; echo asked; read -r _; fg; echo "status $?"`,
    );
    await screen.sees(HINT);
    screen.type("\x1a");
    await screen.sees("resumed");
    screen.type("q?q\n");
    await screen.sees("line q?q\n");
    await screen.sees("asked");
    expect(screen.shown()).toMatch(/Running/);
    expect(screen.isRaw()).toBe(false);
    screen.type("\n");
    await screen.sees(/asked\n[^]*\n.*obedient\.ts\n/);
    screen.type("\x03");
    await screen.sees("status 0");
  });

  test("started in the background it leaves the terminal alone", async () => {
    await using screen = await shell(`${job} & read -r line; echo "line $line"; jobs; kill %1; wait`);
    await screen.sees("codex mcp add");
    expect(screen.isRaw()).toBe(false);
    screen.type("q\n");
    await screen.sees("line q\n");
    await screen.sees("Running");
    await screen.sees("Stopped.");
    expect(screen.shown()).not.toContain(HINT);
  });
});

describe("without a terminal to type at", () => {
  test("when it goes away, a program that ignores SIGHUP lives on, and waits", async () => {
    await using folder = await createFolder();
    const script = `trap '' HUP; echo pid $$; exec $program ${fixture("obedient")} 2>&1`;
    await using screen = await openScreen(["sh", "-c", script], { env: { XDG_STATE_HOME: folder.path } });
    await screen.sees(HINT);
    const url = urlOn(screen);
    screen.close();
    expect((await fetch(url, { method: "POST" })).status).toBe(401);
  });

  test("what is in a pipe is left to whoever reads it next", async () => {
    const script = `printf 'q?c\\n' | sh -c 'sh -c "echo pid \\$\\$ >&2; exec \\$program ${fixture("obedient")}"; echo rest; cat'`;
    await using screen = await openScreen(["sh", "-c", script]);
    await screen.sees("codex mcp add");
    process.kill(pidOn(screen), "SIGTERM");
    await screen.sees("rest\nq?c\n");
    expect(screen.shown()).not.toContain(HINT);
  });

  test("with stderr in a file, the terminal stays as it is", async () => {
    await using screen = await openScreen([
      "sh",
      "-c",
      `trap : INT; $program ${fixture("obedient")} 2>log; echo ended; cat log`,
    ]);
    const modes = screen.firstModes;
    await screen.sees("/mcp\n");
    expect(screen.modes()).toEqual(modes);
    screen.type("\x03");
    await screen.sees("ended");
    expect(screen.shown()).not.toContain(HINT);
  });
});
