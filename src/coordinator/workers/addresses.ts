// The URLs at which a coordinator can be reached. A wildcard such as 0.0.0.0 can be listened on but not connected to.
import { networkInterfaces } from "node:os";

const WILDCARDS: Record<string, { family: "IPv4" | "IPv6"; loopback: string }> = {
  "0.0.0.0": { family: "IPv4", loopback: "127.0.0.1" },
  "::": { family: "IPv6", loopback: "::1" },
};

/**
 * @param host the host that the coordinator listens on
 * @returns at least one URL; for a wildcard, the loopback URL followed by one for each address of this machine
 */
export function reachableUrls(
  scheme: "ws" | "wss",
  host: string,
  port: number,
  interfaces = networkInterfaces(),
): string[] {
  const wildcard = WILDCARDS[host];
  if (!wildcard) return [urlOf(scheme, host, port)];
  const others = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    // The IPv6 wildcard accepts IPv4 too. Link-local addresses are excluded: they need a zone, which differs between machines.
    .filter(
      ({ family, internal }) => !internal && (family === "IPv4" || family === wildcard.family),
    )
    .map(({ address }) => address)
    .filter((address) => !address.toLowerCase().startsWith("fe80:"));
  return [wildcard.loopback, ...new Set(others)].map((address) => urlOf(scheme, address, port));
}

function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
