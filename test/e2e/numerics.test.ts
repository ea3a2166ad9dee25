// Machines that compute other bits, as processes: refused before they contribute, or mixed in and said so. The other machine is
// this one, held to the instructions of an older processor.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { temporaryFolder } from "../support/data.js";
import { hasTensorFlow } from "../support/engines.js";
import { SmallRun } from "../support/small-run.js";
import { killAll, Tandem, tandem } from "../support/tandem.js";

const OLDER = { ONEDNN_MAX_CPU_ISA: "AVX2" };
const FILE = "checkpoint.safetensors";

const run = new SmallRun(12);
const wasmRun = new SmallRun(12, ["--engine", "wasm"]);

/** Of this machine, or of the older one that it stands for. */
async function numericsOf(env: NodeJS.ProcessEnv): Promise<string> {
  const args = ["single", ...run.options, "--steps", "0", "--engine", "tensorflow", "--json"];
  const command = new Tandem(args, { cwd: temporaryFolder(), env });
  const numerics = await command.numerics();
  await command.ended;
  return numerics;
}

const [own, older] = hasTensorFlow ? [await numericsOf({}), await numericsOf(OLDER)] : ["", ""];
/** Without AVX-512 the older processor is this one; without the engine there is nothing that differs. */
const hasOlder = own !== older;

const olderWorker = (url: string) => new Tandem(["worker", url, "--name", "older"], { env: OLDER });

const joined = (coordinator: Tandem, name: string) =>
  coordinator.event(({ event, name: who, state }) => {
    return event === "worker" && who === name && state === "joined";
  });

afterEach(killAll);

describe.skipIf(!hasOlder)("a worker whose last bits differ", () => {
  beforeAll(() => run.prepare());

  test("is refused with what differs and what to do, and the file is that of an undisturbed run", async () => {
    const { process: coordinator, cwd } = run.start("coordinator", ["--port", "0"]);
    const url = await coordinator.url();
    const refused = await olderWorker(url).ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `its results differ in the last bits (numerics ${older.slice(0, 8)}, not ${own.slice(0, 8)}); to mix machines, start the run with --engine wasm`,
    );
    // It did not try again.
    expect(refused.stderr.trim().split("\n")).toHaveLength(2);
    const rejected = await coordinator.event(({ state }) => state === "rejected");
    expect(rejected["name"]).toBe("older");
    expect(rejected["reason"]).toContain("last bits");
    new Tandem(["worker", url]);
    const { code, stderr } = await coordinator.ended;
    expect(code, stderr).toBe(0);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });

  test("takes part with --mixed-numerics; events, file and inspect say so, after resuming as well", async () => {
    const args = ["--port", "0", "--mixed-numerics", "--steps", "6"];
    const { process: coordinator, cwd } = run.start("coordinator", args);
    const worker = olderWorker(await coordinator.url());
    const { code, stderr, events } = await coordinator.ended;
    expect(code, stderr).toBe(0);
    expect((await worker.ended).code).toBe(0);
    const mixed = { event: "mixed-numerics", since: 0, worker: "older", numerics: older };
    expect(events).toContainEqual(mixed);
    expect(stderr).toContain("from step 0 on, the results of worker older differ in the last bits");
    const file = join(cwd, FILE);
    expect(readCheckpoint(file)).toMatchObject({ mixedSince: 0, config: { numerics: own } });
    expect((await tandem(["inspect", file])).stdout).toContain("mixed numerics: from step 0 on");
    const json = await tandem(["inspect", file, "--json"]);
    expect(json.events[0]).toMatchObject({ mixedSince: 0 });

    const resumed = run.start("single", ["--resume", FILE], cwd).process;
    const end = await resumed.ended;
    expect(end.code, end.stderr).toBe(0);
    expect(end.events).toContainEqual({ event: "mixed-numerics", since: 0 });
    expect(readCheckpoint(file)).toMatchObject({ step: 12, mixedSince: 0 });
  });
});

describe.skipIf(!hasOlder)("resuming where the last bits differ", () => {
  test("is refused with the same sentence, and allowed with --mixed-numerics, from that step on", async () => {
    const { process: begun, cwd } = run.start("single", ["--steps", "6"]);
    expect((await begun.ended).code).toBe(0);
    const before = run.digest(cwd);
    const refused = await run.start("single", ["--resume", FILE], cwd, OLDER).process.ended;
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toMatch(
      /cannot be resumed on this machine: its results differ in the last bits .*--engine wasm.*--mixed-numerics/,
    );
    expect(refused.stderr.trim().split("\n")).toHaveLength(1);
    expect(run.digest(cwd)).toBe(before);

    const allowed = await run.start("single", ["--resume", FILE, "--mixed-numerics"], cwd, OLDER)
      .process.ended;
    expect(allowed.code, allowed.stderr).toBe(0);
    expect(allowed.events).toContainEqual({ event: "mixed-numerics", since: 6, numerics: older });
    const { step, mixedSince, config } = readCheckpoint(join(cwd, FILE));
    expect({ step, mixedSince, numerics: config.numerics }).toEqual({
      ...{ step: 12, mixedSince: 6 },
      numerics: own,
    });
  });
});

