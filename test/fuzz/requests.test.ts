// What reads a POST before anybody acts on it: the body reader, the classifier, the ladder of 2026-07-28.
// Whatever comes is understood or refused with a 4xx; nothing throws.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { validateRequest } from "../../src/eras/2026-07-28-stateless/validate-request.ts";
import { readPostBody } from "../../src/eras/post-body.ts";
import { classify } from "../../src/eras/classify.ts";
import { bodyBytes, headersOf, knownHeaders } from "./arbitraries.ts";
import { BUDGET } from "./budget.ts";

const LIMIT = 4_096;

function makeRequest(bytes: Uint8Array, headers: Record<string, string>, cuts: readonly number[]): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let from = 0;
      for (const cut of [...cuts].sort((a, b) => a - b)) {
        const end = Math.min(Math.max(cut, from), bytes.length);
        if (end > from) controller.enqueue(bytes.slice(from, end));
        from = end;
      }
      if (from < bytes.length) controller.enqueue(bytes.slice(from));
      controller.close();
    },
  });
  return new Request("http://127.0.0.1/mcp", { method: "POST", headers: headersOf(headers), body });
}

test("a body, its headers and what they say of its era are understood or refused with a 4xx", async () => {
  await fc.assert(
    fc.asyncProperty(
      bodyBytes,
      knownHeaders,
      fc.array(fc.nat(500), { maxLength: 5 }),
      async (bytes, headers, cuts) => {
        const request = makeRequest(bytes, headers, cuts);
        const body = await readPostBody(request, { most: LIMIT, within: 10_000 }, () => {});
        if (body instanceof Response) return expectRefusal(body);
        expect(bytes.length).toBeLessThanOrEqual(LIMIT);
        expect(body.messages.length).toBeGreaterThan(0);
        const dialect = classify(request, body);
        if (dialect instanceof Response) return expectRefusal(dialect);
        expect(dialect).toBeOneOf(["sessions", "stateless"]);
        if (dialect === "sessions") return;
        const envelope = validateRequest(request, body.messages[0]!);
        if (envelope instanceof Response) return expectRefusal(envelope);
        expect(envelope.version).toBe("2026-07-28");
      },
    ),
    BUDGET,
  );
});

async function expectRefusal(response: Response): Promise<void> {
  expect([400, 413, 415]).toContain(response.status);
  const { jsonrpc, error } = (await response.json()) as {
    jsonrpc: string;
    error: { code: number; message: string };
  };
  expect([jsonrpc, typeof error.code, typeof error.message]).toEqual(["2.0", "number", "string"]);
}
