// Tasks that wait for each other at barriers: whose worker is free, who is a straggler, and that every step completes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Schedule } from "../../src/coordinator/workers/schedule.js";
import type { ScheduledTask } from "../../src/coordinator/workers/scheduled-task.js";

const LIMITS = { stragglerFactor: 4, stragglerMinMs: 100, stragglerFirstMs: 1000 };
const BARRIERS = 3;

function tasks(count: number): ScheduledTask[] {
  return Array.from({ length: count }, (_, id) => ({ id, kind: "shard" }));
}

/** Workers that have each answered a task and reached its barriers, one every `phaseMs`. */
function provenSchedule(workers: string[], phaseMs = 10): Schedule<string, ScheduledTask> {
  const schedule = new Schedule<string, ScheduledTask>(LIMITS);
  for (const worker of workers) schedule.join(worker);
  schedule.add(workers.map((_, index) => ({ id: -1 - index, kind: "shard" })));
  const assigned = schedule.assign(0);
  for (let barrier = 0; barrier < BARRIERS; barrier++) {
    for (const { worker, task } of assigned) {
      schedule.arrive(worker, task.id, barrier, (barrier + 1) * phaseMs);
    }
    schedule.release(barrier + 1, (barrier + 1) * phaseMs);
  }
  for (const { worker, task } of assigned) schedule.answer(worker, task.id, 4 * phaseMs);
  return schedule;
}

describe("a task that waits at a barrier", () => {
  test("leaves its worker free for others, so that one worker can bring all shards to the barrier", () => {
    const schedule = provenSchedule(["a"]);
    schedule.add(tasks(8));
    const begun: number[] = [];
    for (let round = 0; round < 8; round++) {
      for (const { task } of schedule.assign(50)) begun.push(task.id);
      schedule.arrive("a", begun[round]!, 0, 50);
    }
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(schedule.release(1, 51)).toEqual(["a"]);
    for (const id of begun) expect(schedule.answer("a", id, 60)?.id).toBe(id);
    expect(schedule.openCount).toBe(0);
  });

  test("makes no straggler, however long the others take; an active one does", () => {
    const schedule = provenSchedule(["a", "b", "c"]);
    schedule.add(tasks(2));
    schedule.assign(100);
    schedule.arrive("a", 0, 0, 110);
    // Only b's is active: at least 100 ms are allowed.
    expect(schedule.nextStragglerMs(110)).toBe(90);
    expect(schedule.assign(199)).toEqual([]);
    expect(schedule.assign(200)).toMatchObject([{ worker: "a", task: { id: 1 }, isBackup: true }]);
    schedule.arrive("a", 1, 0, 210);
    expect(schedule.nextStragglerMs(100_000)).toBeUndefined();
    expect(schedule.assign(100_000)).toEqual([]);
  });

  test("starts its clock again when it continues, with the usual time of its phase", () => {
    const schedule = provenSchedule(["a", "b"], 100);
    schedule.add(tasks(1));
    schedule.assign(1000);
    schedule.arrive("a", 0, 0, 1100);
    expect(schedule.nextStragglerMs(9000)).toBeUndefined();
    expect(schedule.release(1, 9000)).toEqual(["a"]);
    // Usually 100 ms from the first barrier to the second.
    expect(schedule.nextStragglerMs(9000)).toBe(400);
    expect(schedule.assign(9399)).toEqual([]);
    expect(schedule.assign(9400)).toMatchObject([{ worker: "b", isBackup: true }]);
  });

  test("is started again by another worker if its worker is lost", () => {
    const schedule = provenSchedule(["a", "b"]);
    schedule.add(tasks(2));
    schedule.assign(100);
    schedule.arrive("a", 0, 0, 105);
    schedule.arrive("b", 1, 0, 105);
    schedule.leave("a");
    expect(schedule.assign(106)).toMatchObject([{ worker: "b", task: { id: 0 }, isBackup: false }]);
    expect(schedule.release(1, 107)).toEqual(["b"]);
    // It replays the merged values that it has been sent.
    expect(schedule.arrive("b", 0, 0, 110)?.id).toBe(0);
    expect(schedule.release(1, 110)).toEqual(["b"]);
  });

  test("is dropped when another worker has answered it, and does not occupy its worker", () => {
    const schedule = provenSchedule(["a", "b"]);
    schedule.add(tasks(1));
    schedule.assign(100);
    expect(schedule.assign(200)).toMatchObject([{ worker: "b", isBackup: true }]);
    schedule.arrive("a", 0, 0, 210);
    expect(schedule.answer("b", 0, 220)?.id).toBe(0);
    expect(schedule.release(1, 221)).toEqual([]);
    schedule.add([{ id: 7, kind: "shard" }]);
    expect(schedule.assign(222)).toMatchObject([{ worker: "a", task: { id: 7 } }]);
    expect(schedule.arrive("a", 0, 1, 223)).toBeUndefined();
    expect(schedule.answer("a", 0, 224)).toBeUndefined();
  });

  test("does not outlive its round, nor do later arrivals at a barrier", () => {
    const schedule = provenSchedule(["a", "b"]);
    schedule.add(tasks(2));
    schedule.assign(100);
    schedule.arrive("a", 0, 0, 110);
    schedule.drop([0, 1]);
    expect(schedule.arrive("b", 1, 0, 111)).toBeUndefined();
    schedule.add([7, 8].map((id) => ({ id, kind: "shard" })));
    expect(schedule.assign(112)).toHaveLength(2);
  });

  test("counts once: a duplicate arrival is dropped", () => {
    const schedule = provenSchedule(["a", "b"]);
    schedule.add(tasks(1));
    schedule.assign(100);
    expect(schedule.arrive("a", 0, 0, 110)).toBeDefined();
    expect(schedule.arrive("a", 0, 0, 111)).toBeUndefined();
    schedule.release(1, 112);
    expect(schedule.arrive("a", 0, 0, 5000)).toBeUndefined();
    expect(schedule.nextStragglerMs(112)).toBe(100);
    expect(schedule.arrive("b", 0, 0, 113)).toBeUndefined();
  });
});

