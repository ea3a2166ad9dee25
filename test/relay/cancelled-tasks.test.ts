// A relay whose task is cancelled is free for another one. (It used to count as busy with it until the end of the run.)
import { expect, test } from "vitest";
import { TaskAssigner } from "../../src/coordinator/workers/task-assigner.js";
import type { ShardTask, WorkerLink } from "../../src/coordinator/workers/tasks.js";
import { Events } from "../../src/shared/events.js";

/** Records the shards that it is sent. */
class Link implements WorkerLink {
  readonly name: string;
  readonly origin: string;
  readonly capacity: number;
  readonly isRelay: boolean;
  readonly shards: number[] = [];

  constructor(name: string, capacity: number) {
    this.name = name;
    this.origin = name;
    this.capacity = capacity;
    this.isRelay = capacity > 1;
  }

  send(task: ShardTask): void {
    this.shards.push(task.shard);
  }

  sendMerged(): void {
    throw new Error("a run without barriers");
  }

  cancel(): boolean {
    return this.isRelay;
  }

  expel(): void {
    throw new Error("an honest worker was banned");
  }
}

function taskOf(id: number, shard: number): ShardTask {
  const samples = { count: 1, inputs: new Uint8Array(1), targets: new Int32Array(1) };
  return { kind: "shard", id, step: 0, shard, firstSample: shard, samples };
}

test("a relay whose tasks were answered by other workers is assigned new ones", () => {
  const assigner = new TaskAssigner({
    events: new Events(),
    onAdvance: () => undefined,
    beforeShard: () => undefined,
  });
  const { schedule } = assigner;
  const [relay, worker] = [new Link("relay", 2), new Link("worker", 1)];
  schedule.join(relay);
  schedule.join(worker);
  schedule.add([taskOf(0, 0), taskOf(1, 1)]);
  // No worker is proven yet, so the worker gets tasks that the relay holds.
  for (const id of [0, 1]) {
    assigner.assign();
    const holders = schedule.holdersOf(id);
    expect(holders).toEqual([relay, worker]);
    schedule.answer(worker, id, 0);
    assigner.cancelOthers(holders, id, worker);
  }
  schedule.add([taskOf(2, 0), taskOf(3, 1)]);
  assigner.assign();
  assigner.stop();
  expect(relay.shards).toEqual([0, 1, 0, 1]);
});
