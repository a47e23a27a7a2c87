// Another site that people sign in at, and the way to sign in through it: what a file in src/oauth/sign-in/ would be.
import { randomUUID } from "node:crypto";
import type { SignIn } from "../../src/oauth/sign-in/sign-in.ts";

export interface IdentitySite extends AsyncDisposable {
  /** The person at the browser. */
  person: string;
  /** Whether a person may approve: the site has no list of its people, so it is asked about one at a time. */
  mayApprove: (subject: string) => boolean;
  signIn: SignIn;
}

/** The site signs everyone in at once who comes to it. */
export function startIdentitySite(person = "ann@example.com"): IdentitySite {
  const codes = new Map<string, string>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      const { pathname, searchParams } = new URL(url);
      if (pathname === "/user") return Response.json({ email: codes.get(searchParams.get("code") ?? "") });
      const code = randomUUID();
      codes.set(code, site.person);
      const back = new URL(searchParams.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({ code, state: searchParams.get("state") ?? "" }).toString();
      return Response.redirect(back.href, 303);
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  const site: IdentitySite = {
    person,
    mayApprove: (subject) => subject.endsWith("@example.com"),
    signIn: {
      prompt: {
        fields: [],
        hint: "You sign in at example.com next.",
        wrong: "You may not approve connections here.",
      },
      subjects: { has: (subject) => site.mayApprove(subject) },
      notice: { kind: "password", users: [] },
      isGuessable: false,
      accountOf: () => "",
      verify: (_form, { returnUrl, state }) =>
        Promise.resolve({
          kind: "redirect",
          url: `${origin}/authorize?${new URLSearchParams({ redirect_uri: returnUrl, state }).toString()}`,
          async resume(request) {
            const code = new URL(request.url).searchParams.get("code") ?? "";
            const { email } = (await (await fetch(`${origin}/user?code=${code}`)).json()) as {
              email?: string;
            };
            return email !== undefined && site.mayApprove(email)
              ? { kind: "ok", subject: email }
              : { kind: "wrong" };
          },
        }),
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return site;
}
