// The public URL of a run. A tunnel makes it known late, and may replace it at any time.

export interface PublicUrl {
  readonly current: string;
  moveTo(url: string): void;
  /** Calls `listener` with the current URL, and with each later one. */
  follow(listener: (url: string) => void): void;
}

/** @param first where this machine reaches us, or what the person's own proxy is called */
export function createPublicUrl(first: string): PublicUrl {
  let current = first;
  const listeners: ((url: string) => void)[] = [];
  return {
    get current() {
      return current;
    },
    moveTo(url) {
      current = url;
      for (const listener of listeners) listener(url);
    },
    follow(listener) {
      listeners.push(listener);
      listener(current);
    },
  };
}
