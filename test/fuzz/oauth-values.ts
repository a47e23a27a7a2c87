// What can stand in a form field or a JSON member of the OAuth endpoints, and what those fields and members are called.
// JSON is kept as text: what a parser makes of `1e999` or of a name that comes twice cannot be written as a value.
import * as fc from "fast-check";

/** Every parameter that some endpoint reads (RFC 6749, 7009, 7521, 7636, 7662, 8707, 9101, OpenID Connect Core). */
export const FIELDS = {
  authorize: [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "prompt",
    "request",
    "request_uri",
    "unknown",
  ],
  decision: ["query", "csrf", "decision", "token", "username", "password", "scope:write", "unknown"],
  token: [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "unknown",
  ],
  proof: [
    "token",
    "token_type_hint",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "unknown",
  ],
} as const;

/** Every member of client metadata (RFC 7591 §2), of a registration or a document, and what must not be there. */
export const METADATA = [
  "client_id",
  "redirect_uris",
  "token_endpoint_auth_method",
  "token_endpoint_auth_methods_supported",
  "token_endpoint_auth_signing_alg",
  "grant_types",
  "response_types",
  "client_name",
  "client_uri",
  "logo_uri",
  "tos_uri",
  "policy_uri",
  "scope",
  "contacts",
  "jwks",
  "jwks_uri",
  "application_type",
  "software_id",
  "software_version",
  "software_statement",
  "client_secret",
  "client_secret_expires_at",
  "__proto__",
] as const;

/** RFC 7517 §4, RFC 7518 §6. */
export const KEY_MEMBERS = [
  "kty",
  "crv",
  "x",
  "y",
  "n",
  "e",
  "alg",
  "use",
  "key_ops",
  "kid",
  "ext",
  "x5c",
  "oth",
];
export const HEADER_MEMBERS = [
  "alg",
  "kid",
  "typ",
  "cty",
  "crit",
  "b64",
  "jwk",
  "jku",
  "x5c",
  "x5u",
  "zip",
  "p2c",
];
export const CLAIMS = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "__proto__"];

/** Every type of JSON, and what is odd among each. */
export const ODD_JSON: readonly string[] = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "5",
  "-1",
  "1.5",
  "1e308",
  "1e999",
  "-1e999",
  '""',
  '" "',
  '"x"',
  '"5"',
  '"none"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\ud83d\\ude00"',
  '"a\\r\\nSet-Cookie: a=b"',
  '"__proto__"',
  '"https://a.example/"',
  '"https://a.example./"',
  '"javascript:1"',
  '"http://["',
  '"://"',
  `"${"x".repeat(501)}"`,
  `"${"x".repeat(3_000)}"`,
  "[]",
  "[[]]",
  "[null]",
  "[5]",
  '[""]',
  '["x","x"]',
  '["authorization_code","none","code","verify"]',
  '["\\ud800"]',
  "{}",
  '{"keys":[]}',
  '{"keys":{"length":1}}',
  '{"keys":[null]}',
  '{"keys":[{}]}',
  '{"keys":[{"kty":5}]}',
  '{"toString":5,"valueOf":null}',
  '{"__proto__":{"x":1}}',
  '{"a":1,"a":2}',
  `${"[".repeat(400)}${"]".repeat(400)}`,
];

/** As they stand in a form or a query: percent-encoded, well or badly. */
export const ODD_TEXT: readonly string[] = [
  "",
  "+",
  "x",
  "5",
  "null",
  "%00",
  "%",
  "%zz",
  "%ff",
  "%ed%a0%80",
  "%f0%9f%98%80",
  "%0d%0aSet-Cookie:%20a=b",
  "__proto__",
  "constructor",
  "%5Bobject%20Object%5D",
  "://",
  "https://",
  "http://[",
  "https://x:99999/",
  "https://a.example./x",
  "https://xn--/x",
  "javascript:1",
  "code",
  "none",
  "a%20b%20%20c",
  "..",
  ".",
  "x.y.z",
  "e30.e30.e30",
  "1e999.x",
  "=&=",
  "x".repeat(300),
  "%F0%9F%98%80".repeat(500),
];

export const oddJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_JSON) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map((text) => JSON.stringify(text)) },
);

export const oddText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_TEXT) },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: "binary", maxLength: 30 })
      .map((text) => encodeURIComponent(text.toWellFormed())),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^[%+A-Fa-z0-9=.:/-]{1,20}$/) },
);

/** An object as text; a later member of the same name is written, too. */
export function writeObject(members: Iterable<readonly [name: string, json: string]>): string {
  return `{${Array.from(members, ([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}

/** A form or query as text. */
export function writeForm(fields: Iterable<readonly [name: string, encoded: string]>): string {
  return Array.from(fields, ([name, encoded]) => `${encodeURIComponent(name)}=${encoded}`).join("&");
}

/** Each of `names` with each of `values`, one at a time, and once each left out and given twice. */
export function* changeOne(
  good: Readonly<Record<string, string>>,
  names: readonly string[],
  values: readonly string[],
): Generator<[name: string, value: string][]> {
  for (const name of names) {
    const others = Object.entries(good).filter(([other]) => other !== name);
    yield others;
    for (const value of values) yield [...others, [name, value]];
    const [first = "x"] = [good[name], ...values].filter((value) => value !== undefined);
    yield [...others, [name, first], [name, first]];
  }
}

/** Some of `names` with whatever may come, over what is good. */
export function changeSome(
  good: Readonly<Record<string, string>>,
  names: readonly string[],
  value: fc.Arbitrary<string>,
): fc.Arbitrary<[name: string, value: string][]> {
  const changes = fc.array(fc.tuple(fc.constantFrom(...names), value), { minLength: 1, maxLength: 4 });
  return changes.map((changed) => {
    const kept = Object.entries(good).filter(([name]) => !changed.some(([other]) => other === name));
    return [...kept, ...changed];
  });
}
