// A coordinator, relays and workers, each node in a network namespace with its own cable of limited rate; measures the traffic
// through the coordinator's cable and the duration of steps. Ready-made workers share one process outside the namespaces: their
// links, which would carry one worker's traffic each, are not limited. Real workers have their own limited cables.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Namespace } from "../faults/namespace.mjs";
import { Command, ROOT } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { median } from "../figures.mjs";

const READY_MADE = join(ROOT, "scripts/scale/ready-made.mjs");
const FORWARDING = "/proc/sys/net/ipv4/ip_forward";

/**
 * Children of the coordinator, children of each of those, and so on: [8] is a star of 8, [2, 4] two relays with 4 workers each.
 * @typedef {readonly number[]} FanOuts
 */

/** @param {FanOuts} fanOuts */
export const workerCountOf = (fanOuts) => fanOuts.reduce((product, fanOut) => product * fanOut, 1);

/** Number of nodes that are not workers: the coordinator and the relays. @param {FanOuts} fanOuts */
export function nodeCountOf(fanOuts) {
  return fanOuts.reduce(
    ({ nodes, width }, fanOut) => ({ nodes: nodes + width, width: width * fanOut }),
    {
      ...{ nodes: 0, width: 1 },
    },
  ).nodes;
}

/** This machine's idle and total processor time, in ticks. */
function processorTicks() {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return {
    idle: (ticks[3] ?? 0) + (ticks[4] ?? 0),
    all: ticks.reduce((sum, tick) => sum + tick, 0),
  };
}

/** Traffic through a namespace's cable so far, in MB. @param {Namespace} place */
function movedThrough({ cable }) {
  const read = (/** @type {string} */ what) =>
    Number(readFileSync(`/sys/class/net/${cable}/statistics/${what}`, "utf8")) / 1e6;
  return { up: read("tx_bytes"), down: read("rx_bytes") };
}

export class TreeNetwork {
  /** @param {number} nodeCount number of namespaces to create, for the coordinator, relays and real workers */
  constructor(nodeCount) {
    if (readFileSync(FORWARDING, "utf8").trim() !== "1") {
      execFileSync("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    }
    this.places = Array.from({ length: nodeCount }, () => new Namespace());
    for (const place of this.places) place.routeOut();
  }

  remove() {
    for (const place of this.places) place.remove();
  }

  /**
   * Trains on a tree, and measures the steps after the warm-up.
   * @param {object} run
   * @param {FanOuts} run.fanOuts
   * @param {string} run.rate of each cable, such as "1gbit"; "": not limited
   * @param {number} run.samples per worker and step
   * @param {number} run.computeMs delay of a ready-made answer; not used with real workers
   * @param {boolean} run.isReal whether the workers compute
   * @param {{warmUp: number, measured: number}} run.steps
   * @returns median ms per step; MB per step through the coordinator's cable, where a header counts once per packet of the operating
   * system, which may be many Ethernet frames; the idle share of this machine's processor time
   */
  async measure({ fanOuts, rate, samples, computeMs, isReal, steps }) {
    const workers = workerCountOf(fanOuts);
    const unused = [...this.places];
    const take = () => {
      const place = unused.shift();
      if (!place) throw new RangeError("more nodes than namespaces");
      if (rate !== "") place.limit(rate, "256k");
      return place;
    };
    const folder = temporaryFolder("tandem-tree-");
    const root = take();
    const listen = ["--host", "0.0.0.0", "--insecure", "--port", "0", "--json"];
    const last = steps.warmUp + steps.measured;
    const coordinator = new Command(
      [
        ...["coordinator", ...listen, "--broadcast", "weights", "--min-workers", `${workers}`],
        ...["--shards", `${workers}`, "--batch-size", `${workers * samples}`],
        ...["--steps", `${last + 2}`, "--eval-every", "0", "--checkpoint-every", "0"],
      ],
      { cwd: folder, prefix: root.prefix, onEvent: (event) => noteStep(event) },
    );
    /** @type {number[]} */
    const ends = [];
    /** @type {{moved: {up: number, down: number}, ticks: {idle: number, all: number}}[]} */
    const readings = [];
    const noteStep = (/** @type {import("../faults/processes.mjs").RunEvent} */ event) => {
      if (event.event !== "step") return;
      const step = Number(event["step"]);
      if (step < steps.warmUp || step > last) return;
      ends.push(performance.now());
      if (step === steps.warmUp || step === last) {
        readings.push({ moved: movedThrough(root), ticks: processorTicks() });
      }
    };
    /** @type {{kill: (signal: NodeJS.Signals) => void}[]} */
    const processes = [coordinator];
    try {
      const addressOf = async (/** @type {Command} */ node, /** @type {Namespace} */ place) =>
        `ws://${place.address}:${new URL(await node.url()).port}`;
      let parents = [await addressOf(coordinator, root)];
      for (const fanOut of fanOuts.slice(0, -1)) {
        const above = parents.flatMap((parent) => Array(fanOut).fill(parent));
        parents = await Promise.all(
          above.map((parent) => {
            const place = take();
            const relay = new Command(["relay", parent, ...listen], { prefix: place.prefix });
            processes.push(relay);
            return addressOf(relay, place);
          }),
        );
      }
      if (isReal) {
        for (let number = 0; number < workers; number++) {
          const parent = parents[Math.floor((number * parents.length) / workers)] ?? "";
          processes.push(new Command(["worker", parent], { prefix: take().prefix, cwd: folder }));
        }
      } else {
        const args = [parents.join(","), `${workers}`, "0", "1", `${computeMs}`];
        const readyMade = spawn(process.execPath, [READY_MADE, ...args], { stdio: "ignore" });
        processes.push({ kill: (signal) => readyMade.kill(signal) });
      }
      await coordinator.event(({ event, step }) => event === "step" && step === last);
      const [before, after] = readings;
      if (!before || !after) throw new Error("steps were missed");
      const perStep = (/** @type {"up" | "down"} */ way) =>
        (after.moved[way] - before.moved[way]) / steps.measured;
      const idle = after.ticks.idle - before.ticks.idle;
      return {
        ms: median(ends.slice(1).map((end, index) => end - (ends[index] ?? NaN))),
        ...{ up: perStep("up"), down: perStep("down") },
        idle: idle / (after.ticks.all - before.ticks.all),
      };
    } finally {
      for (const each of processes) each.kill("SIGKILL");
      await coordinator.ended;
    }
  }
}
