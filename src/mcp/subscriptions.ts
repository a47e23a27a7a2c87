// What clients can listen for since revision 2026-07-28.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { META } from "./meta.ts";

/** The answer to `subscriptions/listen` when the server ends the stream. @param id the request's id as JSON text */
export function composeListenResult(id: string): Uint8Array {
  const result = `{"resultType":"complete","_meta":{"${META.subscription}":${id}}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
}
