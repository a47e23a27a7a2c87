// An answer that ends its connection: an idle one would hold one of the tunnel's streams, with nobody to take it away.
// A client that is still sending would miss its answer if the connection ended at once, so that is waited for (RFC 9112 §9.6).

/** How long the rest of a body is waited for, in milliseconds. */
const LINGER = 5_000;

/** @param takePlace gives what ends the waiting's place; undefined when there is none, and nothing is waited for */
export async function makeLast(
  request: Request,
  response: Response,
  takePlace: () => (() => void) | undefined,
): Promise<Response> {
  response.headers.set("connection", "close");
  if (request.bodyUsed || request.body === null || !isHeldEasily(response)) return response;
  const leave = takePlace();
  if (leave === undefined) return response;
  const rest = discard(request.body).finally(leave);
  const answer = await response.bytes();
  const held = new ReadableStream({
    start(controller) {
      controller.enqueue(answer);
      void rest.then(() => controller.close()).catch(() => {});
    },
  });
  return new Response(held, response);
}

/** What has no body cannot go on, and a stream goes on by itself. */
function isHeldEasily({ body, headers }: Response): boolean {
  return body !== null && headers.get("content-type") !== "text/event-stream";
}

/** Resolves when nothing more comes, or when it took too long. */
async function discard(body: ReadableStream<Uint8Array>): Promise<void> {
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
