// A job of a real Slurm ends in the file of `single`, also when a worker's step is cancelled or the job is requeued.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/check/slurm.mjs", import.meta.url));

test("the batch scripts of deploy/slurm", async (context) => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT]);
  context.skip(stdout.startsWith("skipped"), stdout.trim());
  expect(stdout).not.toContain("DIFFERENT");
  expect(stdout.match(/the same$/gm), stdout).toHaveLength(7);
}, 900_000);
