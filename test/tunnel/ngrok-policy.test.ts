// The traffic policy that ngrok gets: the person's own, and the rule that admits only some assistants.
import { afterEach, describe, expect, test } from "bun:test";
import { checkPolicy, composePolicy, type PolicyOptions } from "../../src/tunnel/ngrok/traffic-policy.ts";

const servers: { stop(force: boolean): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** Answers for the makers' lists. */
function publish(body: string, status = 200): Pick<PolicyOptions, "fetch"> & { asked: string[] } {
  const asked: string[] = [];
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(body, { status }) });
  servers.push(server);
  return {
    asked,
    fetch(url, init) {
      asked.push(url);
      return fetch(server.url, init);
    },
  };
}

/** Nothing may be looked up. */
const OFFLINE = { fetch: () => Promise.reject(new Error("looked up")) };

async function allowed(options: PolicyOptions): Promise<string[]> {
  const policy = JSON.parse((await composePolicy(options)) ?? "") as {
    on_http_request: { actions: { type: string; config: { enforce: boolean; allow: string[] } }[] }[];
  };
  const [rule] = policy.on_http_request;
  expect(rule?.actions[0]).toMatchObject({ type: "restrict-ips", config: { enforce: true } });
  return rule?.actions[0]?.config.allow ?? [];
}

describe("a policy of the person's own", () => {
  const yaml = "on_http_request:\n  - actions:\n      - type: log\n# a remark\n";

  test("goes to ngrok unchanged", async () => {
    expect(await composePolicy({ trafficPolicy: yaml, ...OFFLINE })).toBe(yaml);
    expect(await composePolicy(OFFLINE)).toBeUndefined();
  });

  test("comes after the rule of --only, with its other phases", async () => {
    const trafficPolicy = `${yaml}on_tcp_connect:\n  - actions: [{ type: close-connection }]\n`;
    const policy = JSON.parse(
      (await composePolicy({ trafficPolicy, only: ["claude"], ...OFFLINE })) ?? "",
    ) as object;
    expect(policy).toEqual({
      on_http_request: [expect.objectContaining({ name: "only claude" }), { actions: [{ type: "log" }] }],
      on_tcp_connect: [{ actions: [{ type: "close-connection" }] }],
    });
  });

  test.each(["[]", "just words", "on_http_request: {}", "inbound: []", "{", "on_http_request: [\n"])(
    "that is not valid is refused: %p",
    (trafficPolicy) => {
      expect(() => checkPolicy({ trafficPolicy, ...OFFLINE })).toThrow(
        expect.objectContaining({ name: "UserError", exitCode: 2 }),
      );
    },
  );
});

describe("--only", () => {
  test("uses the ranges that Anthropic publishes, without a lookup", async () => {
    expect(await allowed({ only: ["claude"], ...OFFLINE })).toEqual(["160.79.104.0/21"]);
  });

  test("fetches ChatGPT's ranges from where OpenAI publishes them", async () => {
    const prefixes = [{ ipv4Prefix: "192.0.2.0/28" }, { ipv6Prefix: "2001:db8::/48" }];
    const list = publish(JSON.stringify({ creationTime: "2026-11-20T00:00:00", prefixes }));
    expect(await allowed({ only: ["chatgpt", "claude"], ...list })).toEqual([
      "192.0.2.0/28",
      "2001:db8::/48",
      "160.79.104.0/21",
    ]);
    expect(list.asked).toEqual(["https://openai.com/chatgpt-connectors.json"]);
  });

  test("prefers the ranges in the config file", async () => {
    const ranges = { chatgpt: ["198.51.100.0/24"], claude: ["203.0.113.7/32"] };
    expect(await allowed({ only: ["chatgpt", "claude"], ranges, ...OFFLINE })).toEqual([
      "198.51.100.0/24",
      "203.0.113.7/32",
    ]);
  });

  test("leaves the approval page open: a person opens it in a browser", async () => {
    const policy = JSON.parse((await composePolicy({ only: ["claude"], ...OFFLINE })) ?? "") as {
      on_http_request: { expressions: string[] }[];
    };
    expect(policy.on_http_request[0]?.expressions).toEqual(["req.url.path != '/authorize'"]);
  });

  test.each([
    ["a list that is not there", "", 404],
    ["a page instead of a list", "<html>", 200],
    ["a list without ranges", '{"prefixes":[]}', 200],
    ["a list with something else in it", '{"prefixes":[{"ipv4Prefix":"0.0.0.0/0; allow all"}]}', 200],
  ])("opens nothing with %s, and says where ranges can be given", async (_what, body, status) => {
    const refusal: unknown = await composePolicy({ only: ["chatgpt"], ...publish(body, status) }).catch(
      (thrown) => thrown,
    );
    expect(refusal).toMatchObject({
      name: "UserError",
      exitCode: 1,
      message: expect.stringContaining("https://openai.com/chatgpt-connectors.json"),
      hint: expect.stringContaining("ngrok: { ranges: { chatgpt:"),
    });
  });

  test.each(["192.0.2.0", "192.0.2.0/33", "example.com", "2001:db8::/129", ""])(
    "refuses a range that is not valid: %p",
    (range) => {
      expect(() => checkPolicy({ ranges: { claude: [range] }, ...OFFLINE })).toThrow(
        `"${range}" is not an address range.`,
      );
    },
  );
});
