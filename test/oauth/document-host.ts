// A host of client metadata documents: real TLS on loopback, and a name server for it that a test controls.
import { createPinnedGet } from "../../src/oauth/clients/pinned-get.ts";
import { createCertificates } from "../ngrok-ingress/certificates.ts";
import { CALLBACK, type Json } from "./harness.ts";

export interface DocumentHost {
  /** The URL of a document. The host is `localhost`, since that is what its certificate says. */
  url(path: string): string;
  /** The response at a path: a document, or one that a test makes from the request. */
  serve(path: string, answer: Json | ((request: Request) => Response | Promise<Response>)): string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Names that were resolved, in order. */
  readonly resolved: string[];
  /** Addresses of a name; a list of lists gives one after the other. Unset: where the host really is. */
  readonly addresses: Map<string, string[][]>;
  /** For `OAuthOptions`. */
  readonly get: ReturnType<typeof createPinnedGet>;
  stop(): Promise<void>;
}

/** Not where `localhost` leads by itself, so that only a connection to the address that was looked up gets there. */
const ADDRESS = "127.0.0.2";

export function startDocumentHost(): DocumentHost {
  const { ca, cert, key } = createCertificates();
  const answers = new Map<string, (request: Request) => Response | Promise<Response>>();
  const asked: string[] = [];
  const resolved: string[] = [];
  const addresses = new Map<string, string[][]>();
  const server = Bun.serve({
    port: 0,
    hostname: ADDRESS,
    tls: { cert, key },
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return answers.get(pathname)?.(request) ?? new Response("nothing here", { status: 404 });
    },
  });
  const url = (path: string) => `https://localhost:${server.port}${path}`;
  return {
    url,
    serve(path, answer) {
      answers.set(path, typeof answer === "function" ? answer : () => Response.json(answer));
      return url(path);
    },
    asked,
    resolved,
    addresses,
    get: createPinnedGet({
      resolve: async (name) => {
        resolved.push(name);
        const queue = addresses.get(name);
        return (queue && queue.length > 1 ? queue.shift() : queue?.[0]) ?? [ADDRESS];
      },
      allowLoopback: true,
      userAgent: "test",
      ca,
    }),
    stop: () => server.stop(true),
  };
}

/** A good document. */
export function describeApp(clientId: string, more: Json = {}): Json {
  return { client_id: clientId, client_name: "Documented App", redirect_uris: [CALLBACK], ...more };
}
