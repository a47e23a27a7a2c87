// Groups addresses by what one attacker controls: limits count by group. An IPv6 host counts as its /64, since it has 2^64
// addresses to be counted by otherwise (CVE-2026-45364).

/**
 * The group that one attacker controls: an IPv4 address, or the /64 an IPv6 address is in (RFC 6177 §2).
 *
 * @param address as a socket or a proxy header gives it; anything else is taken as it is
 */
export function groupSource(address: string): string {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  if (!bare.includes(":") || !URL.canParse(`http://[${bare}]`)) return bare;
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...front, ...Array<string>(8 - front.length - back.length).fill("0"), ...back];
  const isMappedIpv4 = groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff";
  return isMappedIpv4 ? readIpv4(groups) : `${groups.slice(0, 4).join(":")}::/64`;
}

/**
 * The group that an attacker gets for little money, and that two people rarely share: the /24 of an IPv4 address, the /48 of an
 * IPv6 one (RFC 6177 §2).
 */
export function groupNetwork(address: string): string {
  const source = groupSource(address);
  if (source.endsWith("::/64")) return `${source.split(":").slice(0, 3).join(":")}::/48`;
  return source.replace(/^(\d+\.\d+\.\d+)\.\d+$/, "$1.0/24");
}

function readIpv4(groups: readonly string[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255])
    .join(".");
}
