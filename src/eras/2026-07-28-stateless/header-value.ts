// Values of `Mcp-Name` and `Mcp-Param-*` headers: plain, or in Base64 between two marks.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding

const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

/** @returns the value that the header stands for; `undefined` when it cannot be read */
export function readHeaderValue(header: string): string | undefined {
  const value = header.replace(/^[ \t]+|[ \t]+$/g, "");
  if (!value.startsWith("=?base64?") || !value.endsWith("?="))
    return /^[\x20-\x7e\t]*$/.test(value) ? value : undefined;
  const encoded = ENCODED.exec(value)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}

/** Whether a header says the same as an argument: a string, a whole number or a truth value. */
export function isSameValue(header: string, value: unknown): boolean {
  const text = readHeaderValue(header);
  if (text === undefined) return false;
  if (typeof value === "number") return /^-?\d+(?:\.0*)?$/.test(text) && Number(text) === value;
  return text === String(value);
}
