// Real runs for the fuzzer: a coordinator with honest workers, and the expected final file.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, digestOf } from "../faults/processes.mjs";
import { writeSmallData } from "./small-data.mjs";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/** A random loopback address, so that a ban of one peer does not affect the next one. */
export function randomAddress(/** @type {Random} */ random) {
  return `127.${1 + random.below(250)}.${random.below(250)}.${1 + random.below(250)}`;
}

/** @param {number | undefined} pid @param {"VmRSS" | "VmHWM"} [field] current or peak memory */
export function residentMb(pid, field = "VmRSS") {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  } catch {
    return NaN;
  }
}

export class Runs {
  /** @param {number} steps of every run @param {string} batchNorm ghost or sync */
  constructor(steps, batchNorm) {
    this.steps = steps;
    this.folder = mkdtempSync(join(tmpdir(), "tandem-fuzz-"));
    const data = join(this.folder, "data");
    writeSmallData(data);
    this.training = [
      ...["--data", data, "--validation-size", "0", "--batch-size", "10", "--shards", "2"],
      ...["--steps", `${steps}`, "--eval-every", "20", "--batch-norm", batchNorm],
    ];
    this.started = 0;
    /** @type {Set<Command>} */
    this.commands = new Set();
    /** @type {Promise<string> | undefined} */
    this.calm = undefined;
  }

  /** @param {string[]} args */
  command(args) {
    const command = new Command(args, { cwd: this.folder });
    this.commands.add(command);
    return command;
  }

  /** The digest of the final file without disturbance. */
  calmDigest() {
    return (this.calm ??= this.train());
  }

  async train() {
    const file = join(this.folder, "calm.safetensors");
    const calm = this.command(["single", ...this.training, "--output", file]);
    if ((await calm.ended).code !== 0) throw new Error(calm.stderr);
    return digestOf(file);
  }

  /** @param {number} minWorkers */
  async coordinator(minWorkers) {
    const output = join(this.folder, `run-${this.started++}.safetensors`);
    const command = this.command([
      ...["coordinator", ...this.training, "--port", "0", "--json", "--output", output],
      ...["--min-workers", `${minWorkers}`],
    ]);
    return new LiveRun(this, command, output, await command.url());
  }

  close() {
    for (const command of this.commands) command.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class LiveRun {
  /** @param {Runs} runs @param {Command} command @param {string} output @param {string} url */
  constructor(runs, command, output, url) {
    this.runs = runs;
    this.command = command;
    this.output = output;
    this.url = url;
    this.isOver = false;
    void command.ended.then(() => (this.isOver = true));
  }

  /** @param {string} name @param {string} [url] */
  worker(name, url = this.url) {
    return this.runs.command(["worker", url, "--name", name]);
  }

  /** @param {string} name of the worker that is waited for */
  async waitForWorker(name) {
    await this.command.event((event) => event.event === "worker" && event["name"] === name);
  }

  /** How the run ended, in words; only success contains "unchanged". */
  async outcome() {
    const { code, signal } = await this.command.ended;
    if (code !== 0) {
      process.stderr.write(`${this.command.stderr.slice(-2000)}\n`);
      return `DEAD (${code ?? signal})`;
    }
    const isSame = digestOf(this.output) === (await this.runs.calmDigest());
    return isSame ? "result unchanged" : "result CHANGED";
  }
}
