// A response that ends its connection: an idle connection would hold one of the tunnel's streams with no way to take it
// back. A client that is still sending would miss its response if the connection ended at once, so the rest of its body is
// read first (RFC 9112 §9.6).

/** How long the rest of a body is waited for, in milliseconds. */
const LINGER = 5_000;

/** @param reserveSlot reserves the slot that the waiting takes, and returns what releases it; undefined: there is none, and nothing is waited for */
export async function closeConnectionAfter(
  request: Request,
  response: Response,
  reserveSlot: () => (() => void) | undefined,
): Promise<Response> {
  response.headers.set("connection", "close");
  if (request.bodyUsed || request.body === null || !canBeHeld(response)) return response;
  const releaseSlot = reserveSlot();
  if (releaseSlot === undefined) return response;
  const drained = drain(request.body).finally(releaseSlot);
  const bytes = await response.bytes();
  const held = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      void drained.then(() => controller.close()).catch(() => {});
    },
  });
  return new Response(held, response);
}

/** A response without a body has nothing to hold back, and an event stream stays open by itself. */
function canBeHeld({ body, headers }: Response): boolean {
  return body !== null && headers.get("content-type") !== "text/event-stream";
}

/** Resolves when nothing more comes, or when it took too long. */
async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), LINGER);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client has gone.
  } finally {
    clearTimeout(timer);
  }
}
