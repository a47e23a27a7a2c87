// The approval page in a real browser: what a person sees, and what Chromium lets a page do.
// Screenshots are left in artifacts/ to be looked at.
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import {
  authorizeQuery,
  errorOf,
  type Harness,
  HOUR,
  redeem,
  registerClient,
  startServer,
  TOKEN,
} from "./harness.ts";
import { startIdentitySite } from "./identity-site.ts";

setDefaultTimeout(60_000);

const ARTIFACTS = join(import.meta.dir, "../../artifacts");

let browser: Browser;
let callbacks: Bun.Server<undefined>;
/** Where callbacks that send the browser on send it: another host, as an assistant's do. */
let landing: Bun.Server<undefined>;
let server: Harness;
let context: BrowserContext;
let page: Page;
/** The browser's console messages, and every host it connected to. */
let complaints: string[];
let hosts: Set<string>;

beforeAll(async () => {
  const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome") ?? undefined;
  if (executablePath === undefined) throw new Error("There is no chromium here: apt-get install chromium");
  mkdirSync(ARTIFACTS, { recursive: true });
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const answer = (text: string) => new Response(`<!doctype html><title>${text}</title>`, HTML);
  landing = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer("landed") });
  callbacks = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      const onward = `http://localhost:${landing.port}/`;
      return new URL(url).pathname === "/onward" ? Response.redirect(onward) : answer("back in the app");
    },
  });
});
const HTML = { headers: { "Content-Type": "text/html" } };
afterAll(async () => {
  await browser?.close();
  await Promise.all([callbacks?.stop(true), landing?.stop(true)]);
});

beforeEach(async () => {
  server = await startServer();
  await openBrowser();
});
afterEach(async () => {
  await context.close();
  await server.stop();
});

async function openBrowser(options: Parameters<Browser["newContext"]>[0] = {}) {
  await context?.close();
  context = await browser.newContext(options);
  page = await context.newPage();
  complaints = [];
  hosts = new Set();
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
}

const callback = (path = "/callback") => `http://127.0.0.1:${callbacks.port}${path}`;

/** Sends the browser to the approval page of an app. */
async function visit({ name = "Some App", path = "/callback" } = {}): Promise<string> {
  const redirect_uri = callback(path);
  const client = await registerClient(server.url, { client_name: name, redirect_uris: [redirect_uri] });
  await page.goto(`${server.url}/authorize?${authorizeQuery(client, { redirect_uri })}`);
  return client;
}

const approve = () => page.getByRole("button", { name: "Approve" }).click();
const typeToken = (token = TOKEN) => page.getByLabel("Token").fill(token);
const replied = () => new URL(page.url()).searchParams;

test("A12, A14: approving takes the browser to the app with a code that works", async () => {
  const client = await visit();
  await typeToken();
  await approve();
  await page.waitForURL(`${callback()}?*`);
  expect([...replied().keys()].sort()).toEqual(["code", "iss", "state"]);
  const redirect_uri = callback();
  expect((await redeem(server.url, client, replied().get("code") ?? "", { redirect_uri })).status).toBe(200);
  expect(complaints).toEqual([]);
  expect([...hosts].sort()).toEqual([new URL(server.url).host, new URL(callback()).host].sort());
});

test("A12: the form's policy lets through a callback that sends the browser on to a host we do not know", async () => {
  await visit({ path: "/onward" });
  await typeToken();
  await approve();
  await page.waitForURL(`http://localhost:${landing.port}/`);
  expect(await page.title()).toBe("landed");
  expect(complaints).toEqual([]);
});

test("A11: denying takes it back with access_denied, and needs no credential", async () => {
  await visit();
  await page.getByRole("button", { name: "Deny" }).click();
  await page.waitForURL(`${callback()}?*`);
  expect([replied().get("error"), replied().get("state")]).toEqual(["access_denied", "s1"]);
});

