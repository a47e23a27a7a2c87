// Bytes that clients have not taken yet of what they were sent. A server process is not read from while its
// clients leave too many; and while those of all processes together leave too many, only processes are read
// from whose own clients keep up, so that slow readers of one do not stop the others.

export interface Backpressure {
  /** @param read is told whether the process may be read from, again and again */
  open(read: (mayRead: boolean) => void): ProcessBackpressure;
}

export interface ProcessBackpressure {
  readonly mayRead: boolean;
  /** Bytes more that clients have not taken; negative when they took some. */
  change(by: number): void;
  /** The process is gone for good; what its clients have not taken still counts. */
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
  const tellers = new Set<() => void>();
  let total = 0;

  return {
    open(read) {
      let unread = 0;
      const mayRead = () => unread <= (total > all ? fair : each);
      const tell = () => read(mayRead());
      tellers.add(tell);
      return {
        get mayRead() {
          return mayRead();
        },
        change(by) {
          const wasTooMuch = total > all;
          unread += by;
          total += by;
          if (wasTooMuch === total > all) tell();
          else for (const tellOne of tellers) tellOne();
        },
        close: () => void tellers.delete(tell),
      };
    },
  };
}
