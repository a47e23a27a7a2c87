// Bytes that were sent to clients and that they have not taken yet. A server process is not read from while its clients
// leave too many. While the clients of all processes together leave too many, only processes whose own clients keep up are
// read from, so that slow readers of one do not stop the others.

export interface Backpressure {
  /** @param read is called whenever it may have changed whether the process may be read from */
  open(read: (mayRead: boolean) => void): ProcessBackpressure;
}

export interface ProcessBackpressure {
  readonly mayRead: boolean;
  /** Bytes more that clients have not taken; negative when they took some. */
  change(by: number): void;
  /** The process is gone for good; the bytes its clients have not taken still count. */
  close(): void;
}

export interface BackpressureLimits {
  /** For one process. */
  each: number;
  /** For all processes. */
  all: number;
  /** For one process while it is too much for all. */
  fair: number;
}

const MB = 1024 * 1024;
const LIMITS: BackpressureLimits = { each: 64 * MB, all: 512 * MB, fair: MB };

export function createBackpressure({ each, all, fair }: BackpressureLimits = LIMITS): Backpressure {
  const updates = new Set<() => void>();
  let total = 0;

  return {
    open(read) {
      let unread = 0;
      const mayRead = () => unread <= (total > all ? fair : each);
      const update = () => read(mayRead());
      updates.add(update);
      return {
        get mayRead() {
          return mayRead();
        },
        change(by) {
          const wasTooMuch = total > all;
          unread += by;
          total += by;
          if (wasTooMuch === total > all) update();
          else for (const updateOne of updates) updateOne();
        },
        close: () => void updates.delete(update),
      };
    },
  };
}
