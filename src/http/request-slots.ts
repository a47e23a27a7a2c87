// Who may hold one of the places that a tunnel has. People with a token share nearly all of them. Somebody without one, who
// may be anybody, gets one of a few, and from one address only some of those: nobody else is shut out by strangers.

export interface Places {
  /** From now on there are `count` places; `refused` is called for each request that finds none. */
  limit(count: number, refused: () => void): void;
  /** The refusal of a request when `open` of them are more than there are places. */
  refuseCrowd(open: number): Response | undefined;
  /** Takes one of the strangers' places. @returns what gives it back; undefined when there is none */
  take(request: Request): (() => void) | undefined;
  /** Holds one for as long as the answer takes; refused when there is none. */
  lend(request: Request, answer: () => Response | Promise<Response>): Response | Promise<Response>;
  /** Takes one more for an answer that goes on, as it has begun already. @returns what gives it back */
  extend(request: Request): () => void;
}

export interface PlacesOptions {
  /** Whether a request takes a place at all. */
  isLimited(request: Request): boolean;
  /** Whom a stranger's place is counted for; undefined where that cannot be known. */
  sourceOf(request: Request): string | undefined;
}

/** Of all places, and of the strangers' for one address. A client that connects asks for ten things, one after the other. */
const STRANGERS_SHARE = 1 / 4;
const SOURCES_SHARE = 1 / 5;

export function createPlaces({ isLimited, sourceOf }: PlacesOptions): Places {
  let most = Infinity;
  let tellRefused = () => {};
  let taken = 0;
  const bySource = new Map<string, number>();

  const hasRoom = (source: string | undefined) => {
    const strangers = Math.floor(most * STRANGERS_SHARE);
    const ofSource = source === undefined ? 0 : (bySource.get(source) ?? 0);
    return taken < strangers && ofSource < Math.floor(strangers * SOURCES_SHARE);
  };
  const count = (source: string | undefined, change: 1 | -1) => {
    taken += change;
    if (source === undefined) return;
    const now = (bySource.get(source) ?? 0) + change;
    if (now === 0) bySource.delete(source);
    else bySource.set(source, now);
  };
  const enter = (source: string | undefined) => {
    let isOver = false;
    count(source, 1);
    return () => {
      if (!isOver) count(source, -1);
      isOver = true;
    };
  };
  const take = (request: Request) => {
    if (!isLimited(request)) return () => {};
    const source = sourceOf(request);
    return hasRoom(source) ? enter(source) : undefined;
  };
  const refuse = (description: string) => {
    tellRefused();
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
    limit(count, refused) {
      most = count;
      tellRefused = refused;
    },
    refuseCrowd(open) {
      if (open <= most) return undefined;
      return refuse(
        `${most} requests and streams are open, which is all this tunnel carries. Try again in a moment.`,
      );
    },
    take,
    async lend(request, answer) {
      const leave = take(request);
      if (leave === undefined)
        return refuse("Too many requests without a token are open. Try again in a moment.");
      try {
        return await answer();
      } finally {
        leave();
      }
    },
    extend: (request) => (isLimited(request) ? enter(sourceOf(request)) : () => {}),
  };
}
