// The worker processes of `local`, with a fake clock and fake processes.
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LocalWorkers } from "../../src/coordinator/workers/local-workers.js";

class Child extends EventEmitter {
  readonly pid: number | undefined;
  exitCode: number | null = null;
  signalCode: string | null = null;
  readonly stdin: EventEmitter | undefined;
  readonly stderr: EventEmitter | undefined;
  readonly kill = vi.fn((signal: string) => {
    this.signalCode = signal;
    this.emit("close", null, signal);
    return true;
  });

  /** @param isRunning false: no process and no streams, as after EMFILE */
  constructor(isRunning = true) {
    super();
    this.pid = isRunning ? 1 : undefined;
    this.stdin = isRunning ? new EventEmitter() : undefined;
    this.stderr = isRunning ? new EventEmitter() : undefined;
  }

  exit(code: number): void {
    this.exitCode = code;
    this.emit("close", code, null);
  }
}

function shortage(code: string): Error {
  return Object.assign(new Error(`spawn node ${code}`), { code });
}

function start(count: number, make: () => Child = () => new Child()) {
  const children: Child[] = [];
  const spawned: { args: string[]; options: SpawnOptions }[] = [];
  const problems: string[] = [];
  const fail = vi.fn();
  const workers = new LocalWorkers(
    "the-secret",
    (text) => problems.push(text),
    (_program, args, options) => {
      spawned.push({ args, options });
      const child = make();
      children.push(child);
      return child as unknown as ChildProcess;
    },
  );
  workers.start("ws://127.0.0.1:1", count, fail);
  return { workers, children, spawned, problems, fail };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

test("workers get the token in their environment, not on their command line", () => {
  const { spawned } = start(2);
  expect(spawned).toHaveLength(2);
  expect(spawned[0]!.args.join(" ")).not.toContain("the-secret");
  expect(spawned[0]!.options.env).toMatchObject({ TANDEM_TOKEN: "the-secret" });
});

test("workers do not inherit variables that set options of the command", () => {
  vi.stubEnv("TANDEM_CONFIG", "run.json");
  vi.stubEnv("TANDEM_TOKEN_FILE", "another-token");
  vi.stubEnv("TANDEM_V8_FLAGS", "--no-opt");
  vi.stubEnv("TANDEMONIUM", "kept");
  const { spawned } = start(1);
  const own = Object.entries(spawned[0]!.options.env!).filter(([name]) => /^TANDEM/.test(name));
  expect(Object.fromEntries(own)).toEqual({
    TANDEM_TOKEN: "the-secret",
    TANDEM_V8_FLAGS: "--no-opt",
    TANDEMONIUM: "kept",
  });
});

test.each(["EMFILE", "EAGAIN", "ENOMEM"])(
  "a spawn that fails with %s and has no streams is tried again, and reported once",
  async (code) => {
    let failures = 5;
    const { children, problems, fail } = start(1, () => {
      const child = new Child(failures === 0);
      if (failures > 0) {
        failures--;
        setTimeout(() => child.emit("error", shortage(code)), 0);
      }
      return child;
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(children).toHaveLength(6);
    expect(problems).toEqual([`worker-1 did not start yet: spawn node ${code}`]);
    expect(fail).not.toHaveBeenCalled();
  },
);

test("a spawn that throws is retried", async () => {
  let calls = 0;
  const { children } = start(1, () => {
    if (calls++ === 0) throw shortage("EAGAIN");
    return new Child();
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(children).toHaveLength(1);
});

test("a worker that has run for a while is restarted, however many times it is lost", async () => {
  const { children, fail } = start(1);
  for (let life = 0; life < 10; life++) {
    await vi.advanceTimersByTimeAsync(6_000);
    children.at(-1)!.exit(1);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(children).toHaveLength(11);
  expect(fail).not.toHaveBeenCalled();
});

test("when all workers have failed to start three times, the run fails with the last one's message", async () => {
  const { children, problems, fail } = start(1);
  for (let life = 0; life < 3; life++) {
    children.at(-1)!.stderr!.emit("data", Buffer.from("first\nno \u001b[31mmemory\n"));
    children.at(-1)!.exit(1);
    await vi.advanceTimersByTimeAsync(2_000);
  }
  expect(children).toHaveLength(3);
  expect(problems.at(-1)).toBe("worker-1: no \ufffd[31mmemory");
  expect(fail).toHaveBeenCalledOnce();
  expect(fail.mock.calls[0]![0]).toMatchObject({ code: "workers-missing" });
});

test("a worker that exits with 0 is not restarted", async () => {
  const { children } = start(1);
  children[0]!.exit(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(children).toHaveLength(1);
});

test("end waits for the workers, kills those that do not exit, and restarts none", async () => {
  const { workers, children } = start(3);
  children[2]!.exit(1);
  const ended = workers.end();
  children[0]!.exit(0);
  await vi.advanceTimersByTimeAsync(3_000);
  await ended;
  expect(children[0]!.kill).not.toHaveBeenCalled();
  expect(children[1]!.kill).toHaveBeenCalledWith("SIGKILL");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(children).toHaveLength(3);
});

test("killAll restarts none", async () => {
  const { workers, children } = start(2);
  workers.killAll();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(children).toHaveLength(2);
});
