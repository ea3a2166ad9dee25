// The report that a storm prints at its end.

/**
 * @param {object} storm
 * @param {string} storm.settings
 * @param {number} storm.seconds
 * @param {Record<string, number>} storm.counts faults by kind
 * @param {number} storm.missing number of faults that were not inflicted before the run ended
 * @param {number} storm.longestStallMs longest time between two steps
 * @param {number} storm.stepsAgain number of repeated steps
 * @param {number} storm.backups
 * @param {number | undefined} storm.relayJoins workers that joined through relays
 * @param {{calm: string, storm: string}} storm.digests
 */
export function stormText({ settings, seconds, counts, missing, digests, ...storm }) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return [
    `${settings}: ${total} faults in ${seconds.toFixed(0)} s`,
    ...Object.entries(counts).map(([kind, count]) => `  ${kind.padEnd(20)}${count}`),
    `longest stall        ${(storm.longestStallMs / 1000).toFixed(1)} s`,
    `steps done again     ${storm.stepsAgain} (after the coordinator was killed)`,
    `backup tasks         ${storm.backups}`,
    ...(storm.relayJoins === undefined ? [] : [`joined by relays     ${storm.relayJoins}`]),
    `calm digest          ${digests.calm}`,
    `storm digest         ${digests.storm}`,
    digests.calm === digests.storm ? "the same file" : "NOT the same file",
    ...(missing > 0 ? [`the run ended before the last ${missing} faults`] : []),
    "",
  ].join("\n");
}
