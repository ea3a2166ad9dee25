// Deadlines of a worker's tasks: the time that a task waits at a barrier for others does not count.
import { describe, expect, test } from "vitest";
import { AssignedTasks } from "../../src/coordinator/workers/assigned-tasks.js";
import type { Task } from "../../src/coordinator/workers/tasks.js";

const FIRST_TASK_MS = 20_000;
const ANSWER_MS = 30_000;

function shard(id: number, step = 0): Task {
  const samples = { count: 1, inputs: new Uint8Array(1), targets: new Int32Array(1) };
  return { kind: "shard", id, step, shard: id, firstSample: id, samples };
}

/** Holds a task assigned at 0 ms, which reached its first barrier at 100 ms. */
function waitingTasks(): AssignedTasks {
  const tasks = new AssignedTasks();
  tasks.add(shard(0), 0);
  tasks.noteAccepted(0, 0);
  tasks.noteArrived(tasks.get(0)!, 0, 100);
  return tasks;
}

describe("a worker whose task waits at a barrier", () => {
  test("is not unresponsive and must answer pings, however long the others take", () => {
    const tasks = waitingTasks();
    expect(tasks.isUnresponsive(ANSWER_MS, 1e9)).toBe(false);
    expect(tasks.allowedSilenceMs(FIRST_TASK_MS)).toBe(0);
  });

  test("must answer from the time when it could read that the task continues", () => {
    const tasks = waitingTasks();
    tasks.addMerged({ step: 0, barrier: 0 }, 500_000);
    expect(tasks.isUnresponsive(ANSWER_MS, 900_000)).toBe(false);
    tasks.noteMergedAccepted(0, 900_000);
    expect(tasks.isUnresponsive(ANSWER_MS, 900_000 + ANSWER_MS)).toBe(false);
    expect(tasks.isUnresponsive(ANSWER_MS, 900_001 + ANSWER_MS)).toBe(true);
    // Three times the 100 ms that it took to reach the barrier.
    expect(tasks.allowedSilenceMs(FIRST_TASK_MS)).toBe(300);
  });

  test("is unresponsive if it does not answer another task", () => {
    const tasks = waitingTasks();
    tasks.add(shard(1), 200);
    tasks.noteAccepted(1, 200);
    expect(tasks.isUnresponsive(ANSWER_MS, 201 + ANSWER_MS)).toBe(true);
  });

  test("may be sent merged values before it reaches their barriers", () => {
    const tasks = new AssignedTasks();
    tasks.addMerged({ step: 3, barrier: 0 }, 0);
    tasks.addMerged({ step: 3, barrier: 1 }, 0);
    tasks.add(shard(0, 3), 0);
    tasks.noteAccepted(0, 0);
    expect(tasks.get(0)).toMatchObject({ barrierCount: 0, mergedCount: 2 });
    for (const barrier of [0, 1]) {
      tasks.noteArrived(tasks.get(0)!, barrier, 10);
      expect(tasks.isUnresponsive(ANSWER_MS, 1e9)).toBe(true);
    }
    tasks.noteArrived(tasks.get(0)!, 2, 20);
    expect(tasks.isUnresponsive(ANSWER_MS, 1e9)).toBe(false);
  });

  test("drops it at the next step, and the other step's merged values", () => {
    const tasks = waitingTasks();
    tasks.add(shard(7, 1), 300);
    expect(tasks.get(0)).toBeUndefined();
    tasks.addMerged({ step: 1, barrier: 0 }, 310);
    tasks.add(shard(8, 2), 400);
    expect(tasks.get(8)).toMatchObject({ mergedCount: 0 });
    // The previous step's task must still be answered.
    expect(tasks.get(7)).toBeDefined();
  });
});
