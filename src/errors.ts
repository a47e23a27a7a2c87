// What a person is told when something they asked for cannot be done.

/**
 * A failure with a person at the other end: shown as `message`, then `hint`, without a stack.
 * Anything else that is thrown is a fault of ours and is shown with its stack.
 *
 * @param message what failed, with the offending value in quotes
 * @param hint what to do now
 * @param exitCode 2 for bad input (nothing was started), 1 for a start that failed
 */
export class UserError extends Error {
  override readonly name = "UserError";

  constructor(
    message: string,
    readonly hint?: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(message);
  }
}

/** The text of anything that was thrown, for a log line or a sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
