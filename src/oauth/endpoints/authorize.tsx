/** @jsxImportSource hono/jsx */
// The authorization endpoint (OAuth 2.1 §4.1.1): shows who asks for what, and lets a person decide every time.
// Must never answer to a redirect URI that is not the client's, and never from another browser's page.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import {
  type AuthorizationRequest,
  createReplyUrl,
  readAuthorizationRequest,
  readReplyTarget,
  type ReplyTarget,
} from "./authorization-request.ts";
import { describeWait, describeWrong, type Problem, STALE, UNDECIDED } from "./approval-problem.ts";
import type { BrowserBinding } from "../sign-in/browser-binding.ts";
import type { Client, FindClient } from "../clients/client.ts";
import { describeFailure, Refusal, refuse, toWire } from "../failure.ts";
import type { OnGrant } from "../tokens/grant-event.ts";
import type { Credential, SignIn } from "../sign-in/sign-in.ts";
import type { AnswerPage } from "./page-response.ts";
import { ApprovalPage } from "../pages/approval-page.tsx";
import { displayClient, displayDestination, displayHost } from "../pages/display.ts";
import { parseParameters, type Parameters, readForm } from "./parameters.ts";
import { findAssistant, isLoopback, isTrustedRedirect } from "../clients/redirect-uri.ts";
import { mayRefresh } from "./refresh.ts";
import { listChoices, readChoices } from "../access/scope-choice.ts";
import { createSecret, hashSecret, type RandomBytes } from "../tokens/secrets.ts";
import { groupSource } from "../sign-in/throttle.ts";
import type { ToolScopeTable } from "../access/tool-scopes.ts";

export interface AuthorizeOptions {
  publicUrl: string;
  resources: readonly string[];
  resourceScopes: readonly string[];
  /** What the approval page says of scopes that can be left out. */
  scopes: ToolScopeTable;
  serverName: string;
  serverId: string;
  credential: Credential;
  store: Store;
  now: () => number;
  random: RandomBytes;
  log: Log;
  onGrant: OnGrant;
  sourceOf(request: Request): string;
  findClient: FindClient;
  allowRedirect: readonly string[];
  login: SignIn;
  binding: BrowserBinding;
  answerPage: AnswerPage;
}

export interface Authorize {
  /** GET: the approval page. */
  show(request: Request): Promise<Response>;
  /** POST: the decision. */
  decide(request: Request): Promise<Response>;
}

const CODE_LIFETIME_MS = 60_000;
/**
 * Chromium holds form-action against every redirect that follows the form, and callbacks redirect on to hosts only they
 * know (https://github.com/w3c/webappsec-csp/issues/8), so the schemes a code may go to are allowed, not single hosts.
 */
const FORM_ACTION = ["'self'", "https:", "http:"];

export function createAuthorize(options: AuthorizeOptions): Authorize {
  return {
    show: (request) => {
      const query = new URL(request.url).search.slice(1);
      return answerOrReply(options, request, query, (asked) => showPage(options, request, asked, { query }));
    },
    decide: async (request) => {
      const form = await readForm(request);
      const query = form.get("query") ?? "";
      return answerOrReply(options, request, query, async (asked) => {
        const again = (problem: Problem) => showPage(options, request, asked, { query, problem, form });
        if (!options.binding.isSigned(request, query, form.get("csrf"))) return again(STALE);
        switch (form.get("decision")) {
          case "approve":
            return approve(options, request, asked, form, again);
          case "deny":
            return deny(options, request, asked);
          default:
            return again(UNDECIDED);
        }
      });
    },
  };
}

/**
 * Acts on the request a query makes; from the moment the reply target is known, refusals go to the client. But what
 * is refused before a person has decided is not sent where an open registration alone points to (RFC 9700 §4.11.2).
 */
async function answerOrReply(
  options: AuthorizeOptions,
  request: Request,
  query: string,
  act: (asked: AuthorizationRequest) => Response | Promise<Response>,
): Promise<Response> {
  const parameters = parseParameters(query);
  const target = await readReplyTarget(parameters, options.findClient, options.sourceOf(request));
  try {
    return await act(readAuthorizationRequest(parameters, target, options));
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const { failure } = thrown;
    if (failure.kind !== "denied" && !(await isKnownTarget(options, target)))
      return refuse({ kind: "kept-back", failure, destination: displayDestination(target.redirectUri) });
    options.log.debug(`/authorize refused: ${describeFailure(failure)}`);
    const { error = "server_error", description } = toWire(failure);
    return reply(options, target, { error, error_description: description });
  }
}