test("A17: a wrong password is reported on the page, where the right one then works", async () => {
  await server.stop();
  const passwordHash = await Bun.password.hash("right", {
    algorithm: "argon2id",
    memoryCost: 1024,
    timeCost: 1,
  });
  server = await startServer({ users: [{ name: "ann", passwordHash }] });
  await visit();
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password").fill("wrong");
  await approve();
  expect(await page.getByRole("alert").textContent()).toBe("User name or password is wrong.");
  expect(await page.title()).toStartWith("Try again");
  expect(await page.getByLabel("Password").inputValue()).toBe("");
  await page.screenshot({ path: join(ARTIFACTS, "approval-wrong-password.png"), fullPage: true });
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password").fill("right");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${callback()}?code=*`);
});

test("approving with a sign-in at another site takes the browser there, back here, and on to the app", async () => {
  await server.stop();
  await using site = startIdentitySite();
  server = await startServer({ signIn: site.signIn });
  const client = await visit();
  await page.screenshot({ path: join(ARTIFACTS, "approval-sign-in-elsewhere.png"), fullPage: true });
  await approve();
  await page.waitForURL(`${callback()}?code=*`);
  const redirect_uri = callback();
  expect((await redeem(server.url, client, replied().get("code") ?? "", { redirect_uri })).status).toBe(200);
  expect(server.events.at(-1)).toMatchObject({ state: "issued", subject: "ann@example.com" });
  expect(complaints).toEqual([]);
});

test("A13: a page that was open for too long says so, and works at the second try", async () => {
  await visit();
  server.clock.now += 2 * HOUR;
  await typeToken();
  await approve();
  expect(await page.getByRole("alert").textContent()).toContain("open for too long");
  await typeToken();
  await approve();
  await page.waitForURL(`${callback()}?code=*`);
});

test("A10: the back button leads to the page again, which asks again and keeps no token", async () => {
  await visit();
  await typeToken();
  await approve();
  await page.waitForURL(`${callback()}?code=*`);
  const first = replied().get("code");
  await page.goBack();
  expect(await page.getByRole("heading").textContent()).toContain("Connect Some App");
  expect(await page.getByLabel("Token").inputValue()).toBe("");
  await typeToken();
  await approve();
  await page.waitForURL(`${callback()}?code=*`);
  expect(replied().get("code")).not.toBe(first);
});

test("A16: a name full of markup is shown as text and does nothing", async () => {
  const name = `</title><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b>`;
  await visit({ name });
  const shown = (await page.getByRole("heading").textContent()) ?? "";
  expect(shown).toContain("</title><script>alert(1)</script>");
  expect(await page.locator("b, img, script").count()).toBe(0);
  await page.screenshot({ path: join(ARTIFACTS, "approval-markup-name.png"), fullPage: true });
  expect(complaints).toEqual([]);
});

test("A12: no other page can frame it", async () => {
  const client = await registerClient(server.url, { redirect_uris: [callback()] });
  const url = `${server.url}/authorize?${authorizeQuery(client, { redirect_uri: callback() })}`;
  const parent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(`<!doctype html><iframe src="${url.replaceAll("&", "&amp;")}"></iframe>`, HTML),
  });
  await page.goto(parent.url.href);
  const [, frame] = page.frames();
  expect(await frame?.getByRole("button").count()).toBe(0);
  expect(complaints.join()).toContain("frame-ancestors 'none'");
  await parent.stop(true);
});

