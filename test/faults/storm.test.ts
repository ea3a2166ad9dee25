// Short runs of the scripts behind docs/reliability.md: they must keep working, and their results must keep holding.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = (name: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [
    fileURLToPath(new URL(`../../scripts/${name}.mjs`, import.meta.url)),
    ...args,
  ]);

test("a storm of every kind of fault ends in the undisturbed run's file", async () => {
  const { stdout } = await script("chaos", "--steps", "90", "--faults", "12", "--seed", "5");
  expect(stdout).toContain("the same file");
}, 240_000);

test("a storm that also kills, freezes and interrupts relays ends in the undisturbed run's file", async () => {
  const sizes = ["--steps", "60", "--faults", "14", "--seed", "6", "--workers", "4"];
  const { stdout } = await script("chaos", "--relays", "2", ...sizes);
  expect(stdout).toContain("the same file");
  expect(stdout).toMatch(/relay killed +[1-9]/);
  // Some workers joined through a relay more than once.
  expect(Number(/joined by relays +(\d+)/.exec(stdout)?.[1])).toBeGreaterThan(4);
}, 240_000);

test("under churn each sample of each step counts once, and no bit changes", async () => {
  const sizes = ["--workers", "4", "--samples", "5", "--compute-ms", "5"];
  const times = ["--seconds", "4", "--stretch", "4", "--every", "1"];
  const { stdout } = await script("scale/churn", ...sizes, ...times);
  expect(stdout).toMatch(/deaths +4\n/);
  expect(stdout).toContain("0 too many or too few; by the checkpoint 0");
  expect(stdout).toContain("the same file as the undisturbed run's");
}, 120_000);

test("a checkpoint whose writer is killed at any moment is the old or the new one", async () => {
  const { stdout } = await script("kill-writes", "--kills", "12");
  expect(stdout).toContain("anything else 0 times");
}, 120_000);

test("damaged messages are refused, and do not affect a live coordinator", async () => {
  const args = ["--inputs", "30000", "--connections", "300", "--seed", "3", "--steps", "60"];
  // The relays' part is skipped, as each of its runs takes minutes.
  const live = ["--answers", "20", "--messages", "150", "--relayed", "0", "--hostile", "6"];
  const { stdout } = await script("fuzz", ...args, ...live);
  expect(stdout).toContain("0 finds");
  expect(stdout.match(/result unchanged/g)).toHaveLength(3);
  expect(stdout).toContain("0 deaths");
}, 300_000);
