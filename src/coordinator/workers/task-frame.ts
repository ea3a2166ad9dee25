// A task, and what its shard goes on with from a barrier, as they are sent to a worker. Pure.
import { OutgoingFrame } from "../../shared/protocol/channel.js";
import { encodeFrame } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import { barrierParts } from "../../shared/protocol/payloads/barrier.js";
import { sampleParts } from "../../shared/protocol/payloads/samples.js";
import type { MergedBarrier, Task } from "./tasks.js";

export function encodeTask(task: Task): OutgoingFrame {
  const { id, step, samples } = task;
  const common = { task: id, step, count: samples.count };
  const header: FromCoordinator =
    task.kind === "shard"
      ? { type: "shard", shard: task.shard, first: task.firstSample, ...common }
      : { type: "evaluate", ...common };
  return new OutgoingFrame(encodeFrame(header, sampleParts(samples)));
}

export function encodeMerged({ step, barrier, values }: MergedBarrier): OutgoingFrame {
  const header = { type: "merged", step, barrier } satisfies FromCoordinator;
  return new OutgoingFrame(encodeFrame(header, barrierParts(values)));
}
