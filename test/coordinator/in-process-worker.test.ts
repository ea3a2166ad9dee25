import { expect, test } from "vitest";
import { InProcessWorker } from "../../src/coordinator/workers/in-process-worker.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import type { Task } from "../../src/coordinator/workers/tasks.js";
import { Events } from "../../src/shared/events.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import type { Replica } from "../../src/shared/replica/replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

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
