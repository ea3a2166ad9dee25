// Workers that are lost, frozen or slow, say goodbye, or reconnect: the run continues, and its result is that of an undisturbed run.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { frameOf, joinRun, waitForClose } from "../../scripts/faults/peer.mjs";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { temporaryFolder } from "../support/data.js";
import { SmallRun, worker } from "../support/small-run.js";
import { killAll, Tandem } from "../support/tandem.js";

const run = new SmallRun(160);

beforeAll(() => run.prepare());
afterEach(killAll);

const joined = (coordinator: Tandem, name: string) =>
  coordinator.event(
    (event) => event.event === "worker" && event["name"] === name && event["state"] === "joined",
  );

const left = (coordinator: Tandem, name: string) =>
  coordinator.event(
    (event) => event.event === "worker" && event["name"] === name && event["state"] === "left",
  );

async function coordinatorWith(names: string[], args: string[] = []) {
  const minWorkers = ["--min-workers", `${names.length}`];
  const { process, cwd } = run.start("coordinator", ["--port", "0", ...minWorkers, ...args]);
  const url = await process.url();
  const workers = names.map((name) => worker(url, "--name", name));
  for (const name of names) await joined(process, name);
  return { coordinator: process, cwd, url, workers };
}

async function expectCalmEnd(coordinator: Tandem, cwd: string) {
  const { code, stderr } = await coordinator.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(cwd)).toBe(run.calmDigest);
}

describe("a worker that is", () => {
  test("killed, as the only one, leaves the run waiting for the next", async () => {
    const { coordinator, cwd, url, workers } = await coordinatorWith(["a"]);
    await coordinator.step(20);
    workers[0]?.kill("SIGKILL");
    await left(coordinator, "a");
    await coordinator.event((event) => event.event === "waiting");
    worker(url, "--name", "b");
    await expectCalmEnd(coordinator, cwd);
  });

  test("frozen costs its task's deadline, and its old answer is dropped when it wakes", async () => {
    const { coordinator, cwd, workers } = await coordinatorWith(["a", "b"]);
    await coordinator.step(20);
    workers[0]?.kill("SIGSTOP");
    // On a busy machine, others may be stragglers too.
    const backup = await coordinator.event(
      (event) => event.event === "backup" && event["worker"] === "b",
    );
    expect(backup["task"]).toMatch(/^shard /);
    workers[0]?.kill("SIGCONT");
    await expectCalmEnd(coordinator, cwd);
  });

  test("ten times slower changes nothing in the result", async () => {
    const { coordinator, cwd, workers } = await coordinatorWith(["slow", "fast"]);
    await coordinator.step(20);
    const slow = workers[0];
    const over = new AbortController();
    const slowing = (async () => {
      while (!over.signal.aborted) {
        slow?.kill("SIGSTOP");
        await delay(90);
        slow?.kill("SIGCONT");
        await delay(10);
      }
    })();
    await expectCalmEnd(coordinator, cwd);
    over.abort();
    await slowing;
  });

  test("interrupted says goodbye", async () => {
    const { coordinator, cwd, url, workers } = await coordinatorWith(["a"]);
    await coordinator.step(20);
    worker(url, "--name", "b");
    await joined(coordinator, "b");
    workers[0]?.kill("SIGTERM");
    expect(await left(coordinator, "a")).toMatchObject({ reason: "said goodbye" });
    expect((await workers[0]?.ended)?.code).toBe(143);
    await expectCalmEnd(coordinator, cwd);
  });

  test("answering everything twice is counted once", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    const twice = (reply: { message: object; parts: ArrayBufferView[] }) => {
      const bytes = frameOf(reply.message, reply.parts);
      return [bytes, bytes];
    };
    await joinRun(url, { name: "twice", change: twice });
    await expectCalmEnd(coordinator, cwd);
  });

  test("sending a bucket twice in a row, and late ones of earlier tasks, is counted once", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    let former: Uint8Array[] = [];
    let count = 0;
    const again = (reply: { message: { type?: unknown }; parts: ArrayBufferView[] }) => {
      const bytes = frameOf(reply.message, reply.parts);
      // More would be more messages than it was asked for.
      if (reply.message.type !== "gradients" || ++count > 20) return [bytes];
      const messages = [...former, bytes, bytes];
      former = [Uint8Array.from(bytes)];
      return messages;
    };
    await joinRun(url, { name: "again", change: again });
    await expectCalmEnd(coordinator, cwd);
    expect((await left(coordinator, "again"))["reason"]).toBe("finished");
  });

  test("cutting its connection in the middle of a message loses nothing", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    let answers = 0;
    const cut = (reply: { message: object; parts: ArrayBufferView[] }) => {
      const bytes = frameOf(reply.message, reply.parts);
      return ++answers < 5 ? [bytes] : [bytes.subarray(0, bytes.length / 2), "close" as const];
    };
    await joinRun(url, { name: "cut", change: cut });
    await expectCalmEnd(coordinator, cwd);
  });

  test("lost between the buckets of its answer leaves a step that the others can still compute", async () => {
    const { coordinator, cwd, url } = await coordinatorWith(["a"]);
    const leave = (reply: {
      message: { type?: unknown; step?: unknown };
      parts: ArrayBufferView[];
    }) =>
      reply.message.type === "result" && Number(reply.message.step) > 20
        ? ["close" as const]
        : [frameOf(reply.message, reply.parts)];
    // It reconnects each time while it still holds the previous step's tasks.
    for (let time = 0; time < 3; time++) {
      const socket = await joinRun(url, { name: "between", change: leave });
      await waitForClose(socket);
    }
    await expectCalmEnd(coordinator, cwd);
  });
});

