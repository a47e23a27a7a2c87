// Properties that hold for any input from a stranger, tried on generated input.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import * as fc from "fast-check";
import { createAddressGuard } from "../../src/oauth/clients/address-guard.ts";
import { findIdFlaw } from "../../src/oauth/clients/metadata-document.ts";
import { Refusal } from "../../src/oauth/failure.ts";
import { createNamePattern } from "../../src/oauth/access/name-pattern.ts";
import { findRedirectFlaw, matchesRegistered } from "../../src/oauth/clients/redirect-uri.ts";
import { readResources } from "../../src/oauth/access/resource.ts";

setDefaultTimeout(60_000);

const RUNS = { numRuns: 5000 };

/** Text in which the difficult parts of URLs turn up often. */
const PIECES =
  `https: http: // / \\ @ : ? # . .. %2e %2f %00 & = [ ] ::1 127.0.0.1 127.1 2130706433 localhost LOCALHOST
  evil.example app.example :80 :443 :3118 :0 user /cb callback ſ 。`.split(/\s+/);
const pieces = fc.constantFrom(...PIECES, "\t", "\n", " ");
const almostUrl = fc.array(pieces, { maxLength: 10 }).map((parts) => parts.join(""));
const port = fc.integer({ min: 1, max: 65_535 });
const path = fc
  .array(fc.stringMatching(/^[a-z0-9._~-]{1,8}$/), { maxLength: 3 })
  .map((parts) => `/${parts.join("/")}`);
const loopback = fc.constantFrom("127.0.0.1", "[::1]", "localhost");

describe("redirect URIs", () => {
  test("A2, R15: a redirect URI that may be registered leads where its text says, in every reading", () => {
    fc.assert(
      fc.property(almostUrl, (uri) => {
        if (findRedirectFlaw(uri, []) !== undefined) return;
        const { protocol, hostname, username, hash, host } = new URL(uri);
        expect([username, hash]).toEqual(["", ""]);
        expect(protocol === "https:" || ["127.0.0.1", "[::1]", "localhost"].includes(hostname)).toBe(true);
        // The host a simple reader cuts out is the host a browser goes to.
        const authority = /^https?:\/\/([^/?\\]*)/i.exec(uri)?.[1] ?? "";
        expect(authority.toLowerCase().replace(/:443$/, "")).toStartWith(hostname);
        expect(new URL(`${protocol}//${authority}/`).host).toBe(host);
        // It is not taken for a path on our own host (RFC 3986 §5.2.2, "strict").
        expect(new URL(uri, "https://ours.example/authorize").host).toBe(host);
      }),
      RUNS,
    );
  });

  test("A2: a match has the registered one's scheme, host, path and query, and no more", () => {
    const registered = fc.oneof(
      almostUrl,
      fc.tuple(loopback, port, path).map(([host, at, rest]) => `http://${host}:${at}${rest}`),
    );
    const mutate = fc.tuple(registered, almostUrl, fc.nat(40), fc.boolean());
    fc.assert(
      fc.property(mutate, ([one, noise, at, isInserted]) => {
        const presented = isInserted ? one.slice(0, at) + noise + one.slice(at) : noise;
        if (!matchesRegistered(presented, one) || presented === one) return;
        const [a, b] = [new URL(presented), new URL(one)];
        expect([a.protocol, a.hostname, a.pathname, a.search, a.hash, a.username]).toEqual([
          "http:",
          b.hostname,
          b.pathname,
          b.search,
          "",
          "",
        ]);
      }),
      RUNS,
    );
  });

  test("A2: on loopback every port matches, and nothing else may differ", () => {
    fc.assert(
      fc.property(loopback, loopback, port, port, path, path, (host, other, one, two, rest, otherRest) => {
        const registered = `http://${host}:${one}${rest}`;
        expect(matchesRegistered(`http://${host}:${two}${rest}`, registered)).toBe(true);
        expect(matchesRegistered(`http://${host}${rest}`, registered)).toBe(true);
        expect(matchesRegistered(`http://${other}:${two}${otherRest}`, registered)).toBe(
          host === other && rest === otherRest,
        );
        expect(matchesRegistered(`https://${host}:${two}${rest}`, `https://${host}:${one}${rest}`)).toBe(
          one === two,
        );
      }),
      RUNS,
    );
  });
});

describe("resources", () => {
  const ours = ["https://host.example/mcp", "https://host.example/sse"];
  const read = (value: string) => {
    try {
      return readResources([value], ours, []);
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.failure.kind;
      throw thrown;
    }
  };

  test("A8: equivalent forms of ours are taken for it, and what is taken is always ours", () => {
    const spelling = fc.tuple(
      fc.constantFrom("https", "HTTPS", "hTTps"),
      fc.constantFrom("host.example", "HOST.example", "Host.Example"),
      fc.constantFrom("", ":443"),
      fc.constantFrom("/mcp", "/sse"),
      fc.constantFrom("", "/"),
    );
    fc.assert(
      fc.property(spelling, ([scheme, host, at, rest, slash]) => {
        expect(read(`${scheme}://${host}${at}${rest}${slash}`)).toEqual([`https://host.example${rest}`]);
      }),
    );
  });

  test("A8: anything else is invalid_target", () => {
    fc.assert(
      fc.property(
        fc.oneof(almostUrl, fc.webUrl({ withQueryParameters: true, withFragments: true })),
        (value) => {
          expect(read(value)).toBe("bad-target");
        },
      ),
      RUNS,
    );
    const changed = fc.tuple(fc.constantFrom(...ours), fc.stringMatching(/^[^\s/]{1,5}$/));
    fc.assert(
      fc.property(changed, ([ours_, more]) => {
        const got = read(ours_ + more);
        // Some tails mean nothing to a URL: a lone question mark, a path that goes nowhere.
        if (new URL(ours_ + more).href.replace(/[?/]+$/, "") !== ours_) expect(got).toBe("bad-target");
      }),
      RUNS,
    );
  });
});

