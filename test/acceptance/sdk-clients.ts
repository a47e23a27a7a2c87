// The official SDK's clients, of both versions and every HTTP transport, behind one face.
// Sign-in is all the SDK's own: discovery, registration, PKCE, code exchange, refresh.
import {
  Client as ClientV2,
  type ClientOptions as OptionsV2,
  type OAuthDiscoveryState as DiscoveryV2,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport as HttpV2,
  UnauthorizedError as UnauthorizedV2,
} from "@modelcontextprotocol/client";
import {
  type OAuthDiscoveryState,
  UnauthorizedError as UnauthorizedV1,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { Client as ClientV1, type ClientOptions } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Ready } from "../../src/app/app.ts";
import type { LoginRobot } from "../login-robot.ts";
import { createMemoryProvider, type MemoryProvider } from "./memory-provider.ts";

/** A client of some SDK version that has signed in. */
export interface SignedIn {
  listTools(): Promise<string[]>;
  /** The text of a tool's result. */
  call(tool: string, args: Record<string, unknown>): Promise<string>;
  /** The access token in use. */
  accessToken(): string;
  close(): Promise<void>;
}

/** Connects to a running program, with a person's approval where that is needed. */
export type SignIn = (ready: Ready, robot: LoginRobot) => Promise<SignedIn>;

const INFO = { name: "acceptance-test", version: "1.0.0" };

export type ProviderV1 = MemoryProvider<OAuthClientInformationMixed, OAuthTokens, OAuthDiscoveryState>;
export type ProviderV2 = MemoryProvider<StoredOAuthClientInformation, StoredOAuthTokens, DiscoveryV2>;

export const SIGN_IN = {
  "SDK v1 over streamable HTTP": async ({ url }, robot) => {
    const provider: ProviderV1 = createMemoryProvider(robot);
    return wrap(await connectV1(url, provider), provider);
  },
  "SDK v1 over HTTP+SSE": async ({ sse }, robot) => {
    const provider: ProviderV1 = createMemoryProvider(robot);
    const open = () => new SseV1(new URL(sse), { authProvider: provider });
    const finish = (transport: SseV1) => transport.finishAuth(provider.callbackParams().get("code") ?? "");
    const client = await connect(open, finish, async (transport) => {
      const client = new ClientV1(INFO);
      await client.connect(transport);
      return client;
    });
    return wrap(client, provider);
  },
  "SDK v2 over streamable HTTP": ({ url }, robot) => signInV2(url, robot, {}),
  "SDK v2, asking for the newest revision first": ({ url }, robot) =>
    signInV2(url, robot, { versionNegotiation: { mode: "auto" } }),
} satisfies Record<string, SignIn>;

/** Connects a client of version 1. The provider may have tokens already; then no one is asked to approve. */
export function connectV1(
  url: string,
  provider: ProviderV1,
  options: ClientOptions = {},
  prepare: (client: ClientV1) => void = () => {},
  fetch?: FetchLike,
): Promise<ClientV1> {
  const open = () => new HttpV1(new URL(url), { authProvider: provider, ...(fetch && { fetch }) });
  const finish = (transport: HttpV1) => transport.finishAuth(provider.callbackParams().get("code") ?? "");
  return connect(open, finish, async (transport) => {
    const client = new ClientV1(INFO, options);
    prepare(client);
    await client.connect(transport);
    return client;
  });
}

async function signInV2(url: string, robot: LoginRobot, options: OptionsV2): Promise<SignedIn> {
  const provider: ProviderV2 = createMemoryProvider(robot);
  const open = () => new HttpV2(new URL(url), { authProvider: provider });
  const finish = (transport: HttpV2) => transport.finishAuth(provider.callbackParams());
  const client = await connect(open, finish, async (transport) => {
    const client = new ClientV2(INFO, options);
    await client.connect(transport);
    return client;
  });
  return wrap(client, provider);
}

/** As the SDKs' documentation has it: try, and after a person's approval finish the sign-in and try again. */
async function connect<T, C>(
  open: () => T,
  finish: (transport: T) => Promise<void>,
  begin: (transport: T) => Promise<C>,
): Promise<C> {
  const first = open();
  try {
    return await begin(first);
  } catch (thrown) {
    if (!isUnauthorized(thrown)) throw thrown;
  }
  await finish(first);
  return await begin(open());
}

export function isUnauthorized(thrown: unknown): boolean {
  return thrown instanceof UnauthorizedV1 || thrown instanceof UnauthorizedV2;
}

type Provider = { tokens(): { access_token: string } | undefined };

function wrap(client: ClientV1 | ClientV2, provider: Provider): SignedIn {
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => textOf(await client.callTool({ name, arguments: args })),
    accessToken: () => provider.tokens()?.access_token ?? "",
    close: () => client.close(),
  };
}

/** The text in the result of a tool call. */
export function textOf(result: { [key: string]: unknown }): string {
  const content = (result["content"] ?? []) as { type: string; text?: string }[];
  return content.map(({ text = "" }) => text).join("\n");
}
