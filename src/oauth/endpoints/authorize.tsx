/** @jsxImportSource hono/jsx */
// The authorization endpoint (OAuth 2.1 §4.1.1): shows which app asks for what, and lets a person decide every time.
// Must never answer to a redirect URI that is not the client's, and never from another browser's page.
import { messageOf } from "../../errors.ts";
import type { ToolScopeTable } from "../access/tool-scopes.ts";
import type { Client, FindClient } from "../clients/client.ts";
import { findAssistant, isLoopbackRedirect, isTrustedRedirect } from "../clients/redirect-uri.ts";
import { formatFailure, Refusal, refuse, toWire } from "../failure.ts";
import { ApprovalPage } from "../pages/approval-page.tsx";
import { displayDestination } from "../pages/display.ts";
import type { RespondWithPage } from "../pages/page-response.ts";
import { parseParameters, type Parameters, readForm } from "../wire/parameters.ts";
import { type ApprovalOptions, approve, type Decision, deny, reply, resumeApproval } from "./approval.ts";
import { type Problem, STALE, UNDECIDED } from "./approval-problem.ts";
import {
  type AuthorizationRequest,
  readAuthorizationRequest,
  readReplyTarget,
  type ReplyTarget,
} from "./authorization-request.ts";
import { mayRefresh } from "./refresh.ts";
import { listChoices } from "./scope-choice.ts";

export interface AuthorizeOptions extends ApprovalOptions {
  resourceScopes: readonly string[];
  /** Labels of the scopes that a person can leave out. */
  scopes: ToolScopeTable;
  serverName: string;
  findClient: FindClient;
  allowRedirect: readonly string[];
  respondWithPage: RespondWithPage;
}

export interface Authorize {
  /** GET: the approval page. */
  show(request: Request): Promise<Response>;
  /** POST: the decision. */
  decide(request: Request): Promise<Response>;
  /** GET: the browser comes back from the site where the person has signed in. */
  resume(request: Request): Promise<Response>;
}

/**
 * Chromium holds form-action against every redirect that follows the form, and callbacks redirect on to hosts only they
 * know (https://github.com/w3c/webappsec-csp/issues/8), so the schemes a code may go to are allowed, not single hosts.
 */
const FORM_ACTION = ["'self'", "https:", "http:"];

export function createAuthorize(options: AuthorizeOptions): Authorize {
  const { binding, pending } = options;
  const act = (
    { request, query, form }: Pick<Decision, "request" | "query" | "form">,
    next: (decision: Decision) => Response | Promise<Response>,
  ) =>
    answerOrReply(options, request, query, (asked) => {
      const again = (problem: Problem) => showPage(options, request, asked, { query, problem, form });
      return next({ request, query, form, asked, again });
    });
  return {
    show: (request) => {
      const query = new URL(request.url).search.slice(1);
      return answerOrReply(options, request, query, (asked) => showPage(options, request, asked, { query }));
    },
    decide: async (request) => {
      const form = await readForm(request);
      const query = form.get("query") ?? "";
      return act({ request, query, form }, (decision) => {
        if (!binding.isSigned(request, query, form.get("csrf"))) return decision.again(STALE);
        switch (form.get("decision")) {
          case "approve":
            return approve(options, decision);
          case "deny":
            return deny(options, decision);
          default:
            return decision.again(UNDECIDED);
        }
      });
    },
    resume: async (request) => {
      const state = new URL(request.url).searchParams.get("state") ?? "";
      const found = pending.take(state, binding.identify(request).mark);
      if (found === undefined) return refuse({ kind: "no-pending-sign-in" });
      const { query, form } = found;
      return act({ request, query, form }, (decision) =>
        resumeApproval(options, decision, { state, ...found }),
      );
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
    return await act(readAuthorizationRequest(parameters, target, { ...options, ...options.currentSite() }));
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const { failure } = thrown;
    if (failure.kind !== "denied" && !(await isKnownTarget(options, target)))
      return refuse({ kind: "kept-back", failure, destination: displayDestination(target.redirectUri) });
    options.log.debug(`/authorize refused: ${formatFailure(failure)}`);
    const { error = "server_error", description } = toWire(failure);
    return reply(options.currentSite, target, { error, error_description: description });
  }
}

/** Whether errors may go there: a client may have registered URIs that no person has seen on the page. */
async function isKnownTarget(options: AuthorizeOptions, target: ReplyTarget): Promise<boolean> {
  const { allowRedirect, store, serverId, now } = options;
  const { client, redirectUri } = target;
  if (isTrustedRedirect(redirectUri, allowRedirect)) return true;
  return store.wasAnswered({ serverId, clientId: client.id, redirectUri }, now());
}

interface Shown {
  query: string;
  problem?: Problem;
  /** The form that was sent, when the page is shown again. */
  form?: Parameters;
}

async function showPage(
  options: AuthorizeOptions,
  request: Request,
  asked: AuthorizationRequest,
  { query, problem, form }: Shown,
): Promise<Response> {
  const { binding, respondWithPage, serverName, signIn, scopes } = options;
  await noteShown(options, asked.client);
  const { mark, setCookie } = binding.identify(request);
  const page = (
    <ApprovalPage
      clientName={asked.client.name}
      clientHost={asked.client.document && new URL(asked.client.id).host}
      redirectUri={asked.redirectUri}
      assistant={findAssistant(asked.redirectUri)}
      isLoopback={isLoopbackRedirect(asked.redirectUri)}
      serverName={serverName}
      resources={asked.resources}
      choices={listChoices(asked.scopes, scopes, form)}
      staysConnected={mayRefresh(asked.client, asked.scopes)}
      prompt={signIn.prompt}
      problem={problem?.text}
      query={query}
      csrf={binding.sign(mark, query)}
    />
  );
  return respondWithPage(page, problem?.status ?? 200, {
    formAction: [...new Set([...FORM_ACTION, new URL(asked.redirectUri).protocol])].join(" "),
    ...(setCookie === undefined ? {} : { "Set-Cookie": setCookie }),
    ...problem?.headers,
  });
}

/** Only a hint of which clients to keep, so the page is shown even if the store cannot be written. */
async function noteShown({ store, now, log }: AuthorizeOptions, client: Client): Promise<void> {
  if (client.wasApproved || client.document) return;
  try {
    await store.noteShown(client.id, now());
  } catch (thrown) {
    log.debug(`Could not note that the approval page was shown: ${messageOf(thrown)}`);
  }
}
