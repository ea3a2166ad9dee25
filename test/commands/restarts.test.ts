// What process managers need of a coordinator: the same command starts and continues a run, and the end of the training need
// not be the end of the process.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/data.js";
import { SmallRun, worker } from "../support/small-run.js";
import { killAll, tandem, Tandem } from "../support/tandem.js";

afterEach(killAll);

const run = new SmallRun(200, [
  ...["--engine", "wasm", "--network", "sigmoid", "--checkpoint-every", "20"],
]);
beforeAll(() => run.prepare());

describe("--auto-resume", () => {
  test("starts, continues after a kill, and ends in the file of an undisturbed run", async () => {
    const first = run.start("single", ["--auto-resume"]);
    const { step: from } = await first.process.event(({ event }) => event === "start");
    expect(from).toBe(0);
    await first.process.event(({ event }) => event === "checkpoint");
    first.process.kill("SIGKILL");
    await first.process.ended;
    const second = run.start("single", ["--auto-resume"], first.cwd);
    const { step } = await second.process.event(({ event }) => event === "start");
    expect(step).toBeGreaterThan(0);
    expect((await second.process.ended).code).toBe(0);
    expect(run.digest(first.cwd)).toBe(run.calmDigest);
  });

  test("starts from --initial once, and then from its own checkpoint", async () => {
    const args = ["--auto-resume", "--initial", run.calmFile];
    const { process: first, cwd } = run.start("single", args);
    await first.event(({ event }) => event === "initial-weights");
    await first.event(({ event }) => event === "checkpoint");
    first.kill("SIGINT");
    expect((await first.ended).code).toBe(130);
    const { process: second } = run.start("single", args, cwd);
    const { code, events, stderr } = await second.ended;
    expect(code, stderr).toBe(0);
    expect(events.find(({ event }) => event === "start")?.["step"]).toBeGreaterThan(0);
    expect(events.some(({ event }) => event === "initial-weights")).toBe(false);
  });

  test("refuses a checkpoint of another configuration, and leaves it as it is", async () => {
    const cwd = temporaryFolder();
    const output = join(cwd, "checkpoint.safetensors");
    writeFileSync(output, readFileSync(run.calmFile));
    const args = [...run.options, "--seed", "9", "--auto-resume", "--output", output];
    const { code, stderr } = await tandem(["single", ...args], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/--seed 9 contradicts .*checkpoint\.safetensors/);
    const digest = createHash("sha256").update(readFileSync(output)).digest("hex");
    expect(digest).toBe(run.calmDigest);
  });
});

describe("--keep-page", () => {
  test("serves the finished run at the same address, with its token, until a signal", async () => {
    const token = "a-token-of-some-length";
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "token"), token);
    const args = ["--port", "0", "--token-file", "token", "--keep-page"];
    const { process: coordinator } = run.start("coordinator", args, cwd);
    const first = worker(await coordinator.url(), "--token-file", join(cwd, "token"));
    await coordinator.event(({ event }) => event === "end");
    expect((await first.ended).code).toBe(0);
    const page = await coordinator.errorOutput(/the page of the finished run: (http:\S+\/)/);
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(page + path, { headers });
    expect((await get("healthz")).status).toBe(200);
    expect((await get("readyz")).status).toBe(200);
    expect((await get("runs")).status).toBe(401);
    const runs = await get("runs", { authorization: `Bearer ${token}` });
    expect(runs.status).toBe(200);
    expect(await runs.json()).toMatchObject([{ name: "summary" }]);
    // A worker that comes too late waits for the next run.
    const late = new Tandem(["worker", page, "--token-file", join(cwd, "token"), "--json"]);
    const waiting = await late.event(({ event }) => event === "waiting");
    expect(waiting["reason"]).toContain("503");
    coordinator.kill("SIGTERM");
    expect((await coordinator.ended).code).toBe(143);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });

  test("does not hold a run that failed", async () => {
    const args = ["--port", "0", "--keep-page", "--worker-wait", "0.1"];
    const { process: coordinator } = run.start("coordinator", args);
    expect((await coordinator.ended).code).toBe(1);
  });
});
