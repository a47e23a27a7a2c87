// A person with a browser, for tests: opens the approval page, reads its form, types the secret in, presses a button.
// Knows only what a browser knows: cookies (RFC 6265), HTML forms and redirects. Runs no script, as the page needs none.

/** What the person types; each name is that of a form field. */
export type Typed = { token: string } | { username: string; password: string };

export interface LoginRobot {
  /** Presses Approve. Resolves with where the browser is sent: the client's callback with `code`. */
  approve(authorizationUrl: string | URL): Promise<URL>;
  /** Presses Deny. Resolves with the callback that carries `error`. */
  deny(authorizationUrl: string | URL): Promise<URL>;
}

/**
 * Each robot is one browser: it keeps its cookies from one page to the next.
 * Its methods reject, with the page's own words, when the browser is shown a page instead of being sent back.
 */
export function createLoginRobot(typed: Typed): LoginRobot {
  const browse = createBrowser();
  const decide = async (authorizationUrl: string | URL, decision: string): Promise<URL> => {
    const start = new URL(authorizationUrl);
    const callback = new URL(start.searchParams.get("redirect_uri") ?? "about:blank");
    const isCallback = (url: URL) => url.origin === callback.origin && url.pathname === callback.pathname;
    const shown = await browse(start, isCallback);
    if (shown instanceof URL) return shown;
    const answer = await browse(submit(await readPage(shown), typed, decision), isCallback);
    if (answer instanceof URL) return answer;
    const { problem } = await readPage(answer);
    throw new Error(`sent nowhere, but shown a page with status ${answer.status}: ${problem}`);
  };
  return {
    approve: (url) => decide(url, "approve"),
    deny: (url) => decide(url, "deny"),
  };
}

/** Goes somewhere and follows redirects, up to the first one that no server answers: the client's callback. */
type Browse = (to: URL | Request, isCallback: (url: URL) => boolean) => Promise<Response | URL>;

const MOST_REDIRECTS = 10;

function createBrowser(): Browse {
  const jar = new Map<string, Map<string, string>>();
  const visit = async (request: Request): Promise<Response> => {
    const { origin } = new URL(request.url);
    const cookies = jar.get(origin) ?? new Map<string, string>();
    jar.set(origin, cookies);
    if (cookies.size > 0)
      request.headers.set("cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
    const response = await fetch(request, { redirect: "manual" });
    for (const text of response.headers.getSetCookie()) {
      const { name, value } = Bun.Cookie.parse(text);
      cookies.set(name, value);
    }
    return response;
  };
  return async (to, isCallback) => {
    let request = to instanceof URL ? new Request(to.href) : to;
    for (let count = 0; count < MOST_REDIRECTS; count++) {
      const response = await visit(request);
      const location = response.headers.get("location");
      if (location === null) return response;
      const next = new URL(location, request.url);
      if (isCallback(next)) return next;
      // 307 and 308 repeat the form; a browser may do that, a page that takes secrets must not ask for it.
      if (response.status > 303) throw new Error(`redirected with status ${response.status}`);
      request = new Request(next.href);
    }
    throw new Error("redirected in a circle");
  };
}

interface Page {
  url: string;
  status: number;
  action: string;
  method: string;
  /** Every named field and what it holds now. */
  fields: Map<string, string>;
  /** The named buttons, as `name=value`. */
  buttons: Set<string>;
  /** What the page complains about. */
  problem: string;
}

async function readPage(response: Response): Promise<Page> {
  const { url, status } = response;
  const page: Page = {
    url,
    status,
    action: "",
    method: "",
    fields: new Map(),
    buttons: new Set(),
    problem: "",
  };
  const read = (element: HTMLRewriterTypes.Element, name: string) => decode(element.getAttribute(name) ?? "");
  const rewriter = new HTMLRewriter()
    .on("form", {
      element(form) {
        page.action = read(form, "action");
        page.method = read(form, "method");
      },
    })
    .on("form input[name]", {
      element: (input) => void page.fields.set(read(input, "name"), read(input, "value")),
    })
    .on("form button[name]", {
      element: (button) => void page.buttons.add(`${read(button, "name")}=${read(button, "value")}`),
    })
    .on("[role=alert], .bad", { text: ({ text }) => void (page.problem += decode(text)) });
  await rewriter.transform(response).text();
  return page;
}

function submit(page: Page, typed: Typed, decision: string): Request {
  const { url, status, action, method, problem, buttons } = page;
  const fields = new Map(page.fields);
  for (const [name, value] of Object.entries(typed)) {
    if (!fields.has(name)) throw new Error(`no field "${name}" on the page (status ${status}): ${problem}`);
    fields.set(name, value);
  }
  if (!buttons.has(`decision=${decision}`)) throw new Error(`no button "${decision}" on the page`);
  fields.set("decision", decision);
  const { origin } = new URL(url);
  const body = new URLSearchParams([...fields]);
  return new Request(new URL(action, url).href, { method, headers: { origin }, body });
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

function decode(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? "");
}
