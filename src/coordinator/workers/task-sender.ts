// Sends tasks to one worker: records each as assigned, and allows the worker the messages and bytes that its answer may have.
import { OutgoingFrame } from "../../shared/protocol/channel.js";
import { encodeFrame } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import { maxAnswerBytes } from "../../shared/protocol/payloads/answer-bytes.js";
import type { RunLayout } from "../../shared/run-layout.js";
import type { AssignedTasks } from "./assigned-tasks.js";
import type { RelayPeer } from "./relay-peer.js";
import type { MergedBarrier, Task } from "./tasks.js";
import { encodeMerged, encodeTask } from "./task-frame.js";
import type { WorkerChannel } from "./worker-channel.js";

export interface TaskSenderParts {
  tasks: AssignedTasks;
  channel: Pick<WorkerChannel, "send" | "allow">;
  layout: RunLayout;
  /** Undefined unless the worker is a relay. */
  relay: () => RelayPeer | undefined;
}

export class TaskSender {
  private readonly parts: TaskSenderParts;
  private readonly answerBytes: number;

  constructor(parts: TaskSenderParts) {
    this.parts = parts;
    this.answerBytes = maxAnswerBytes(parts.layout);
  }

  send(task: Task): void {
    const { tasks, channel, layout } = this.parts;
    const relay = this.parts.relay();
    // A shard's answer has one message per barrier, and then one per gradient bucket.
    let messageCount = layout.buckets.length + layout.barriers.length;
    if (relay) {
      relay.noteSent(task);
      tasks.dropBefore(task.step);
      // One sum per bucket, `returned` and `unusable`.
      messageCount += layout.buckets.length + 2;
    }
    tasks.add(task, performance.now());
    // A relay answers many tasks at a time.
    channel.allow(messageCount, this.answerBytes, relay ? tasks.size : 1);
    channel.send(encodeTask(task, layout), () => tasks.noteAccepted(task.id, performance.now()));
  }

  sendMerged(merged: MergedBarrier): void {
    const { tasks, channel } = this.parts;
    tasks.addMerged(merged, performance.now());
    channel.send(encodeMerged(merged), () =>
      tasks.noteMergedAccepted(merged.step, performance.now()),
    );
  }

  /** Sent to relays only, which then free their own workers. @returns true if the task will not be answered */
  cancel(taskId: number): boolean {
    const { tasks, channel } = this.parts;
    if (!this.parts.relay()) return false;
    if (!tasks.get(taskId)) return true;
    tasks.remove(taskId);
    const header = { type: "cancel", task: taskId } satisfies FromCoordinator;
    channel.send(new OutgoingFrame(encodeFrame(header)));
    return true;
  }
}
