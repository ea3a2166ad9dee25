// Which faults a storm consists of.

/** To workers, to the coordinator, and what a peer that misbehaves sends. */
const KINDS = [
  ...["kill", "freeze", "slow", "goodbye", "join", "duplicate", "cut frame", "altered frame"],
  ...["garbage", "coordinator killed"],
];
const RELAY_KINDS = ["relay killed", "relay frozen", "relay interrupted"];

/**
 * Every kind as often as every other, in a random order.
 * @param {number} count of faults
 * @param {import("../../dist/shared/random.js").Random} random
 * @param {{hasLink: boolean, hasRelays: boolean}} place a link that can be cut; relays
 */
export function planFaults(count, random, { hasLink, hasRelays }) {
  const kinds = [...KINDS, ...(hasLink ? ["link down"] : []), ...(hasRelays ? RELAY_KINDS : [])];
  const plan = Array.from({ length: count }, (_, index) => kinds[index % kinds.length] ?? "kill");
  for (let last = plan.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [plan[last], plan[other]] = [plan[other] ?? "kill", plan[last] ?? "kill"];
  }
  return plan;
}
