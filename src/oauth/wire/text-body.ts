// Reads a request body that must be short text. Its Content-Type is not looked at here.
import { readBody as readBytes } from "../../request-body.ts";
import { refuse } from "../failure.ts";

/** Far more than any registration, form or approval needs, and more time than any of them takes. */
const LIMITS = { most: 64 * 1024, within: 5_000 };

/** The body as text; more than 64 KiB, more than five seconds or anything but UTF-8 is refused. */
export async function readTextBody(request: Request): Promise<string> {
  const bytes = await readBytes(request, LIMITS);
  switch (bytes) {
    case "too-large":
    case "too-slow":
      return refuse({ kind: bytes });
    case "broken":
      return refuse({ kind: "bad-request", description: "The body did not arrive whole." });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse({ kind: "bad-request", description: "The body must be UTF-8." });
  }
}