test("a run interrupted when only the first bucket is updated is saved at a single step", async () => {
  const { process: coordinator, cwd } = run.start("coordinator", ["--port", "0"]);
  const url = await coordinator.url();
  let noteBetween: () => void;
  const betweenBuckets = new Promise<void>((resolve) => (noteBetween = resolve));
  await joinRun(url, {
    change: (reply) => {
      const { type, step } = reply.message;
      if (type !== "result" || Number(step) < 20) return [frameOf(reply.message, reply.parts)];
      noteBetween();
      return [];
    },
  });
  await betweenBuckets;
  coordinator.kill("SIGINT");
  expect((await coordinator.ended).code).toBe(130);
  const resumed = run.start("single", ["--resume", "checkpoint.safetensors"], cwd).process;
  expect((await resumed.ended).code).toBe(0);
  expect(run.digest(cwd)).toBe(run.calmDigest);
});

test("a worker lost in the middle of sending 12 MB costs time, but does not change the result", async () => {
  const cwd = temporaryFolder();
  // 800 samples a shard: fc1's gradient is smaller than its factors, and travels as 12.8 MB.
  const options = ["--batch-size", "1600", "--shards", "2", "--steps", "3", "--eval-every", "0"];
  const calm = new Tandem(["single", ...options, "--output", "calm.safetensors"], { cwd });
  expect((await calm.ended).code).toBe(0);
  const coordinator = new Tandem(["coordinator", ...options, "--port", "0", "--json"], { cwd });
  const url = await coordinator.url();
  const cut = (reply: { message: object; parts: ArrayBufferView[] }) => {
    const bytes = frameOf(reply.message, reply.parts);
    if (bytes.length < 12e6) return [];
    return [bytes.subarray(0, bytes.length / 2), "close" as const];
  };
  await joinRun(url, { name: "cut", change: cut });
  await left(coordinator, "cut");
  worker(url, "--name", "whole");
  expect((await coordinator.ended).code).toBe(0);
  const bytesOf = (name: string) => readFileSync(join(cwd, name));
  expect(bytesOf("checkpoint.safetensors").equals(bytesOf("calm.safetensors"))).toBe(true);
}, 180_000);