/** The tasks that workers hold, and how far each has come. */
type Held = Map<number, { barrier: number; isWaiting: boolean }>;

test("every step with barriers completes, whichever workers join, leave, freeze and wake", () => {
  const actions = fc.array(
    fc.record({
      kind: fc.constantFrom("join", "leave", "work", "freeze", "wake"),
      worker: fc.nat(3),
    }),
    { maxLength: 150 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), actions, (count, script) => {
      const schedule = new Schedule<number, ScheduledTask>(LIMITS);
      const workers = new Map<number, Held>();
      const frozen = new Set<number>();
      const arrived = new Set<number>();
      const answered = new Set<number>();
      let passed = 0;
      let now = 0;
      schedule.add(tasks(count));
      const assign = () => {
        for (const { worker, task } of schedule.assign(now)) {
          workers.get(worker)!.set(task.id, { barrier: 0, isWaiting: false });
        }
      };
      const release = () => {
        for (const worker of schedule.release(passed, now)) {
          for (const own of workers.get(worker)!.values()) {
            if (own.isWaiting && own.barrier <= passed) own.isWaiting = false;
          }
        }
      };
      /** Brings the first task that can continue to its next barrier, or to its end. */
      const work = (worker: number) => {
        const held = workers.get(worker);
        if (!held || frozen.has(worker)) return;
        const [id, own] = [...held].find(([, { isWaiting }]) => !isWaiting) ?? [];
        if (id === undefined || !own) return;
        if (own.barrier === BARRIERS) {
          held.delete(id);
          if (schedule.answer(worker, id, now)) answered.add(id);
          return;
        }
        const barrier = own.barrier++;
        own.isWaiting = true;
        const counts = schedule.arrive(worker, id, barrier, now);
        if (counts && barrier === passed) arrived.add(id);
        if (arrived.size === count) {
          arrived.clear();
          passed++;
        }
        if (counts && barrier < passed) release();
      };
      for (const { kind, worker } of script) {
        now += 60;
        if (kind === "join" && !workers.has(worker)) {
          workers.set(worker, new Map());
          schedule.join(worker);
        } else if (kind === "leave") {
          workers.delete(worker);
          frozen.delete(worker);
          schedule.leave(worker);
        } else if (kind === "freeze") frozen.add(worker);
        else if (kind === "wake") frozen.delete(worker);
        else if (kind === "work") work(worker);
        assign();
      }
      // One remaining worker is enough to finish the rest; frozen ones stay frozen.
      workers.set(9, new Map());
      schedule.join(9);
      for (let turn = 0; schedule.openCount > 0 && turn < 500; turn++) {
        now += 2000;
        assign();
        work(9);
      }
      expect(answered.size).toBe(count);
      expect(passed).toBe(BARRIERS);
    }),
    { numRuns: 300 },
  );
});
