// A coordinator, relays and workers, each node in a network namespace with a cable of its own, of limited rate: what goes through
// the coordinator's cable, and how long steps take. Ready-made workers share one process in this machine's own network: their cables,
// which carry one worker's share each, are not limited. Real workers have limited cables of their own.
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

/** The coordinator and the relays. @param {FanOuts} fanOuts */
export function nodeCountOf(fanOuts) {
  return fanOuts.reduce(
    ({ nodes, width }, fanOut) => ({ nodes: nodes + width, width: width * fanOut }),
    {
      ...{ nodes: 0, width: 1 },
    },
  ).nodes;
}

/** Processor time of this machine that was idle, and all of it; in ticks. */
function processorTicks() {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return {
    idle: (ticks[3] ?? 0) + (ticks[4] ?? 0),
    all: ticks.reduce((sum, tick) => sum + tick, 0),
  };
}

/** What has gone through a namespace's cable, as this machine sees it; in MB. @param {Namespace} place */
function movedThrough({ cable }) {
  const read = (/** @type {string} */ what) =>
    Number(readFileSync(`/sys/class/net/${cable}/statistics/${what}`, "utf8")) / 1e6;
  return { up: read("tx_bytes"), down: read("rx_bytes") };
}

export class TreeNetwork {
  /** @param {number} nodeCount namespaces to make, for coordinators, relays and real workers */
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
   * Trains on a tree, and looks at the steps after the first few.
   * @param {object} run
   * @param {FanOuts} run.fanOuts
   * @param {string} run.rate of each cable, such as "1gbit"; "" where it is not limited
   * @param {number} run.samples per worker and step
   * @param {number} run.computeMs what a ready-made answer takes; unused where workers are real
   * @param {boolean} run.isReal
   * @param {{warmUp: number, measured: number}} run.steps
   * @returns median ms per step; MB per step through the coordinator's cable, with a header for each packet that the system passes on, which is many frames; the share of
   * this machine's processor time that was idle
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
    const looks = [];
    const noteStep = (/** @type {import("../faults/processes.mjs").RunEvent} */ event) => {
      if (event.event !== "step") return;
      const step = Number(event["step"]);
      if (step < steps.warmUp || step > last) return;
      ends.push(performance.now());
      if (step === steps.warmUp || step === last) {
        looks.push({ moved: movedThrough(root), ticks: processorTicks() });
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
      const [before, after] = looks;
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
