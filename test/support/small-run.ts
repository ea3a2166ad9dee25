// A small run for fault tests: three shards, some steps, and the digest of its undisturbed result.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SMALL, temporaryFolder, writeDataset } from "./data.js";
import { writeSequential } from "./keras.js";
import { Tandem } from "./tandem.js";

const OUTPUT = "checkpoint.safetensors";
const SIDE = 16;

/**
 * As the preset `cnn`, but with fewer filters, so that tests take half the time. fc1's kernel of 1 MiB is just large enough for
 * a second gradient bucket.
 */
function writeNetwork(): string {
  const convolution = (name: string, filters: number) =>
    [
      ["Conv2D", name, { filters, kernel_size: [5, 5], padding: "same", use_bias: false }],
      ["BatchNormalization", `${name}/bn`, { axis: -1 }],
      ["MaxPooling2D", `${name}/pool`, { pool_size: [2, 2] }],
      ["Activation", `${name}/relu`, { activation: "relu" }],
    ] as const;
  return writeSequential(
    [SIDE, SIDE, 1],
    [
      ...convolution("conv1", 8),
      ...convolution("conv2", 16),
      ["Flatten", "flatten"],
      ["Dense", "fc1", { units: 1024, use_bias: false }],
      ["BatchNormalization", "fc1/bn", { axis: -1 }],
      ["Activation", "fc1/relu", { activation: "relu" }],
      ["Dense", "fc2", { units: SMALL.classes }],
    ],
  );
}

export class SmallRun {
  readonly data = writeDataset({ ...SMALL, height: SIDE, width: SIDE });
  readonly network = writeNetwork();
  readonly steps: number;
  private readonly more: readonly string[];
  calmDigest = "";
  calmFile = "";

  /** @param more options, of every command */
  constructor(steps: number, more: readonly string[] = []) {
    this.steps = steps;
    this.more = more;
  }

  get options(): string[] {
    const numbers = ["--batch-size", "10", "--shards", "3", "--eval-every", "40"];
    const data = ["--data", this.data, "--validation-size", "0", "--network", this.network];
    return [...data, ...numbers, "--steps", `${this.steps}`, ...this.more];
  }

  /** Computes the result of an undisturbed run. */
  async prepare(): Promise<void> {
    const cwd = temporaryFolder();
    const { code, stderr } = await new Tandem(["single", ...this.options], { cwd }).ended;
    if (code !== 0) throw new Error(stderr);
    this.calmDigest = this.digest(cwd);
    this.calmFile = join(cwd, OUTPUT);
  }

  start(command: string, args: string[] = [], cwd = temporaryFolder(), env = {}) {
    const process = new Tandem([command, ...this.options, "--json", ...args], { cwd, env });
    return { process, cwd };
  }

  digest(cwd: string): string {
    return createHash("sha256")
      .update(readFileSync(join(cwd, OUTPUT)))
      .digest("hex");
  }
}

export function worker(url: string, ...args: string[]): Tandem {
  return new Tandem(["worker", url, ...args]);
}
