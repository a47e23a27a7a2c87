// Answers in JSON that no cache may keep: token and error responses (RFC 6749 §5.1 and §5.2).
import type { WireError } from "../failure.ts";

export function answerJson(body: object, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { "Cache-Control": "no-store", Pragma: "no-cache", ...headers },
  });
}

export function answerError({ status, error, description, headers }: WireError): Response {
  const body = error === undefined ? { message: description } : { error, error_description: description };
  return answerJson(body, status, headers);
}
