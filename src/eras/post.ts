// A POST whose messages have been read, on its way to the server.
import type { BodyLimits } from "../request-body.ts";
import { isAnonymous, type Caller } from "./caller.ts";
import type { Calls } from "./observers/observed-calls.ts";
import type { CallsInFlight } from "./calls-in-flight.ts";
import type { Dialect } from "./classify.ts";
import { invalidRequest } from "./error-response.ts";
import type { PostCalls } from "./observers/observed-call.ts";
import { findFault, readPostBody, type PostBody } from "./post-body.ts";

export interface Post extends PostBody {
  readonly request: Request;
  readonly caller: Caller;
  /** Revocations when it was let in. */
  readonly since: number;
  readonly calls: PostCalls;
}

export interface PostsOptions {
  /** The most bytes of a body. */
  maxBody: number;
  calls: Calls;
  inFlight: CallsInFlight;
  /** Called with the reason when a body is refused that is JSON. */
  report(why: string): void;
  /** Called with every response to a POST. */
  answered(request: Request, response: Response): void;
}

/**
 * Reads a POST and has it handled; observers see what becomes of its calls.
 *
 * @param classify the dialect that it is written in, or the refusal of a POST that belongs to none
 */
export type HandlePost = (
  request: Request,
  caller: Caller,
  classify: (request: Request, body: PostBody) => Dialect | Response,
  handle: (post: Post, dialect: Dialect | Response) => Response | Promise<Response>,
) => Promise<Response>;

/** The body of a caller without a token, who can do little more than look. */
const ANONYMOUS_BODY: BodyLimits = { most: 64 * 1024, within: 5_000 };
/** Any other body; a client that is slower than a modem has gone. */
const BODY = { within: 30_000, bytesPerSecond: 4 * 1024 };

export function createPosts({ maxBody, calls, inFlight, report, answered }: PostsOptions): HandlePost {
  const limits: BodyLimits = { ...BODY, most: maxBody };

  return async (request, caller, classify, handle) => {
    const since = inFlight.revocations;
    const body = await readPostBody(request, isAnonymous(caller) ? ANONYMOUS_BODY : limits, report);
    if (body instanceof Response) {
      calls.received({ request, caller, ...NO_BODY });
      return body;
    }
    const { batch, messages } = body;
    const arrival = { request, caller, batch, messages };
    calls.received(arrival);
    const dialect = classify(request, body);
    const observed = calls.open(arrival, dialect instanceof Response ? undefined : dialect);
    const post: Post = { request, caller, batch, messages, since, calls: observed };
    let status = 500;
    try {
      const response = refuseFaulty(post, report) ?? (await handle(post, dialect));
      ({ status } = response);
      answered(request, response);
      return response;
    } finally {
      observed.settle(status);
    }
  };
}

const NO_BODY: PostBody = { batch: false, messages: [] };

function refuseFaulty({ messages }: Post, report: (why: string) => void): Response | undefined {
  const wrong = findFault(messages);
  if (wrong === undefined) return undefined;
  report(wrong);
  return invalidRequest(`Invalid request: ${wrong}.`);
}
