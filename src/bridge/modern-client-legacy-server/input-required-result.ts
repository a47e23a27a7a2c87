// The result that asks a client for input, and the input that its retry brings.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { readMembers } from "../../frame/scan.ts";
import { removeMembers, splice } from "../../frame/splice.ts";

/**
 * @param id the client's id of its request, as JSON text
 * @param requests of the server's, by the key that the client answers them under
 */
export function composeInputRequired(
  id: string,
  requests: ReadonlyMap<string, Message>,
  requestState: string,
): Uint8Array {
  const entries = [...requests].map(([key, request]) => `${JSON.stringify(key)}:${toInputRequest(request)}`);
  const members = [
    `"resultType":"input_required"`,
    `"inputRequests":{${entries.join(",")}}`,
    `"requestState":${JSON.stringify(requestState)}`,
  ];
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{${members.join(",")}}}`);
}

/** The client's answer to a request, as JSON text; `undefined` when the retry brings none. */
export function readInputResponse(retry: Message, key: string): string | undefined {
  return spanText(retry.bytes, findMember(retry, retry.paramsAt, "inputResponses", key));
}

function toInputRequest({ method, bytes, paramsAt }: Message): string {
  const name = JSON.stringify(method);
  if (paramsAt === undefined) return `{"method":${name}}`;
  const params = bytes.subarray(paramsAt.start, paramsAt.end);
  return `{"method":${name},"params":${Buffer.from(withoutHandles(params)).toString()}}`;
}

/** Removes what names something that a client without sessions cannot refer to later. */
function withoutHandles(params: Uint8Array): Uint8Array {
  const members = readMembers(params);
  if (members === undefined) return params;
  const edits = removeMembers(members, (key) => key === "elicitationId");
  const meta = members.get("_meta");
  const own = meta && readMembers(params, meta.start, meta.end);
  return splice(params, own ? [...edits, ...removeMembers(own, (key) => key === "progressToken")] : edits);
}
