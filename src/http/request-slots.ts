// Shares out the requests that a tunnel carries at a time. People with a token share nearly all of them. Anonymous requests,
// which anyone on the internet can send, get a few, and one address only some of those, so that they shut no one else out.

export interface RequestSlots {
  /** From now on there are `count` slots; `onRefused` is called for each request that gets none. */
  setLimit(count: number, onRefused: () => void): void;
  /** The refusal of a request when `open` of them are more than there are slots. */
  refuseOverLimit(open: number): Response | undefined;
  /** Reserves one of the anonymous slots. @returns what releases it; undefined when there is none */
  reserveAnonymous(request: Request): (() => void) | undefined;
  /** Answers in an anonymous slot, held until the answer begins; refuses when there is none. */
  withAnonymousSlot(
    request: Request,
    answer: () => Response | Promise<Response>,
  ): Response | Promise<Response>;
  /** Holds one slot more, over the limit if need be, for an answer that has begun and goes on. @returns what releases it */
  holdAnonymous(request: Request): () => void;
}

export interface RequestSlotsOptions {
  /** Whether a request takes a slot at all. */
  isLimited(request: Request): boolean;
  /** The source that an anonymous slot is counted for; undefined where it cannot be known. */
  sourceOf(request: Request): string | undefined;
}

/** Of all slots, and of the anonymous ones for one address. A client that connects asks for ten things, one after the other. */
const ANONYMOUS_SHARE = 1 / 4;
const ONE_SOURCE_SHARE = 1 / 5;

export function createRequestSlots({ isLimited, sourceOf }: RequestSlotsOptions): RequestSlots {
  let limit = Infinity;
  let reportRefused = () => {};
  let held = 0;
  const heldBySource = new Map<string, number>();

  const hasFree = (source: string | undefined) => {
    const anonymous = Math.floor(limit * ANONYMOUS_SHARE);
    const ofSource = source === undefined ? 0 : (heldBySource.get(source) ?? 0);
    return held < anonymous && ofSource < Math.floor(anonymous * ONE_SOURCE_SHARE);
  };
  const count = (source: string | undefined, change: 1 | -1) => {
    held += change;
    if (source === undefined) return;
    const ofSource = (heldBySource.get(source) ?? 0) + change;
    if (ofSource === 0) heldBySource.delete(source);
    else heldBySource.set(source, ofSource);
  };
  const hold = (source: string | undefined) => {
    let isReleased = false;
    count(source, 1);
    return () => {
      if (!isReleased) count(source, -1);
      isReleased = true;
    };
  };
  const reserveAnonymous = (request: Request) => {
    if (!isLimited(request)) return () => {};
    const source = sourceOf(request);
    return hasFree(source) ? hold(source) : undefined;
  };
  const respondUnavailable = (description: string) => {
    reportRefused();
    return Response.json(
      { error: "temporarily_unavailable", error_description: description },
      // Pages may read it as they may read what they asked for.
      {
        status: 503,
        headers: { "retry-after": "5", connection: "close", "access-control-allow-origin": "*" },
      },
    );
  };

  return {
    setLimit(count, onRefused) {
      limit = count;
      reportRefused = onRefused;
    },
    refuseOverLimit(open) {
      if (open <= limit) return undefined;
      return respondUnavailable(
        `${limit} requests and streams are open, which is all this tunnel carries. Try again in a moment.`,
      );
    },
    reserveAnonymous,
    async withAnonymousSlot(request, answer) {
      const release = reserveAnonymous(request);
      if (release === undefined)
        return respondUnavailable("Too many requests without a token are open. Try again in a moment.");
      try {
        return await answer();
      } finally {
        release();
      }
    },
    holdAnonymous: (request) => (isLimited(request) ? hold(sourceOf(request)) : () => {}),
  };
}
