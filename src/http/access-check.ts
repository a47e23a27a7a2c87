// Checks the access token before a handler at an MCP path sees anything of the request, and says to the handler who the
// caller is.
import type { Caller } from "../eras/caller.ts";
import type { EndpointHandler } from "../eras/endpoint.ts";
import { callerKeyOf } from "../oauth/access/principal.ts";
import type { AccessPolicy, Authentication, OAuth, Principal } from "../oauth/oauth.ts";
import type { Resource } from "./public-app.ts";
import type { RequestSlots } from "./request-slots.ts";

/** The part of the authorization server that a request to an MCP path needs. */
export type AccessCheck = Pick<OAuth, "authenticate" | "recheck" | "noteUse" | "policy">;

/** Puts the check before `handler`. @param resourcePath the resource that a token must be for, such as `/mcp` */
export type Protect = (resourcePath: string, handler: EndpointHandler) => Resource;

/** Every caller where no token is needed: one cannot be told from another. */
const OPEN_CALLER: Caller = { key: "", isValid: () => true };

/** @param access absent when no token is needed */
export function createProtect(access: AccessCheck | undefined, slots: RequestSlots): Protect {
  if (access === undefined) return (_path, handler) => (request) => handler(request, OPEN_CALLER);
  return (resourcePath, handler) => {
    const enter = (request: Request, authentication: Authentication) => {
      if (!authentication.ok) return authentication.response;
      const { principal } = authentication;
      const caller = createCaller(access, principal, request, resourcePath);
      if (principal === undefined) {
        const anonymous: Caller = { ...caller, onStream: () => slots.holdAnonymous(request) };
        return slots.withAnonymousSlot(request, () => handler(request, anonymous));
      }
      access.noteUse(principal.grantId);
      return handler(request, caller);
    };
    return (request) => {
      const authentication = access.authenticate(request, resourcePath);
      if (!(authentication instanceof Promise)) return enter(request, authentication);
      // What ended while the store was asked is not valid any more in the turn in which the request goes on.
      return authentication.then((found) =>
        enter(request, found.ok ? access.recheck(request, resourcePath) : found),
      );
    };
  };
}

/** @param principal absent for a request without a token, where that may see what there is */
function createCaller(
  access: AccessCheck,
  principal: Principal | undefined,
  request: Request,
  resourcePath: string,
): Caller {
  const { policy } = access;
  const isValid = () => access.recheck(request, resourcePath).ok;
  const refuse = () => {
    const authentication = access.recheck(request, resourcePath);
    return authentication.ok ? undefined : authentication.response;
  };
  const callerPolicy = policy && {
    looksAtHints: policy.looksAtHints && principal !== undefined,
    refuse: (call: Parameters<AccessPolicy["refuse"]>[1]) => policy.refuse(principal, call, resourcePath),
    view: (tool: Parameters<AccessPolicy["view"]>[1]) => policy.view(principal, tool),
  };
  if (principal === undefined) return { key: "", isValid, refuse, policy: callerPolicy };
  const { expiresAt } = principal;
  return { key: callerKeyOf(principal), principal, expiresAt, isValid, refuse, policy: callerPolicy };
}