test("A11: it works without JavaScript and from the keyboard alone", async () => {
  await openBrowser({ javaScriptEnabled: false });
  await visit();
  await page.locator("input:focus").waitFor();
  await page.keyboard.type(TOKEN);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${callback()}?code=*`);
});

test("A11: a box that is unticked is not granted", async () => {
  await server.stop();
  server = await startServer({
    scopes: {
      read: { readOnlyHint: true, description: "Look at files" },
      write: { readOnlyHint: false, description: "Change files" },
    },
  });
  const client = await visit();
  expect(await page.getByRole("group", { name: "Also allow" }).getByRole("checkbox").count()).toBe(2);
  await page.getByLabel("Change files").uncheck();
  await page.screenshot({ path: join(ARTIFACTS, "approval-scopes.png"), fullPage: true });
  await typeToken();
  await approve();
  await page.waitForURL(`${callback()}?code=*`);
  const code = replied().get("code") ?? "";
  const tokens = (await (
    await redeem(server.url, client, code, { redirect_uri: callback() })
  ).json()) as object;
  expect(tokens).toMatchObject({ scope: "mcp read" });
});

test("A1: a request that cannot be answered is explained on a page", async () => {
  await page.goto(`${server.url}/authorize?client_id=unknown`);
  expect(await page.getByRole("heading").textContent()).toBe("This connection cannot be made");
  await page.screenshot({ path: join(ARTIFACTS, "approval-error.png"), fullPage: true });
  expect(await errorOf(await redeem(server.url, "unknown", "x"))).toBe("invalid_client");
});

const HEADING = "This URL is for AI assistants";

test("D1: a person who opens the server's URL in a browser reads what to do with it", async () => {
  await server.stop();
  server = await startServer({ publicUrl: "https://calm-otter.ngrok-free.dev" });
  for (const colorScheme of ["light", "dark"] as const) {
    await openBrowser({ viewport: { width: 320, height: 640 }, colorScheme });
    const root = await page.goto(server.url);
    expect([root?.status(), await page.getByRole("heading").textContent()]).toEqual([200, HEADING]);
    const response = await page.goto(`${server.url}/mcp`);
    expect(response?.status()).toBe(401);
    expect(await page.getByRole("heading").textContent()).toBe(HEADING);
    expect(await page.getByText("https://calm-otter.ngrok-free.dev/mcp", { exact: true }).count()).toBe(1);
    const { hasScrollbar, contrast } = await page.evaluate(measure);
    await page.screenshot({ path: join(ARTIFACTS, `landing-${colorScheme}.png`), fullPage: true });
    expect(hasScrollbar).toBe(false);
    for (const [text, ratio] of contrast) expect([text, ratio >= 4.5]).toEqual([text, true]);
    expect(complaints.filter((text) => !text.includes("status of 401"))).toEqual([]);
    expect([...hosts]).toEqual([new URL(server.url).host]);
  }
  const answer = await fetch(server.url, { headers: { accept: "application/json, text/html" } });
  expect(answer.status).toBe(404);
});

describe("the page", () => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [320, 1280]) {
      test(`A11: can be read in ${colorScheme}, ${width} pixels wide`, async () => {
        await openBrowser({ viewport: { width, height: 640 }, colorScheme });
        await visit({ name: "An app with a rather long name that goes on and on" });
        const { hasScrollbar, contrast } = await page.evaluate(measure);
        await page.screenshot({
          path: join(ARTIFACTS, `approval-${colorScheme}-${width}.png`),
          fullPage: true,
        });
        expect(hasScrollbar).toBe(false);
        // WCAG 2.2, 1.4.3.
        for (const [text, ratio] of contrast) expect([text, ratio >= 4.5]).toEqual([text, true]);
        expect(contrast.length).toBeGreaterThan(10);
      });
    }
  }
});

/** Runs in the page: whether it is too wide, and the contrast of each text with what is behind it. */
function measure(): { hasScrollbar: boolean; contrast: [string, number][] } {
  // The page's own globals; this project has no types for them.
  const { document, getComputedStyle } = globalThis as unknown as {
    document: { documentElement: Element; querySelectorAll(selector: string): Iterable<Element> };
    getComputedStyle(element: Element): { color: string; backgroundColor: string };
  };
  interface Element {
    scrollWidth: number;
    clientWidth: number;
    textContent: string;
    parentElement: Element | null;
    childNodes: Iterable<{ nodeType: number; textContent: string }>;
  }
  const parts = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = parts(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element: Element | null): string => {
    if (element === null) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    return parts(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor;
  };
  const root = document.documentElement;
  const contrast = [...document.querySelectorAll("body *")]
    .filter(({ childNodes }) =>
      [...childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ""),
    )
    .map((element): [string, number] => {
      const [dark = 0, light = 0] = [getComputedStyle(element).color, backgroundOf(element)]
        .map(luminance)
        .sort((a, b) => a - b);
      return [element.textContent.slice(0, 40), (light + 0.05) / (dark + 0.05)];
    });
  return { hasScrollbar: root.scrollWidth > root.clientWidth, contrast };
}
