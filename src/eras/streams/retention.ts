// Messages kept for clients that may come back for them: bounded for each queue, and in bytes over all of them. When it
// is too much in all, the caller with the most kept loses the oldest of it, so that one person with many sessions cannot
// take the share of others.

/** Items in the order they came. */
export interface Queue<T> {
  /** Adds an item; the oldest ones go when there are too many. */
  add(item: T, bytes: number): void;
  /** Empties it. @returns what was in it */
  takeAll(): T[];
  /** Drops everything, and whatever is added from now on. */
  close(): void;
}

export interface QueueOptions<T> {
  callerKey: string;
  /** The most bytes in this queue. */
  bytes: number;
  /** The most items. */
  count?: number;
  /** Called with an item that had to go. */
  dropped?(item: T): void;
}

export interface Retention {
  /** What is kept now, in bytes. */
  readonly bytes: number;
  open<T>(options: QueueOptions<T>): Queue<T>;
}

interface Holder {
  readonly callerKey: string;
  /** With what each item costs besides its bytes. */
  held: number;
  /** Drops the oldest items until no more than `most` is held. */
  shrink(most: number): void;
}

const LIMIT = 64 * 1024 * 1024;
/** About what an item costs besides its bytes: a flood of tiny ones must not slip through. */
const OVERHEAD = 256;

/** @param limit the most bytes over all queues */
export function createRetention(limit = LIMIT): Retention {
  const holders = new Set<Holder>();
  let total = 0;
  const isTooMuch = () => total > limit;

  /** Halves the largest queue of the caller that holds the most: rarely, since that makes room for a while. */
  const makeRoom = () => {
    while (isTooMuch()) {
      const largest = findLargest(holders);
      largest.shrink(largest.held / 2);
    }
  };

  const open = <T>({ callerKey, bytes: mostBytes, count = Infinity, dropped }: QueueOptions<T>): Queue<T> => {
    let items: { item: T; bytes: number }[] = [];
    let isClosed = false;
    const holder: Holder = { callerKey, held: 0, shrink };
    holders.add(holder);

    const change = (by: number) => {
      holder.held += by;
      total += by;
    };
    const isFull = () => items.length > count || holder.held - items.length * OVERHEAD > mostBytes;
    const dropOldest = () => {
      const { item, bytes } = items.shift()!;
      change(-bytes - OVERHEAD);
      dropped?.(item);
    };
    function shrink(most: number) {
      while (holder.held > most) dropOldest();
    }
    const takeAll = () => {
      const taken = items.map(({ item }) => item);
      items = [];
      change(-holder.held);
      return taken;
    };

    return {
      add(item, bytes) {
        if (isClosed) return;
        items.push({ item, bytes });
        change(bytes + OVERHEAD);
        while (isFull()) dropOldest();
        makeRoom();
      },
      takeAll,
      close() {
        isClosed = true;
        takeAll();
        holders.delete(holder);
      },
    };
  };

  return {
    get bytes() {
      return total;
    },
    open,
  };
}

function findLargest(holders: Iterable<Holder>): Holder {
  const byPrincipal = new Map<string, { held: number; largest: Holder }>();
  let most: { held: number; largest: Holder } | undefined;
  for (const holder of holders) {
    const sum = byPrincipal.get(holder.callerKey) ?? { held: 0, largest: holder };
    sum.held += holder.held;
    if (holder.held > sum.largest.held) sum.largest = holder;
    byPrincipal.set(holder.callerKey, sum);
    if (most === undefined || sum.held > most.held) most = sum;
  }
  return most!.largest;
}

/** The bytes in memory of their own: a part of a large buffer would keep all of it. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + OVERHEAD ? new Uint8Array(bytes) : bytes;
}
