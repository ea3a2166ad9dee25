// The metrics for Prometheus stay bounded.
import { expect, test } from "vitest";
import { MetricsSink } from "../../../src/coordinator/observe/sinks/metrics.js";

test("metrics of ten thousand worker names keep those of the newest 256", async () => {
  const metrics = new MetricsSink({ workers: () => [], pages: () => ({ bytes: 0, open: 0 }) });
  const task = {
    task: "shard",
    samples: 1,
    sentMs: 0,
    computedToMs: 1,
    waitedMs: 0,
    answeredMs: 1,
  } as const;
  for (let number = 0; number < 10_000; number++) {
    // A worker's clock may go backwards, but no metric may decrease.
    const tasks = [{ ...task, worker: `worker-${number}`, computedFromMs: 9 }];
    metrics.handle({ event: "trace", step: number, tasks, phases: [] });
  }
  const { text } = await metrics.exposition();
  expect(text.match(/^tandem_tasks_total\{/gm)).toHaveLength(256);
  expect(text.match(/^tandem_compute_seconds_total\{/gm)).toHaveLength(256);
  expect(text).toContain('worker="worker-9999"');
});
