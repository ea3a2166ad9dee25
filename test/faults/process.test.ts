// Signals, parents that die, disks that fail: a run leaves no processes behind and loses no state.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { temporaryFolder } from "../support/data.js";
import { isAlive } from "../support/processes.js";
import { SmallRun } from "../support/small-run.js";
import { killAll, type Tandem, tandem } from "../support/tandem.js";

const run = new SmallRun(150);
const endless = new SmallRun(1_000_000);

beforeAll(() => run.prepare());
afterEach(killAll);

function childrenOf(parent: Tandem): number[] {
  const all = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return all
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent.process.pid)
    .map(([pid]) => pid ?? 0)
    .filter((pid) => existsSync(`/proc/${pid}/cmdline`) && isWorker(pid));
}

function isWorker(pid: number): boolean {
  return execFileSync("ps", ["-o", "args=", "-p", `${pid}`], { encoding: "utf8" }).includes(
    "worker",
  );
}

/** Waits for processes to be gone, up to a deadline; polls in every turn of the event loop. */
async function expectGone(pids: number[], deadlineMs = 5_000) {
  const end = performance.now() + deadlineMs;
  while (pids.some(isAlive) && performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(pids.filter(isAlive)).toEqual([]);
}

describe("local", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "after %s writes a checkpoint, ends its workers and exits with %i",
    async (signal, code) => {
      const { process: local, cwd } = endless.start("local", ["--workers", "3"]);
      await local.step(5);
      const children = childrenOf(local);
      expect(children).toHaveLength(3);
      const startMs = performance.now();
      local.kill(signal);
      // A terminal that closes sends it twice.
      if (signal === "SIGHUP") local.kill(signal);
      const ended = await local.ended;
      expect(ended.code).toBe(code);
      expect(performance.now() - startMs).toBeLessThan(5_000);
      const lastStep = ended.events.filter(({ event }) => event === "step").at(-1)?.["step"];
      expect(readCheckpoint(join(cwd, "checkpoint.safetensors")).step).toBe(Number(lastStep) + 1);
      await expectGone(children);
    },
  );

  test("killed by SIGKILL leaves no worker behind", async () => {
    const { process: local } = endless.start("local", ["--workers", "2"]);
    await local.step(5);
    const children = childrenOf(local);
    local.kill("SIGKILL");
    await local.ended;
    await expectGone(children);
  });

  test("killed by SIGKILL while a worker is stopped leaves none behind once that worker continues", async () => {
    const { process: local } = endless.start("local", ["--workers", "2"]);
    await local.step(5);
    const children = childrenOf(local);
    process.kill(children[0]!, "SIGSTOP");
    local.kill("SIGKILL");
    await local.ended;
    process.kill(children[0]!, "SIGCONT");
    await expectGone(children);
  });

  test("admits no worker without the run's token", async () => {
    const { process: local } = endless.start("local", ["--workers", "1"], undefined, {
      TANDEM_TOKEN: "",
    });
    const guest = await tandem(["worker", await local.url()], { env: { TANDEM_TOKEN: "" } });
    expect(guest.code).toBe(1);
    expect(guest.stderr).toContain("the token is missing or wrong");
    const [child] = childrenOf(local);
    expect(execFileSync("ps", ["-o", "args=", "-p", `${child}`], { encoding: "utf8" })).not.toMatch(
      /[0-9a-f]{64}/,
    );
  });

  test("restarts a killed worker, and the result is that of an undisturbed run", async () => {
    const { process: local, cwd } = run.start("local", ["--workers", "2"]);
    await local.step(10);
    for (const pid of childrenOf(local)) process.kill(pid, "SIGKILL");
    await local.event((event) => event["state"] === "left");
    const { code, events } = await local.ended;
    expect(code).toBe(0);
    expect(events.filter((event) => event["state"] === "joined").length).toBeGreaterThan(2);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });

  test("with a frozen worker still ends within seconds", async () => {
    const { process: local } = endless.start("local", ["--workers", "2"]);
    await local.step(5);
    const children = childrenOf(local);
    process.kill(children[0]!, "SIGSTOP");
    local.kill("SIGINT");
    expect((await local.ended).code).toBe(130);
    await expectGone(children);
  });
});

test("a second interrupt ends the run immediately, also while it waits for workers", async () => {
  const { process: coordinator } = endless.start("coordinator", ["--port", "0"]);
  await coordinator.event((event) => event.event === "waiting");
  coordinator.kill("SIGINT");
  coordinator.kill("SIGINT");
  expect((await coordinator.ended).code).toBe(130);
});

describe("an output folder that disappears", () => {
  const lose = async (cwd: string, args: string[]) => {
    const folder = join(cwd, "out");
    mkdirSync(folder);
    const output = ["--output", "out/c.safetensors", "--checkpoint-every", "20"];
    const { process: single } = run.start("single", [...output, ...args], cwd);
    await single.event((event) => event.event === "checkpoint");
    renameSync(folder, join(cwd, "gone"));
    await single.event((event) => event.event === "checkpoint-failed");
    return { single, folder };
  };

  test("does not stop the run; when it is back, the newest state is written", async () => {
    const cwd = temporaryFolder();
    const { single, folder } = await lose(cwd, []);
    renameSync(join(cwd, "gone"), folder);
    expect((await single.ended).code).toBe(0);
    expect(readCheckpoint(join(folder, "c.safetensors")).step).toBe(run.steps);
    expect(readdirSync(folder)).toEqual(["c.safetensors"]);
  });

  test("for good is reported at the end, by exit code 1", async () => {
    const cwd = temporaryFolder();
    const { single } = await lose(cwd, []);
    const { code, stderr, events } = await single.ended;
    expect(code).toBe(1);
    expect(stderr).toContain("out/c.safetensors");
    expect(events.filter(({ event }) => event === "step")).toHaveLength(run.steps);
  });
});
