// Which addresses a URL that a stranger chose may lead to: those of the public internet, and no others
// (CIMD draft §8.6; RFC 6890 and the IANA special-purpose address registries; MCP security best practices, "SSRF").
// Works on addresses after name resolution, never on host names, and denies what it does not know.
import { BlockList, isIP } from "node:net";

/** Everything in the IANA registry that is not plain unicast of the internet. */
const SPECIAL_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];
/** Global unicast; what lies outside (mapped, translated, local, multicast) is never public. */
const GLOBAL_IPV6 = ["2000::/3"];
/** Teredo and 6to4 among them, which have an IPv4 address inside. */
const SPECIAL_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];

export interface AddressGuard {
  /** @param address an IPv4 or IPv6 address; anything else is not public */
  isPublic(address: string): boolean;
}

export function createAddressGuard(): AddressGuard {
  const special = createList([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
  const global = createList(GLOBAL_IPV6);
  return {
    isPublic(address) {
      switch (isIP(address)) {
        case 4:
          return !special.check(address, "ipv4");
        case 6:
          return global.check(address, "ipv6") && !special.check(address, "ipv6");
        default:
          return false;
      }
    },
  };
}

function createList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", prefix] = subnet.split("/");
    list.addSubnet(network, Number(prefix), isIP(network) === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
