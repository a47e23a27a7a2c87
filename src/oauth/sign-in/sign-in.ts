// How a person shows, at the approval page, that they may approve: the contract of every way to sign in. Each way is a file in
// this folder, and nothing outside knows which of them is in use; app/oauth.ts picks one. attempts.ts slows down guessing for
// all of them.
//
// A way through another site answers `verify` with a redirect, whose `url` asks that site to send the browser back to `returnUrl`
// with `state`, as OAuth 2.0 and OpenID Connect do (RFC 6749 §4.1.1). The browser's return is then passed to `resume`.
import type { Parameters } from "../wire/parameters.ts";
import type { SignInPrompt } from "./prompt.ts";

export interface SignIn {
  /** The fields of the approval page. */
  readonly prompt: SignInPrompt;
  /** People who can approve; approvals by anyone else are not valid. An identity provider has no list, so only membership is asked. */
  readonly subjects: Subjects;
  /** What the person who runs the program is shown, to sign in with. */
  readonly notice: SignInNotice;
  /** Whether the secret could be guessed. Where it could not, the right one gets in, however many attempts have failed. */
  readonly isGuessable: boolean;
  /** The account that a form would sign in to, by which attempts are counted; the same for all where the form does not say. */
  accountOf(form: Parameters): string;
  /** Says neither by its outcome nor by the time it takes whether an account exists. */
  verify(form: Parameters, attempt: SignInAttempt): Promise<SignInOutcome>;
}

export interface Subjects {
  has(subject: string): boolean;
}

export interface SignInAttempt {
  /** The connecting address. */
  address: string;
  /** A secret that identifies the browser. */
  browser: string;
  /** Where another site sends the browser back to. */
  returnUrl: string;
  /** The query parameter `state` to send it back with; a new secret for each attempt. */
  state: string;
}

export type SignInOutcome =
  | { kind: "ok"; subject: string }
  | { kind: "wrong" }
  /** `retryAfter` in milliseconds. */
  | { kind: "wait"; retryAfter: number }
  | {
      kind: "redirect";
      url: string;
      /** Called at most once, with the request that the same browser makes when it comes back. */
      resume(request: Request): Promise<SignInOutcome>;
    };

/** It may hold the secret itself, so it goes to the terminal of the person who runs the program, and nowhere else. */
export type SignInNotice =
  { kind: "token"; token: string } | { kind: "password"; users: string[]; token?: string };
