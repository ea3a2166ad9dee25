import { expect, test } from "vitest";
import { InProcessWorker } from "../../src/coordinator/workers/in-process-worker.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import type { Task } from "../../src/coordinator/workers/tasks.js";
import { Events } from "../../src/shared/events.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import { probeSamples } from "../../src/shared/replica/probe.js";
import type { Replica } from "../../src/shared/replica/replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";
import { createReplica } from "../support/replica.js";

test("between two tasks the event loop turns, so that other workers' answers do not wait", async () => {
  const pool = new Pool(new Events(), { startWith: 1, continueWith: 1, waitMs: 0 });
  const replica = createReplica(configOf());
  const order: string[] = [];
  const scope = replica.session.scope.bind(replica.session);
  replica.session.scope = (body) => {
    order.push("task");
    // As if an answer arrived during the computation: sockets are read before the next immediates.
    setTimeout(() => order.push("answer"), 0);
    const until = performance.now() + 5;
    while (performance.now() < until);
    return scope(body);
  };
  pool.join(new InProcessWorker(pool, replica));
  const samples = probeSamples(replica.layout, 2);
  const tasks = [0, 1, 2, 3].map((id): Task => ({ kind: "evaluate", id, step: 0, samples }));
  await pool.begin(tasks, 0, new AbortController().signal).answers;
  expect(order.slice(0, 6)).toEqual(["task", "answer", "task", "answer", "task", "answer"]);
  replica.dispose();
});

test("a batch too large for the memory ends the run with a one-line error", async () => {
  const pool = new Pool(new Events(), { startWith: 1, continueWith: 1, waitMs: 0 });
  const scope = () => {
    throw new Error("OOM when allocating tensor with shape[20000,12544]\nHint: more lines");
  };
  const layout = layoutOfRun(configOf());
  const { loss, optimizer } = layout.config;
  const graph = new NetworkGraph(layout.network, loss, optimizer);
  const replica = { layout, graph, step: 0, session: { scope } } as unknown as Replica;
  pool.join(new InProcessWorker(pool, replica));
  const samples = { count: 20_000, inputs: new Uint8Array(), targets: new Int32Array() };
  const task: Task = { kind: "evaluate", id: 0, step: 0, samples };
  await expect(pool.begin([task], 0, new AbortController().signal).answers).rejects.toMatchObject({
    code: "compute-failed",
    message: expect.stringMatching(/^20000 samples .*OOM.*--batch-size[^\n]*$/) as string,
  });
});
