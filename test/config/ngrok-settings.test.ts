// The config file's `ngrok`: what may stand there, and what is said about the rest.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { checkNgrok, readNgrokSettings } from "../../src/config/ngrok-settings.ts";
import { createFolder } from "../cli/process.ts";

test("takes a policy as an object, as text, or from a file beside the config file", async () => {
  await using folder = await createFolder();
  await folder.write("policy.yml", "on_http_request: []\n");
  const read = (trafficPolicy: string | Record<string, unknown>) =>
    readNgrokSettings({ name: "config", folder: folder.path, values: { ngrok: { trafficPolicy } } })
      ?.trafficPolicy;
  expect(read({ on_http_request: [] })).toBe('{"on_http_request":[]}');
  for (const text of ["on_http_request: []", '{"on_http_request":[]}', "on_http_request:\n  - actions: []\n"])
    expect(read(text)).toBe(text);
  expect(read("policy.yml")).toBe("on_http_request: []\n");
  expect(() => read("missing.yml")).toThrow(join(folder.path, "missing.yml"));
});

test("without settings, ngrok gets none", () => {
  expect(readNgrokSettings(undefined)).toBeUndefined();
  expect(readNgrokSettings({ name: "config", folder: "/", values: {} })).toBeUndefined();
});

test.each([
  ["a text", "ngrok is not an object"],
  [{ trafikPolicy: "x" }, 'ngrok has an unknown key "trafikPolicy"'],
  [{ trafficPolicy: 1 }, "ngrok.trafficPolicy is not a policy"],
  [{ ranges: [] }, "ngrok.ranges is not an object"],
  [{ ranges: { gemini: [] } }, 'ngrok.ranges has an unknown key "gemini"'],
  [{ ranges: { claude: [] } }, "ngrok.ranges.claude is not a list of address ranges"],
  [{ ranges: { claude: "192.0.2.0/24" } }, "ngrok.ranges.claude is not a list of address ranges"],
])("%j is refused with what is wrong about it", (ngrok, what) => {
  expect(() => checkNgrok(ngrok, "config")).toThrow(`${what} in config.`);
});