/** Whether errors may go there: a client may have registered places that nobody has seen on the page. */
async function isKnownTarget(options: AuthorizeOptions, target: ReplyTarget): Promise<boolean> {
  const { allowRedirect, store, serverId, now } = options;
  const { client, redirectUri } = target;
  if (isTrustedRedirect(redirectUri, allowRedirect)) return true;
  return store.wasAnswered({ serverId, clientId: client.id, redirectUri }, now());
}

interface Shown {
  query: string;
  problem?: Problem;
  /** What was sent before, when the page is shown again. */
  form?: Parameters;
}

async function showPage(
  options: AuthorizeOptions,
  request: Request,
  asked: AuthorizationRequest,
  { query, problem, form }: Shown,
): Promise<Response> {
  const { binding, answerPage, serverName, credential, scopes } = options;
  await noteShown(options, asked.client);
  const { mark, setCookie } = binding.identify(request);
  const page = (
    <ApprovalPage
      clientName={asked.client.name}
      clientHost={asked.client.document && new URL(asked.client.id).host}
      redirectUri={asked.redirectUri}
      assistant={findAssistant(asked.redirectUri)}
      isLoopback={isLoopback(asked.redirectUri)}
      serverName={serverName}
      resources={asked.resources}
      choices={listChoices(asked.scopes, scopes, form)}
      staysConnected={mayRefresh(asked.client, asked.scopes)}
      login={credential.kind}
      mayPaste={credential.token !== undefined}
      problem={problem?.text}
      query={query}
      csrf={binding.sign(mark, query)}
    />
  );
  return answerPage(page, problem?.status ?? 200, {
    formAction: [...new Set([...FORM_ACTION, new URL(asked.redirectUri).protocol])].join(" "),
    ...(setCookie === undefined ? {} : { "Set-Cookie": setCookie }),
    ...problem?.headers,
  });
}

/** Only a hint of which clients to keep: a store that cannot be written does not keep the page from being seen. */
async function noteShown({ store, now, log }: AuthorizeOptions, client: Client): Promise<void> {
  if (client.wasApproved || client.document) return;
  try {
    await store.noteShown(client.id, now());
  } catch (thrown) {
    log.debug(`Could not note that the approval page was shown: ${messageOf(thrown)}`);
  }
}

async function approve(
  options: AuthorizeOptions,
  request: Request,
  asked: AuthorizationRequest,
  form: Parameters,
  again: (problem: Problem) => Promise<Response>,
): Promise<Response> {
  const { mark } = options.binding.identify(request);
  const outcome = await options.login(form, options.sourceOf(request), mark);
  if (outcome.kind === "ok") {
    const granted = { ...asked, scopes: readChoices(asked.scopes, form) };
    return sendCode(options, request, granted, outcome.subject);
  }
  options.onGrant({ state: "login-failed", ...describeRequest(options, request, asked) });
  return again(
    outcome.kind === "wrong" ? describeWrong(options.credential) : describeWait(outcome.retryAfter),
  );
}

async function sendCode(
  options: AuthorizeOptions,
  request: Request,
  asked: AuthorizationRequest,
  subject: string,
): Promise<Response> {
  const { store, now, random, serverId, onGrant } = options;
  const code = createSecret(random);
  const { client, redirectUri, challenge, scopes, resources } = asked;
  const described = describeRequest(options, request, asked);
  const { clientId, clientName, source } = described;
  const record = {
    hash: hashSecret(code),
    serverId,
    clientId,
    clientName,
    subject,
    scopes,
    resources,
    redirectUri,
    challenge,
    source,
    expiresAt: now() + CODE_LIFETIME_MS,
  };
  await store.addCode(record, now(), client.document);
  onGrant({ state: "approved", ...described, subject });
  return reply(options, asked, { code });
}

function deny(options: AuthorizeOptions, request: Request, asked: AuthorizationRequest): never {
  options.onGrant({ state: "denied", ...describeRequest(options, request, asked) });
  return refuse({ kind: "denied" });
}

function describeRequest({ sourceOf }: AuthorizeOptions, request: Request, asked: AuthorizationRequest) {
  const { client, redirectUri, scopes } = asked;
  return {
    clientId: client.id,
    clientName: displayClient(client.name ?? client.id, displayHost(client.id, redirectUri)),
    scopes,
    destination: displayDestination(redirectUri),
    source: groupSource(sourceOf(request)),
  };
}

/** 303, so that what was typed into the form is never sent on (OAuth 2.1 §7.5.3). */
function reply({ publicUrl }: AuthorizeOptions, target: ReplyTarget, answer: Record<string, string>) {
  return new Response(null, {
    status: 303,
    headers: {
      Location: createReplyUrl(target, publicUrl, answer),
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
    },
  });
}