describe.skipIf(!hasTensorFlow)("a worker without the run's engine", () => {
  test("says so, and the coordinator reports it with the worker's own words", async () => {
    const { process: coordinator } = run.start("coordinator", [
      ...["--port", "0", "--engine", "tensorflow"],
    ]);
    const url = await coordinator.url();
    const env = { XDG_CACHE_HOME: temporaryFolder() };
    const { code, stderr } = await new Tandem(["worker", url, "--name", "bare"], { env }).ended;
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("cannot take part in the run: its engine is tensorflow");
    const rejected = await coordinator.event(({ state }) => state === "rejected");
    expect(rejected["name"]).toBe("bare");
    expect(rejected["reason"]).toMatch(/^it cannot take part.*tensorflow.*not installed/);
    new Tandem(["worker", url]);
    expect((await coordinator.ended).code).toBe(0);
  });
});

describe("with the wasm engine", () => {
  beforeAll(() => wasmRun.prepare());

  test("an older processor takes part, and the file is the same", async () => {
    const { process: coordinator, cwd } = wasmRun.start("coordinator", [
      ...["--port", "0", "--min-workers", "2", "--shards", "3"],
    ]);
    const url = await coordinator.url();
    olderWorker(url);
    await joined(coordinator, "older");
    new Tandem(["worker", url]);
    const { code, stderr, events } = await coordinator.ended;
    expect(code, stderr).toBe(0);
    expect(events.find(({ event }) => event === "start")).toMatchObject({
      config: { engine: { name: "wasm" } },
    });
    expect(events.some(({ event }) => event === "mixed-numerics")).toBe(false);
    expect(wasmRun.digest(cwd)).toBe(wasmRun.calmDigest);
  });

  test("threads of one process change no bit, and are refused where there are several", async () => {
    const { process: threaded, cwd } = wasmRun.start("single", ["--threads", "2"]);
    expect((await threaded.ended).code).toBe(0);
    expect(wasmRun.digest(cwd)).toBe(wasmRun.calmDigest);
    const local = wasmRun.start("local", ["--threads", "2"]);
    const refused = await local.process.ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/--threads 2 is for one process with the wasm engine/);
    expect(existsSync(join(local.cwd, FILE))).toBe(false);
  });

  test("a checkpoint is evaluated by either engine, and resumed by its own alone", async () => {
    const { calmFile } = wasmRun;
    const evaluate = (...args: string[]) =>
      tandem(["evaluate", calmFile, "--data", wasmRun.data, "--json", ...args]);
    const byOwn = await evaluate();
    expect(byOwn.events[0]).toMatchObject({ event: "evaluated", engine: "wasm" });
    const contradicting = ["--resume", calmFile, "--engine", "tensorflow", "--steps", "20"];
    const refused = await run.start("single", contradicting).process.ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/--engine tensorflow contradicts .* trained with wasm/);
    if (!hasTensorFlow) return;
    const byOther = await evaluate("--engine", "tensorflow");
    expect(byOther.code, byOther.stderr).toBe(0);
    const { engine, testLoss } = byOther.events[0]!;
    expect(engine).toBe("tensorflow");
    // The last bits differ, and no more.
    expect(Number(testLoss)).toBeCloseTo(Number(byOwn.events[0]!["testLoss"]), 4);
  });
});

test("where the tensorflow engine is not installed, a run uses wasm, and a worker of a tensorflow run says why it cannot", async () => {
  const missing = { XDG_CACHE_HOME: temporaryFolder() };
  const { process: alone } = run.start("single", ["--steps", "1"], temporaryFolder(), missing);
  const start = await alone.event(({ event }) => event === "start");
  expect(start).toMatchObject({ config: { engine: { name: "wasm" } } });
  const { stderr } = await alone.ended;
  expect(stderr).toContain("engine wasm");
  if (!hasTensorFlow) return;
  const { process: coordinator } = run.start("coordinator", ["--port", "0"]);
  const url = await coordinator.url();
  const worker = await new Tandem(["worker", url, "--name", "bare"], { env: missing }).ended;
  expect(worker.code).toBe(1);
  expect(worker.stderr).toMatch(/its engine is tensorflow: .*not installed/);
});
