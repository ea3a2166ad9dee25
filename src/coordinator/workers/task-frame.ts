// Encodes tasks and merged barrier values as the frames that workers are sent. Pure.
import { OutgoingFrame } from "../../shared/protocol/channel.js";
import { encodeFrame } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import { barrierParts } from "../../shared/protocol/payloads/barrier.js";
import { evaluationTaskParts, momentsTaskParts } from "../../shared/protocol/payloads/moments.js";
import { sampleParts } from "../../shared/protocol/payloads/samples.js";
import type { RunLayout } from "../../shared/run-layout.js";
import type { MergedBarrier, Task } from "./tasks.js";

export function encodeTask(task: Task, layout: RunLayout): OutgoingFrame {
  const { header, parts } = messageOf(task, layout);
  return new OutgoingFrame(encodeFrame(header, parts));
}

function messageOf(
  task: Task,
  layout: RunLayout,
): { header: FromCoordinator; parts: ArrayBufferView[] } {
  const { id, step, samples } = task;
  const common = { task: id, step, count: samples.count };
  switch (task.kind) {
    case "shard": {
      const { shard, firstSample: first } = task;
      return { header: { type: "shard", shard, first, ...common }, parts: sampleParts(samples) };
    }
    case "evaluate": {
      if (!task.known)
        return { header: { type: "evaluate", ...common }, parts: sampleParts(samples) };
      const parts = evaluationTaskParts(layout, samples, task.known);
      return { header: { type: "evaluate", ...common, population: true }, parts };
    }
    case "moments": {
      const { pass } = task;
      return {
        header: { type: "moments", pass, ...common },
        parts: momentsTaskParts(layout, task),
      };
    }
  }
}

export function encodeMerged({ step, barrier, values }: MergedBarrier): OutgoingFrame {
  const header = { type: "merged", step, barrier } satisfies FromCoordinator;
  return new OutgoingFrame(encodeFrame(header, barrierParts(values)));
}
