// Acts on a person's decision on the approval page: a sign-in, here or at another site, and then a code (OAuth 2.1 §4.1.2);
// or a denial.
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import { refuse } from "../failure.ts";
import { groupNetwork, groupSource } from "../limits/source.ts";
import { displayClient, displayDestination } from "../pages/display.ts";
import { displayHost } from "../clients/client.ts";
import type { BrowserBinding } from "../sign-in/browser-binding.ts";
import type { SignIn, SignInAttempt, SignInOutcome } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../issuer.ts";
import type { OnGrant } from "../tokens/grant-activity.ts";
import { createSecret, hashSecret, type RandomBytes } from "../secrets.ts";
import type { Parameters } from "../wire/parameters.ts";
import { describeWait, type Problem } from "./approval-problem.ts";
import { type AuthorizationRequest, createReplyUrl, type ReplyTarget } from "./authorization-request.ts";
import type { PendingSignIn, PendingSignIns } from "./pending-sign-ins.ts";
import { keepChoices, readChoices } from "./scope-choice.ts";

export interface ApprovalOptions {
  currentSite: CurrentSite;
  serverId: string;
  signIn: SignIn;
  pending: PendingSignIns;
  binding: BrowserBinding;
  store: Store;
  now: () => number;
  random: RandomBytes;
  log: Log;
  onGrant: OnGrant;
  sourceOf(request: Request): string;
}

/** A form that this browser sent about an authorization request. */
export interface Decision {
  request: Request;
  asked: AuthorizationRequest;
  query: string;
  form: Parameters;
  /** Shows the approval page again. */
  again(problem: Problem): Response | Promise<Response>;
}

/** Where the browser comes back to when the person has signed in at another site. */
export const RETURN_PATH = "/authorize/return";

const CODE_LIFETIME_MS = 60_000;
/** Characters of an authorization request that waits for a sign-in at another site. Most servers take no longer URL. */
const MAX_QUERY = 8 * 1024;

export async function approve(options: ApprovalOptions, decision: Decision): Promise<Response> {
  const { signIn, binding, random, currentSite, sourceOf } = options;
  const { request, form } = decision;
  const attempt: SignInAttempt = {
    address: sourceOf(request),
    browser: binding.identify(request).mark,
    returnUrl: currentSite().issuer + RETURN_PATH,
    state: createSecret(random),
  };
  return settle(options, decision, attempt, await signIn.verify(form, attempt));
}

/** Goes on with an approval when the browser is back from another site. */
export async function resumeApproval(
  options: ApprovalOptions,
  decision: Decision,
  { state, mark, resume }: PendingSignIn & { state: string },
): Promise<Response> {
  return settle(options, decision, { state, browser: mark }, await resume(decision.request));
}

export function deny({ onGrant, sourceOf }: ApprovalOptions, { request, asked }: Decision): never {
  onGrant({ state: "denied", ...describeRequest(asked, sourceOf(request)) });
  return refuse({ kind: "denied" });
}

/** Sends the browser to the client with the answer. 303, so that what was typed into the form is not sent on (OAuth 2.1 §7.5.3). */
export function reply(
  currentSite: CurrentSite,
  target: ReplyTarget,
  answer: Record<string, string>,
): Response {
  return sendAway(createReplyUrl(target, currentSite().issuer, answer));
}

async function settle(
  options: ApprovalOptions,
  decision: Decision,
  { state, browser }: Pick<SignInAttempt, "state" | "browser">,
  outcome: SignInOutcome,
): Promise<Response> {
  const { signIn, pending, sourceOf, onGrant } = options;
  const { request, asked, query, form, again } = decision;
  switch (outcome.kind) {
    case "ok":
      return sendCode(options, decision, outcome.subject);
    case "redirect":
      if (query.length > MAX_QUERY)
        refuse({ kind: "bad-request", description: "The authorization request is too long." });
      pending.add(state, {
        mark: browser,
        network: groupNetwork(sourceOf(request)),
        query,
        form: keepChoices(asked.scopes, form),
        resume: outcome.resume,
      });
      return sendAway(outcome.url);
    case "wrong":
    case "wait":
      onGrant({ state: "login-failed", ...describeRequest(asked, sourceOf(request)) });
      return again(
        outcome.kind === "wait"
          ? describeWait(outcome.retryAfter)
          : { status: 401, text: signIn.prompt.wrong },
      );
  }
}

async function sendCode(
  { store, now, random, serverId, onGrant, currentSite, sourceOf }: ApprovalOptions,
  { request, asked, form }: Decision,
  subject: string,
): Promise<Response> {
  const code = createSecret(random);
  const { client, redirectUri, challenge, resources } = asked;
  const scopes = readChoices(asked.scopes, form);
  const described = describeRequest({ ...asked, scopes }, sourceOf(request));
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
  return reply(currentSite, asked, { code });
}

function describeRequest({ client, redirectUri, scopes }: AuthorizationRequest, address: string) {
  return {
    clientId: client.id,
    clientName: displayClient(client.name ?? client.id, displayHost(client.id, redirectUri)),
    scopes,
    destination: displayDestination(redirectUri),
    source: groupSource(address),
  };
}

function sendAway(url: string): Response {
  const headers = { Location: url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" };
  return new Response(null, { status: 303, headers });
}
