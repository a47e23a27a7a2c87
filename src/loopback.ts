// The one place that says which host names stay on this machine: `localhost` and the addresses of the loopback interface
// (RFC 6890; RFC 8252 §7.3). Other names below `.localhost` are not among them: not every resolver keeps those here.

/** @param hostname as a URL has it, with or without the brackets of an IPv6 address */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|::1|\[::1\]|127(?:\.\d{1,3}){3})$/i.test(hostname);
}
