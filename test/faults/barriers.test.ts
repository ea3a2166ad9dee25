// Synchronised batch normalisation over real processes: workers that are killed or frozen while shards wait for each other, and
// peers that lie about barriers. The result is that of `single`.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { frameOf, joinRun } from "../../scripts/faults/peer.mjs";
import { SmallRun, worker } from "../support/small-run.js";
import { killAll, type Tandem } from "../support/tandem.js";

const run = new SmallRun(14, ["--batch-norm", "sync", "--eval-every", "7", "--shards", "8"]);

beforeAll(() => run.prepare());
afterEach(killAll);

const state = (coordinator: Tandem, name: string, how: string) =>
  coordinator.event(
    (event) => event.event === "worker" && event["name"] === name && event["state"] === how,
  );

async function coordinatorWith(names: string[], args: string[] = []) {
  const minWorkers = ["--min-workers", `${names.length}`];
  const { process, cwd } = run.start("coordinator", ["--port", "0", ...minWorkers, ...args]);
  const url = await process.url();
  const workers = new Map(names.map((name) => [name, worker(url, "--name", name)]));
  for (const name of names) await state(process, name, "joined");
  return { coordinator: process, cwd, url, workers };
}

async function expectCalmEnd(coordinator: Tandem, cwd: string) {
  const { code, stderr } = await coordinator.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(cwd)).toBe(run.calmDigest);
}

describe.each(["weights", "updates"])("with --broadcast %s", (broadcast) => {
  const options = ["--broadcast", broadcast];

  test.each([1, 3, 8])("the file is that of single with %i workers", async (count) => {
    const names = Array.from({ length: count }, (_, number) => `w${number}`);
    const { coordinator, cwd } = await coordinatorWith(names, options);
    await expectCalmEnd(coordinator, cwd);
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "a worker that gets %s while it holds shards at a barrier is replaced",
    async (signal) => {
      const { coordinator, cwd, url, workers } = await coordinatorWith(["a", "b"], options);
      // From the fifth step on, this worker's contributions to the third barrier trigger the fault.
      let noteInside: () => void;
      const inside = new Promise<void>((resolve) => (noteInside = resolve));
      await joinRun(url, {
        name: "watch",
        change: ({ message, parts }) => {
          const { type, step, barrier } = message;
          if (type === "barrier" && Number(step) >= 5 && Number(barrier) === 2) {
            workers.get("a")!.kill(signal);
            noteInside();
          }
          return [frameOf(message, parts)];
        },
      });
      await inside;
      await expectCalmEnd(coordinator, cwd);
    },
  );

  test("a worker that is lost between two barriers reconnects, and computes the step again", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"], options);
    let cuts = 0;
    const join = async () => {
      const socket = await joinRun(url, {
        name: "cut",
        change: ({ message, parts }) => {
          const isHere = message["type"] === "barrier" && message["barrier"] === 1 + cuts;
          if (!isHere || Number(message["step"]) < 4) return [frameOf(message, parts)];
          cuts++;
          return ["close"];
        },
      });
      socket.once("close", () => {
        // The run may already be over and its port closed.
        if (cuts < 3) void join().catch(() => undefined);
      });
    };
    await join();
    await expectCalmEnd(coordinator, cwd);
    expect(cuts).toBeGreaterThan(0);
  });
});

test("a worker that stops after a barrier is no longer relied on", async () => {
  const { coordinator, cwd, url } = await coordinatorWith(["a"]);
  await joinRun(url, {
    name: "waits",
    change: ({ message, parts }) =>
      message["type"] === "barrier" && message["barrier"] === 0 ? [frameOf(message, parts)] : [],
  });
  await expectCalmEnd(coordinator, cwd);
});

describe("a contribution is refused", () => {
  interface Contribution {
    message: Record<string, unknown>;
    values: Float32Array;
  }

  test.each<[string, (own: Contribution) => Contribution[], RegExp]>([
    [
      "to a future barrier",
      ({ message, values }) => [
        { message: { ...message, barrier: Number(message["barrier"]) + 1 }, values },
      ],
      /barrier \d out of order/,
    ],
    [
      "to a barrier that the run does not have",
      ({ message, values }) => [{ message: { ...message, barrier: 2 ** 31 }, values }],
      /barrier \d+ out of order/,
    ],
    [
      "of another length",
      ({ message, values }) => [{ message, values: values.subarray(1) }],
      /bytes, expected/,
    ],
    [
      "of another shard",
      ({ message, values }) => [{ message: { ...message, shard: 99 }, values }],
      /does not match (its|their) task/,
    ],
    [
      "that is not finite",
      ({ message, values }) => [{ message, values: values.with(0, NaN) }],
      /not finite/,
    ],
    [
      "that is too large",
      ({ message, values }) => [{ message, values: values.with(0, 1e30) }],
      /beyond/,
    ],
    [
      "with a negative variance",
      ({ message, values }) => [{ message, values: values.with(values.length - 1, -1) }],
      /negative variance/,
    ],
  ])("%s", async (_what, spoil, reason) => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    await joinRun(url, {
      name: "spoils",
      change: ({ message, parts }) => {
        const isForward = message["type"] === "barrier" && message["barrier"] === 0;
        if (!isForward) return [frameOf(message, parts)];
        const values = parts[0] as Float32Array;
        return spoil({ message, values }).map((own) => frameOf(own.message, [own.values]));
      },
    });
    expect((await state(coordinator, "spoils", "rejected"))["reason"]).toMatch(reason);
    await expectCalmEnd(coordinator, cwd);
  });

  test("but not if it is a duplicate or late", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    let former: Uint8Array[] = [];
    let count = 0;
    await joinRun(url, {
      name: "twice",
      change: ({ message, parts }) => {
        const bytes = frameOf(message, parts);
        // More would be more messages than it was asked for.
        if (message["type"] !== "barrier" || ++count > 15) return [bytes];
        const messages = [...former, bytes, bytes];
        former = [Uint8Array.from(bytes)];
        return messages;
      },
    });
    await expectCalmEnd(coordinator, cwd);
    expect((await state(coordinator, "twice", "left"))["reason"]).toBe("finished");
  });
});

test("an answer before all barriers is refused", async () => {
  const { coordinator, cwd, url } = await coordinatorWith(["a"]);
  await joinRun(url, {
    name: "skips",
    change: ({ message, parts }) => {
      if (message["type"] !== "result" && message["type"] !== "barrier") {
        return [frameOf(message, parts)];
      }
      if (message["type"] === "result") return [];
      const { task, step, shard } = message;
      const computed = { from: 0, to: 1 };
      return [frameOf({ type: "result", task, step, shard, loss: 0, computed }, [])];
    },
  });
  expect((await state(coordinator, "skips", "rejected"))["reason"]).toMatch(
    /answer received before/,
  );
  await expectCalmEnd(coordinator, cwd);
});

test("a run that diverges inside its barriers ends, and says at which step", async () => {
  const args = ["--port", "0", "--learning-rate", "1e6"];
  const { process: coordinator } = run.start("coordinator", args);
  worker(await coordinator.url());
  const { code, stderr } = await coordinator.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/The training diverged: at step \d+/);
});

test("--verify is refused, as a wrong contribution would affect every result", async () => {
  const { process: coordinator } = run.start("coordinator", ["--port", "0", "--verify", "1"]);
  const { code, stderr } = await coordinator.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(/--verify and --batch-norm sync cannot be used together/);
});
