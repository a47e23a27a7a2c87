// The few messages that the bridge writes itself.

/**
 * An error answer.
 *
 * @param id the id as JSON text, such as `7` or `"a"`; `null` when the request's id could not be read
 */
export function composeError(id: string, code: number, message: string, data?: unknown): Uint8Array {
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data });
  return Buffer.from(`{"jsonrpc":"2.0","id":${id || "null"},"error":${error}}`);
}

/**
 * A result.
 *
 * @param id the request's id as JSON text
 */
export function composeResult(id: string, result: unknown): Uint8Array {
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`);
}

/** A request with an id of ours. */
export function composeRequest(id: number, method: string, params?: unknown): Uint8Array {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
}

export function composeNotification(method: string, params?: unknown): Uint8Array {
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params }));
}