test("a run without workers for too long writes a checkpoint and ends with exit 1", async () => {
  const { coordinator, cwd, workers } = await coordinatorWith(["a"], ["--worker-wait", "10"]);
  await coordinator.step(20);
  workers[0]?.kill("SIGKILL");
  const { code, stderr } = await coordinator.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("--worker-wait");
  const resumed = run.start("single", ["--resume", "checkpoint.safetensors"], cwd).process;
  expect((await resumed.ended).code).toBe(0);
  expect(run.digest(cwd)).toBe(run.calmDigest);
});

test("the coordinator is killed and resumed: workers reconnect, and the result is the same", async () => {
  const options = ["--checkpoint-every", "10"];
  const first = await coordinatorWith(["a", "b"], options);
  const { port } = new URL(first.url);
  await first.coordinator.step(60);
  first.coordinator.kill("SIGKILL");
  await first.coordinator.ended;
  const resume = ["--resume", "checkpoint.safetensors", "--port", port, "--min-workers", "2"];
  const second = run.start("coordinator", [...resume, ...options], first.cwd).process;
  await joined(second, "a");
  await joined(second, "b");
  await expectCalmEnd(second, first.cwd);
  expect((await first.workers[0]?.ended)?.code).toBe(0);
});

/** Alters one number, which only another worker's answer can detect. */
const lie = (reply: { message: object; parts: ArrayBufferView[] }) => {
  const message = reply.message as { type: string };
  if (message.type !== "result") return [frameOf(message, reply.parts)];
  const first = reply.parts[0] as Float32Array;
  first[0]! += 1e-3;
  return [frameOf(message, reply.parts)];
};

test("a lying worker is banned and reported, and the result is right", async () => {
  const { coordinator, cwd, url } = await coordinatorWith(["a", "b"], ["--verify", "1"]);
  await joinRun(url, { name: "liar", change: lie });
  const rejected = await coordinator.event((event) => event["state"] === "rejected");
  expect(rejected).toMatchObject({ name: "liar" });
  expect(rejected["reason"]).toContain("wrong result");
  await expectCalmEnd(coordinator, cwd);
});

test("with updates, a worker that reports different weights is reported and sent the right ones", async () => {
  const { coordinator, cwd, url } = await coordinatorWith(["a"], ["--broadcast", "updates"]);
  const states: number[] = [];
  await joinRun(url, {
    name: "diverging",
    onState: (step) => states.push(step),
    // Its weights are in fact right, so the result can be compared with an undisturbed run's.
    digest: (own) => (own.step === 100 ? { ...own, weights: (own.weights ^ 1) >>> 0 } : own),
  });
  const divergence = await coordinator.event(({ event }) => event === "divergence");
  expect(divergence).toMatchObject({ worker: "diverging", step: 100 });
  const { code, stderr } = await coordinator.ended;
  expect(code, stderr).toBe(0);
  // The file lists the suspect steps, and is otherwise the same.
  const [own, calm] = [join(cwd, "checkpoint.safetensors"), run.calmFile].map(readCheckpoint);
  expect(own!.tensors).toEqual(calm!.tensors);
  expect(own!.suspectSteps?.[0]?.to).toBeLessThanOrEqual(100);
  expect(coordinator.events.filter(({ event }) => event === "divergence")).toHaveLength(1);
  expect(states.filter((step) => step >= 100)).toHaveLength(1);
});

test("a lie that no other worker can detect is decided by the coordinator itself", async () => {
  const { process: coordinator, cwd } = run.start("coordinator", ["--port", "0", "--verify", "1"]);
  const url = await coordinator.url();
  await joinRun(url, { name: "liar", change: lie });
  const rejected = await coordinator.event((event) => event["state"] === "rejected");
  expect(rejected).toMatchObject({ name: "liar" });
  expect(rejected["reason"]).toContain("wrong result");
  const honest = worker(url, "--name", "honest");
  await expectCalmEnd(coordinator, cwd);
  expect((await honest.ended).code).toBe(0);
});
