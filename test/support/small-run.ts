// A small run for fault tests: three shards, some steps, and the digest of its undisturbed result.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SMALL, temporaryFolder, writeDataset } from "./data.js";
import { Tandem } from "./tandem.js";

const OUTPUT = "checkpoint.safetensors";

/** The smallest images for which the preset `cnn` has two gradient buckets. */
const IN_TWO_BUCKETS = { ...SMALL, height: 16, width: 16 };

export class SmallRun {
  readonly data = writeDataset(IN_TWO_BUCKETS);
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
    const data = ["--data", this.data, "--validation-size", "0"];
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
