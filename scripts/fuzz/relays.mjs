// A live run with a relay that cannot trust any peer: proxies damage the messages between it and the coordinator, and between it and
// a worker and a relay that are connected to it; others send damaged messages to its port. The run must end in the same file, and no
// process may crash.
import { Grammar } from "./grammar.mjs";
import { randomAddress, residentMb } from "./live-run.mjs";
import { spoilingProxy } from "./spoiling-proxy.mjs";
import { visit } from "./visitors.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */
/** @typedef {import("../faults/processes.mjs").Command} Command */

const MAX_RELAY_MB = 600;
const VISITS_AT_ONCE = 5;

/** A command that is restarted when it exits. */
class RestartingCommand {
  /**
   * @param {import("./live-run.mjs").LiveRun} run
   * @param {() => Command} start
   * @param {(stderr: string, how: string) => void} onDeath
   */
  constructor(run, start, onDeath) {
    this.command = start();
    const keep = async () => {
      while (!run.isOver) {
        const { command } = this;
        const { code, signal } = await command.ended;
        if (run.isOver && signal !== null) return;
        const isFine = signal === null && [0, 1].includes(code ?? -1);
        if (!isFine || / at .*\.js:\d+|should not happen/.test(command.stderr)) {
          onDeath(command.stderr, String(code ?? signal));
        }
        if (!run.isOver) this.command = start();
      }
    };
    this.done = keep();
    void run.command.ended.then(() => this.command.kill("SIGKILL"));
  }
}

/**
 * @param {import("./live-run.mjs").Runs} runs
 * @param {Random} random
 * @param {number} spoils minimum number of damaged messages; runs are repeated until it is reached
 */
export async function fuzzRelays(runs, random, spoils) {
  const grammar = new Grammar(random);
  /** @type {Record<string, number>} */
  const counts = {};
  const total = () => Object.values(counts).reduce((sum, count) => sum + count, 0);
  let [rounds, deaths, visits, peakMb] = [0, 0, 0, 0];
  let outcome = "result unchanged";
  const onDeath = (/** @type {string} */ stderr, /** @type {string} */ how) => {
    deaths++;
    process.stderr.write(`a relay or worker ended with ${how}: ${stderr.slice(-2000)}\n`);
  };
  while (total() < spoils && outcome === "result unchanged") {
    rounds++;
    const run = await runs.coordinator(2);
    run.worker("direct");
    await run.waitForWorker("direct");
    const address = () => randomAddress(random);
    const above = await spoilingProxy(run.url, grammar, counts, address);
    // The port is fixed, so that workers find the relay again after a restart.
    const first = runs.command(relayArgs(run.url, "0"));
    const url = await first.url();
    first.kill("SIGKILL");
    await first.ended;
    const { port } = new URL(url);
    const below = await spoilingProxy(url, grammar, counts, address);
    const keepRunning = (/** @type {() => Command} */ start) =>
      new RestartingCommand(run, start, onDeath);
    const upper = keepRunning(() => runs.command(relayArgs(above.url, port)));
    const commands = [
      upper,
      keepRunning(() => runs.command(relayArgs(below.url, "0"))),
      keepRunning(() => run.worker("below", below.url)),
      keepRunning(() => run.worker("honest", url)),
    ];
    while (!run.isOver) {
      await Promise.all(Array.from({ length: VISITS_AT_ONCE }, () => visit(url, grammar, true)));
      visits += VISITS_AT_ONCE;
      peakMb = Math.max(peakMb, residentMb(upper.command.child.pid, "VmHWM") || 0);
    }
    outcome = await run.outcome();
    for (const proxy of [above, below]) proxy.close();
    await Promise.all(commands.map(({ done }) => done));
  }
  const isBounded = peakMb < MAX_RELAY_MB;
  const ways = Object.keys(counts).length;
  process.stdout.write(
    `relays: ${total()} messages spoiled (${ways} ways), ${visits} visits, ${rounds} runs of ${runs.steps} steps, ${deaths} deaths, resident memory of the relay at most ${peakMb.toFixed(0)} MB${isBounded ? "" : ", TOO MUCH"}, ${outcome}\n`,
  );
  return deaths === 0 && isBounded && outcome === "result unchanged";
}

/** @param {string} url @param {string} port */
function relayArgs(url, port) {
  return ["relay", url, "--port", port, "--retry-for", "20", "--json"];
}
