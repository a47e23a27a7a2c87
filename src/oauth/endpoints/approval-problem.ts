// The messages of the approval page when a decision cannot be acted on, each with its status.

export interface Problem {
  status: number;
  text: string;
  headers?: Record<string, string>;
}

export const STALE: Problem = {
  status: 403,
  text: "This page was open for too long, or your browser blocks cookies. Please decide again.",
};
export const UNDECIDED: Problem = { status: 400, text: "Please choose Approve or Deny." };

/** @param retryAfter milliseconds */
export function describeWait(retryAfter: number): Problem {
  const seconds = Math.ceil(retryAfter / 1000);
  const wait = seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`;
  return {
    status: 429,
    text: `Too many attempts. Wait ${wait}, then try again.`,
    headers: { "Retry-After": String(seconds) },
  };
}
