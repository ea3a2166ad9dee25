// The faults of a storm, and their order.

/** Faults of workers and of the coordinator, and of what misbehaving peers send. */
const KINDS = [
  ...["kill", "freeze", "slow", "goodbye", "join", "duplicate", "cut frame", "altered frame"],
  ...["garbage", "coordinator killed"],
];
const RELAY_KINDS = ["relay killed", "relay frozen", "relay interrupted"];

/**
 * Plans the faults: all kinds equally often, in random order.
 * @param {number} count number of faults
 * @param {import("../../dist/shared/random.js").Random} random
 * @param {{hasLink: boolean, hasRelays: boolean}} place whether there is a link that can be cut, and whether there are relays
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
