// The whole command behind the real ngrok addon and a stand-in of ngrok's ingress, and a client with an address of its own.
import { request } from "node:http";
import { startIngress, type Ingress, type IngressOptions } from "../ngrok-ingress/ingress.ts";
import { startProgram, type Program, type ProgramOptions } from "../program.ts";
import { AUTHTOKEN } from "./open-tunnel.ts";

export interface Exposed extends AsyncDisposable {
  ingress: Ingress;
  program: Program;
}

export async function exposeThroughNgrok(
  words: readonly string[],
  { env, ...options }: ProgramOptions = {},
  given: IngressOptions = {},
): Promise<Exposed> {
  const ingress = await startIngress(given);
  const hooks = { MCP_EXPOSE_NGROK_SERVER: ingress.server, MCP_EXPOSE_NGROK_CA: ingress.caFile };
  try {
    const program = await startProgram(["--tunnel", "ngrok", ...words], {
      ...options,
      env: { NGROK_AUTHTOKEN: AUTHTOKEN, ...hooks, ...env },
    });
    return {
      ingress,
      program,
      async [Symbol.asyncDispose]() {
        await program.stop();
        await ingress.close();
      },
    };
  } catch (thrown) {
    await ingress.close();
    throw thrown;
  }
}

export interface Asked {
  /** Its own address: all of 127.0.0.0/8 is loopback. */
  from?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Answered {
  status: number;
  text: string;
  headers: NodeJS.Dict<string | string[]>;
}

/** `fetch` cannot choose its own address. */
export function ask(
  url: string,
  { from, method = "GET", headers = {}, body }: Asked = {},
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const options = { method, headers, agent: false as const, ...(from && { localAddress: from }) };
  request(url, options, (answer) => {
    let text = "";
    answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    answer.on("error", reject);
  })
    .on("error", reject)
    .end(body);
  return promise;
}
