// Tandem's own runs for the benchmarks: what a step takes in one process, with workers on this machine, and across a network.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command, ROOT } from "../faults/processes.mjs";
import { median } from "../figures.mjs";
import { runOnCables } from "./cables.mjs";

const run = promisify(execFile);

/** @typedef {{gigaflops: number, stepMs: number, kernels: [string, number][]}} Profile */

export class TandemRuns {
  /**
   * @param {object} options
   * @param {string} options.folder for the runs' files
   * @param {string[]} options.training options of every run
   * @param {number} options.steps that are measured
   * @param {number} options.warmUp steps before those
   */
  constructor(options) {
    this.options = options;
  }

  /** The median of the steps after the warm-up. @param {Command} command that has ended */
  stepMs(command) {
    return median(durationsOf(command).slice(this.options.warmUp));
  }

  /** @param {string} threads @param {string[]} engine options */
  async singleStepMs(threads, engine = []) {
    const { folder, training } = this.options;
    const args = ["single", ...training, "--threads", threads, ...engine];
    const command = new Command(args, { cwd: folder });
    await command.ended;
    return this.stepMs(command);
  }

  /** @param {string} threads */
  async residualStepMs(threads) {
    const { steps, warmUp } = this.options;
    const script = join(ROOT, "scripts/bench/residual.mjs");
    const { stdout } = await run(process.execPath, [
      ...[script, threads, "50"],
      ...[`${steps}`, `${warmUp}`],
    ]);
    return /** @type {{step: number}} */ (JSON.parse(stdout)).step;
  }

  /**
   * Milliseconds per step, and from starting the command to the end of the first step.
   * @param {string} broadcast
   * @param {string[]} more options
   */
  async localStep(broadcast, more = []) {
    const { folder, training } = this.options;
    const startMs = performance.now();
    let firstStepMs = 0;
    const command = new Command(
      ["local", "--workers", "2", "--broadcast", broadcast, ...more, ...training],
      {
        cwd: folder,
        onEvent: ({ event }) => {
          if (event === "step" && firstStepMs === 0) firstStepMs = performance.now() - startMs;
        },
      },
    );
    await command.ended;
    return { step: this.stepMs(command), firstStep: firstStepMs };
  }

  /** @param {string} rate @param {string} broadcast @param {string[]} more options */
  async networkStep(rate, broadcast, more = []) {
    const { folder, training, steps, warmUp } = this.options;
    const { coordinator, ...rest } = await runOnCables({
      ...{ rate, broadcast, folder, counts: { steps, warmUp } },
      training: [...training, ...more],
    });
    return { step: this.stepMs(coordinator), ...rest };
  }

  /** The time of an evaluation: steps with one, minus steps without. @param {string} threads */
  async evaluationMs(threads) {
    const { folder } = this.options;
    const args = ["single", "--steps", "12", "--eval-every", "2", "--threads", threads, "--json"];
    const command = new Command(args, { cwd: folder });
    await command.ended;
    const times = durationsOf(command);
    const medianOf = (/** @type {number} */ rest) =>
      median(times.filter((_, step) => step > 1 && step % 2 === rest));
    return medianOf(0) - medianOf(1);
  }
}

/** @param {string} threads @returns {Promise<Profile>} */
export async function profileSingle(threads) {
  const script = join(ROOT, "scripts/bench/kernels.mjs");
  const { stdout } = await run(process.execPath, [script, threads, "60"]);
  return JSON.parse(stdout);
}

/** @param {Command} command */
function durationsOf(command) {
  return command.events
    .filter(({ event }) => event === "step")
    .map((event) => Number(event["durationMs"]));
}
