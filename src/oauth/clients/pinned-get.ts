// Fetches a small JSON document from a URL that a stranger chose (CIMD draft §5 and §8.6–8.7; MCP security best
// practices, "SSRF"). The name is resolved once, every address it has must be public, and the connection goes to the
// address that was checked, so that a second answer of the name server changes nothing.
// Must not follow a redirect, use a proxy, send a cookie, or read more bytes or for longer than it is allowed.
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { messageOf } from "../../errors.ts";
import { isLoopback } from "../../loopback.ts";
import { createAddressGuard } from "./address-guard.ts";

export interface Fetched {
  text: string;
  headers: IncomingHttpHeaders;
}

/** @throws {FetchProblem} */
export type PinnedGet = (url: string, maxBytes: number) => Promise<Fetched>;

/** Why nothing was fetched. For the log alone, since it describes the network we are in. */
export class FetchProblem extends Error {
  override readonly name = "FetchProblem";
}

export interface PinnedGetOptions {
  /** Every address of a host name. */
  resolve(hostname: string): Promise<readonly string[]>;
  /** Lets loopback be fetched from, also without TLS; for tests. */
  allowLoopback: boolean;
  /** The User-Agent header. */
  userAgent: string;
  /** Roots to trust besides the system's, PEM. */
  ca?: string;
}

/** Claude gives up on us after ten seconds; a name server and a host must be quicker than that together. */
const DEADLINE_MS = 5000;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i;

export function createPinnedGet(options: PinnedGetOptions): PinnedGet {
  const guard = createAddressGuard();
  const mayConnect = (address: string) =>
    guard.isPublic(address) || (options.allowLoopback && isLoopback(address));

  async function findAddress(hostname: string): Promise<string> {
    const bare = hostname.replace(/^\[|\]$/g, "");
    const addresses = isIP(bare) === 0 ? await options.resolve(bare) : [bare];
    const refused = addresses.find((address) => !mayConnect(address));
    if (refused !== undefined) throw new FetchProblem(`${hostname} leads to ${refused}, which is not public`);
    const [address] = addresses.toSorted((a, b) => isIP(a) - isIP(b));
    if (address === undefined) throw new FetchProblem(`${hostname} has no address`);
    return address;
  }

  return async (text, maxBytes) => {
    const url = new URL(text);
    if (!/^https?:$/.test(url.protocol)) throw new FetchProblem("it is not https");
    const signal = AbortSignal.timeout(DEADLINE_MS);
    try {
      const address = await orAbort(findAddress(url.hostname), signal);
      if (url.protocol !== "https:" && !isLoopback(address)) throw new FetchProblem("it is not https");
      const response = await sendRequest(url, address, options, signal);
      return { text: await readDocument(response, maxBytes), headers: response.headers };
    } catch (thrown) {
      if (thrown instanceof FetchProblem) throw thrown;
      throw new FetchProblem(signal.aborted ? `no answer within ${DEADLINE_MS} ms` : messageOf(thrown));
    }
  };
}

/** The certificate must be the name's, although the connection goes to an address. */
function sendRequest(
  url: URL,
  address: string,
  { ca, userAgent }: PinnedGetOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const isTls = url.protocol === "https:";
  const isName = isIP(url.hostname.replace(/^\[|\]$/g, "")) === 0;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (isTls ? httpsRequest : httpRequest)({
    host: address,
    port: url.port || (isTls ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    headers: { Host: url.host, Accept: "application/json", "User-Agent": userAgent },
    agent: false,
    signal,
    ...(isTls && isName ? { servername: url.hostname } : {}),
    ...(isTls && ca !== undefined ? { ca } : {}),
  });
  request.on("response", resolve);
  request.on("error", reject);
  request.end();
  return promise;
}

async function readDocument(response: IncomingMessage, maxBytes: number): Promise<string> {
  try {
    checkHead(response, maxBytes);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new FetchProblem(`it is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } finally {
    response.destroy();
  }
}

function checkHead({ statusCode, headers }: IncomingMessage, maxBytes: number): void {
  if (statusCode !== 200) throw new FetchProblem(`the answer has status ${statusCode}`);
  const type = headers["content-type"] ?? "";
  if (!JSON_TYPE.test(type))
    throw new FetchProblem(`the answer is ${JSON.stringify(type.slice(0, 80))}, not JSON`);
  if (headers["content-encoding"] !== undefined) throw new FetchProblem("the answer is compressed, unasked");
  if (Number(headers["content-length"] ?? 0) > maxBytes)
    throw new FetchProblem(`it is larger than ${maxBytes} bytes`);
}

/** Rejects when the time is up, also where what is waited for cannot be called off. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>();
  const abort = () => late.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
