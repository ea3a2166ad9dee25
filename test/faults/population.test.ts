// What happens to a run, and to `recalibrate`, while the statistics of the whole training set are computed: the file is the
// one of a run that nothing disturbs.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll, Tandem, tandem, type TandemEvent } from "../support/tandem.js";

const STEPS = 3;
/** Enough batches that a pass over them can be interrupted. */
const data = writeDataset({ trainCount: 20_000, testCount: 40, height: 12, width: 12, classes: 4 });
const options = [
  ...["--data", data, "--validation-size", "100", "--batch-size", "12", "--shards", "2"],
  ...["--steps", `${STEPS}`, "--eval-every", "0", "--json"],
];
const OTHER = { trainCount: 300, testCount: 40, height: 12, width: 12, classes: 4 };
const EXACT = ["--population", "exact"];
const FILE = "checkpoint.safetensors";

let exactFile: string;
let averageFile: string;

beforeAll(async () => {
  const train = async (...args: string[]) => {
    const cwd = temporaryFolder();
    const { code, stderr } = await tandem(["single", ...options, ...args], { cwd });
    if (code !== 0) throw new Error(stderr);
    return join(cwd, FILE);
  };
  exactFile = await train(...EXACT);
  averageFile = await train();
}, 120_000);
afterEach(killAll);

function digestOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Resolves when training is over and the statistics are being computed. */
const isAtLastStep = ({ event, step }: TandemEvent) => event === "checkpoint" && step === STEPS;

function kinds(events: readonly TandemEvent[]): string[] {
  return events.map(({ event, state }) => (event === "worker" ? `worker ${String(state)}` : event));
}

describe("a run with exact statistics", () => {
  test("has them in its checkpoint, and weights as without", () => {
    const [exact, average] = [exactFile, averageFile].map(readCheckpoint);
    expect(exact?.config.population).toBe("exact");
    for (const [index, { name, values }] of exact!.tensors.entries()) {
      const other = average!.tensors[index]!.values;
      if (/\/pop_(mean|var)$/.test(name)) expect(values).not.toEqual(other);
      else expect(values).toEqual(other);
    }
  });

  test("that loses a worker while they are computed ends in the same file", async () => {
    const cwd = temporaryFolder();
    const args = ["coordinator", "--port", "0", "--min-workers", "1", ...options, ...EXACT];
    const run = new Tandem(args, { cwd });
    const url = await run.url();
    const workers = [worker(url), worker(url), worker(url)];
    await run.event(isAtLastStep);
    workers[1]!.kill("SIGKILL");
    const { code, events, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    const all = kinds(events);
    expect(all.indexOf("worker left")).toBeGreaterThan(-1);
    expect(all.indexOf("worker left")).toBeLessThan(all.indexOf("population"));
    expect(digestOf(join(cwd, FILE))).toBe(digestOf(exactFile));
  }, 120_000);

  test("that is interrupted while they are computed has the moving average, and can be resumed", async () => {
    const cwd = temporaryFolder();
    const run = new Tandem(["single", ...options, ...EXACT], { cwd });
    await run.event(isAtLastStep);
    run.kill("SIGINT");
    const { code, events, stderr } = await run.ended;
    expect(code, stderr).toBe(130);
    expect(kinds(events)).not.toContain("population");
    const interrupted = readCheckpoint(join(cwd, FILE));
    expect(interrupted.step).toBe(STEPS);
    expect(digestOf(join(cwd, FILE))).not.toBe(digestOf(exactFile));
    const resume = ["local", "--workers", "2", ...options, ...EXACT, "--resume", FILE];
    const resumed = await tandem(resume, { cwd });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(kinds(resumed.events)).toContain("population");
    expect(digestOf(join(cwd, FILE))).toBe(digestOf(exactFile));
  }, 120_000);
});

describe("recalibrate", () => {
  test.each([[[]], [["--workers", "2"]]])(
    "with %j writes the file of a run that had asked for exact statistics",
    async (args) => {
      const cwd = temporaryFolder();
      const before = digestOf(averageFile);
      const { code, events, stderr } = await tandem(
        [
          "recalibrate",
          averageFile,
          "--data",
          data,
          "--output",
          "new.safetensors",
          "--json",
          ...args,
        ],
        { cwd },
      );
      expect(code, stderr).toBe(0);
      const last = { event: "recalibrated", path: "new.safetensors", samples: 19_900 };
      expect(events.at(-1)).toEqual(last);
      expect(digestOf(join(cwd, "new.safetensors"))).toBe(digestOf(exactFile));
      expect(digestOf(averageFile)).toBe(before);
    },
    120_000,
  );

  test("that is interrupted writes nothing", async () => {
    const cwd = temporaryFolder();
    const args = ["recalibrate", averageFile, "--data", data, "--output", "new.safetensors"];
    const run = new Tandem([...args, "--workers", "1", "--json"], { cwd });
    await run.event(({ event, state }) => event === "worker" && state === "joined");
    run.kill("SIGTERM");
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(143);
    expect(existsSync(join(cwd, "new.safetensors"))).toBe(false);
  }, 60_000);

  test("writes a checkpoint that a run can resume from", async () => {
    const cwd = temporaryFolder();
    const resume = ["single", ...options, "--steps", `${STEPS + 1}`, "--resume", exactFile];
    const { code, events, stderr } = await tandem(resume, { cwd });
    expect(code, stderr).toBe(0);
    expect(events.at(-1)).toMatchObject({ event: "end", step: STEPS + 1 });
    expect(readCheckpoint(join(cwd, FILE)).config.population).toBe("exact");
  }, 60_000);

  test.each([
    ["its own input", () => ["--data", data, "--output", averageFile], /is also the checkpoint/],
    ["no output", () => ["--data", data], /--output/],
    [
      "a file that is not a checkpoint",
      () => ["--data", data, "--output", join(data, "train-labels-idx1-ubyte")],
      /is also a file of the data/,
    ],
    [
      "other data",
      () => ["--data", writeDataset(OTHER), "--output", "new.safetensors"],
      /was not trained on this data/,
    ],
  ])("refuses %s", async (_what, args, sentence) => {
    const before = digestOf(averageFile);
    const cwd = temporaryFolder();
    const { code, stderr } = await tandem(["recalibrate", averageFile, ...args()], { cwd });
    expect(stderr).toMatch(sentence);
    expect(code).toBe(2);
    expect(digestOf(averageFile)).toBe(before);
  });

  test("refuses a network that has no statistics", async () => {
    const cwd = temporaryFolder();
    const plain = ["single", ...options, "--network", "sigmoid-plain"];
    expect((await tandem(plain, { cwd })).code).toBe(0);
    const args = ["recalibrate", FILE, "--data", data, "--output", "new.safetensors"];
    const { code, stderr } = await tandem(args, { cwd });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no batch-norm layers/)]);
  });
});