describe("addresses", () => {
  const guard = createAddressGuard();
  const groups = fc.tuple(...(Array.from({ length: 8 }, () => fc.nat(0xffff)) as [fc.Arbitrary<number>]));
  const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
  /** First and last address of what is not public, written down once more. */
  const SPECIAL: [first: string, last: string][] = [
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.0.0.0", "192.0.0.255"],
    ["192.0.2.0", "192.0.2.255"],
    ["192.31.196.0", "192.31.196.255"],
    ["192.52.193.0", "192.52.193.255"],
    ["192.88.99.0", "192.88.99.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["192.175.48.0", "192.175.48.255"],
    ["198.18.0.0", "198.19.255.255"],
    ["198.51.100.0", "198.51.100.255"],
    ["203.0.113.0", "203.0.113.255"],
    ["224.0.0.0", "255.255.255.255"],
  ];
  const valueOf = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const isSpecial = (value: number) =>
    SPECIAL.some(([first, last]) => value >= valueOf(first) && value <= valueOf(last));

  const EDGES = SPECIAL.flat().map(valueOf);
  const ipv4 = fc.oneof(
    fc.nat(0xffffffff),
    // Close to where ranges begin and end.
    fc
      .tuple(fc.constantFrom(...EDGES), fc.integer({ min: -2, max: 2 }))
      .map(([edge, step]) => Math.min(Math.max(edge + step, 0), 0xffffffff)),
  );

  test("R4: an IPv4 address is public exactly when it is in no special range", () => {
    fc.assert(
      fc.property(ipv4, (value) => {
        expect([dotted(value), guard.isPublic(dotted(value))]).toEqual([dotted(value), !isSpecial(value)]);
      }),
      { numRuns: 20_000 },
    );
  });

  test("R4: an IPv4 address inside an IPv6 one is never public, nor is anything outside global unicast", () => {
    fc.assert(
      fc.property(ipv4, fc.constantFrom("::ffff:", "::", "64:ff9b::", "64:ff9b:1::"), (value, prefix) => {
        expect(guard.isPublic(`${prefix}${dotted(value)}`)).toBe(false);
      }),
      RUNS,
    );
    fc.assert(
      fc.property(groups, (all) => {
        const address = (all as number[]).map((group) => group.toString(16)).join(":");
        const [first = 0] = all as number[];
        if (first >>> 13 !== 1) expect([address, guard.isPublic(address)]).toEqual([address, false]);
        // However it is written, it is the same address.
        const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
        expect(guard.isPublic(canonical)).toBe(guard.isPublic(address));
        expect(guard.isPublic(address.toUpperCase())).toBe(guard.isPublic(address));
      }),
      RUNS,
    );
  });

  test("R4: text that is not an address is not public", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), almostUrl), (text) => {
        if (!/^[\d.]+$|:/.test(text)) expect(guard.isPublic(text)).toBe(false);
      }),
      RUNS,
    );
  });

  test("R1: a client_id that is taken has one spelling, one host and a path", () => {
    fc.assert(
      fc.property(fc.oneof(almostUrl, fc.webUrl()), (id) => {
        if (findIdFlaw(id, false) !== undefined) return;
        const url = new URL(id);
        expect([url.href, url.protocol, url.username, url.hash]).toEqual([id, "https:", "", ""]);
        expect(url.pathname.length).toBeGreaterThan(1);
        expect(id).not.toMatch(/\/\.{1,2}(\/|$)|%2e/i);
      }),
      RUNS,
    );
  });
});

describe("patterns for names of tools", () => {
  /** The pattern as a regular expression: right, but it tries every place for every star. */
  const matchesSlowly = (pattern: string, name: string) =>
    new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s").test(name);
  const text = (letters: string[], maxLength: number) =>
    fc.array(fc.constantFrom(...letters), { maxLength }).map((parts) => parts.join(""));

  test("found 7: match what a regular expression matches", () => {
    const outcomes = new Set<boolean>();
    fc.assert(
      fc.property(
        text(["*", "*", "a", "ab", "b", "\n", ".", "💥"], 7),
        text(["a", "b", "ab", "\n", ".", "💥"], 9),
        (pattern, name) => {
          const expected = matchesSlowly(pattern, name);
          outcomes.add(expected);
          expect([pattern, name, createNamePattern(pattern)(name)]).toEqual([pattern, name, expected]);
        },
      ),
      RUNS,
    );
    expect(outcomes.size).toBe(2);
  });

  test("found 7: are as quick on a name of a million letters with twenty stars as on any", () => {
    const matches = createNamePattern(`*${"_get_*".repeat(20)}_all`);
    const name = "_get".repeat(250_000);
    // Backtracking would not come to an end here in a lifetime.
    expect([matches(name), matches(`${name}_`), matches(`${"_get_".repeat(20)}_all`)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});
