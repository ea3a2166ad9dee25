import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Schedule } from "../../src/coordinator/workers/schedule.js";
import type { ScheduledTask } from "../../src/coordinator/workers/scheduled-task.js";

const LIMITS = { stragglerFactor: 4, stragglerMinMs: 100, stragglerFirstMs: 1000 };

function tasks(count: number): ScheduledTask[] {
  return Array.from({ length: count }, (_, id) => ({ id, kind: "shard" }));
}

/** A schedule with workers that have each answered a task of a separate kind. */
function provenSchedule(...workers: string[]): Schedule<string, ScheduledTask> {
  const schedule = new Schedule<string, ScheduledTask>(LIMITS);
  for (const worker of workers) schedule.join(worker);
  schedule.add(workers.map((_, index) => ({ id: -1 - index, kind: "proof" })));
  for (const { worker, task } of schedule.assign(0)) schedule.answer(worker, task.id, 0);
  return schedule;
}

describe("the schedule", () => {
  test("has every task answered exactly once, whichever workers join, leave, answer late or twice", () => {
    const actions = fc.array(
      fc.record({ kind: fc.constantFrom("join", "leave", "answer", "late"), worker: fc.nat(3) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), actions, (count, script) => {
        const schedule = new Schedule<number, ScheduledTask>(LIMITS);
        const held = new Map<number, number[]>();
        const answered: number[] = [];
        let now = 0;
        const give = () => {
          for (const { worker, task } of schedule.assign(now)) held.get(worker)?.push(task.id);
        };
        schedule.add(tasks(count));
        for (const { kind, worker } of script) {
          now += 60;
          if (kind === "join" && !held.has(worker)) {
            held.set(worker, []);
            schedule.join(worker);
          } else if (kind === "leave") {
            held.delete(worker);
            schedule.leave(worker);
          } else if (kind === "answer") {
            const id = held.get(worker)?.shift();
            const task = id === undefined ? undefined : schedule.answer(worker, id, now);
            if (task) answered.push(task.id);
          } else {
            expect(schedule.answer(worker, 999, now)).toBeUndefined();
          }
          give();
        }
        // One remaining worker is enough to finish the rest.
        held.set(9, []);
        schedule.join(9);
        for (let rounds = 0; schedule.openCount > 0 && rounds < 1000; rounds++) {
          now += 10_000;
          give();
          const id = held.get(9)?.shift();
          const task = id === undefined ? undefined : schedule.answer(9, id, now);
          if (task) answered.push(task.id);
        }
        expect(answered.sort((a, b) => a - b)).toEqual(tasks(count).map(({ id }) => id));
      }),
    );
  });

  test("reassigns a lost worker's task immediately", () => {
    const schedule = provenSchedule("a", "b");
    schedule.add(tasks(1));
    expect(schedule.assign(0)).toMatchObject([{ worker: "a", isBackup: false }]);
    schedule.leave("a");
    expect(schedule.assign(1)).toMatchObject([{ worker: "b", isBackup: false }]);
  });

  test("assigns a straggler's task to a free worker as a backup, and uses the first answer", () => {
    const schedule = provenSchedule("slow", "fast");
    schedule.add(tasks(1));
    schedule.assign(0);
    expect(schedule.nextStragglerMs(0)).toBe(1000);
    expect(schedule.assign(999)).toEqual([]);
    expect(schedule.assign(1000)).toMatchObject([{ worker: "fast", isBackup: true }]);
    expect(schedule.answer("fast", 0, 1010)?.id).toBe(0);
    expect(schedule.answer("slow", 0, 1020)).toBeUndefined();
    expect(schedule.openCount).toBe(0);
  });

  test("learns how long tasks usually take", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    schedule.join("a");
    for (let id = 0; id < 5; id++) {
      schedule.add([{ id, kind: "shard" }]);
      schedule.assign(1000 * id);
      schedule.answer("a", id, 1000 * id + 50);
    }
    schedule.add([{ id: 9, kind: "shard" }]);
    schedule.assign(10_000);
    expect(schedule.nextStragglerMs(10_000)).toBe(200);
  });

  test("assigns a second task in advance only while more tasks wait than there are workers", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    schedule.join("a");
    schedule.join("b");
    schedule.add(tasks(8));
    expect(schedule.assign(0)).toHaveLength(4);
    const few = new Schedule<string, ScheduledTask>(LIMITS);
    few.join("a");
    few.add(tasks(2));
    expect(few.assign(0)).toHaveLength(1);
  });
});

describe("a worker that has not answered anything", () => {
  test("is not relied on: a proven worker also computes its tasks as soon as it is free", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    for (const worker of ["mute", "mute too", "honest"]) schedule.join(worker);
    schedule.add(tasks(3));
    const assigned = schedule.assign(0);
    const own = assigned.find(({ worker }) => worker === "honest")!;
    expect(schedule.answer("honest", own.task.id, 5)).toBeDefined();
    for (let answered = 1; answered < 3; answered++) {
      const [next] = schedule.assign(5 + answered);
      expect(next).toMatchObject({ worker: "honest", isBackup: false });
      expect(schedule.answer("honest", next!.task.id, 6 + answered)).toBeDefined();
    }
    expect(schedule.openCount).toBe(0);
  });

  test("cannot block a worker that joins later, however many joined before", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    for (let fake = 0; fake < 50; fake++) schedule.join(`fake-${fake}`);
    schedule.add(tasks(2));
    schedule.assign(0);
    schedule.join("honest");
    for (let answered = 0; answered < 2; answered++) {
      const own = schedule.assign(1 + answered).filter(({ worker }) => worker === "honest");
      expect(own).toHaveLength(1);
      expect(schedule.answer("honest", own[0]!.task.id, 1 + answered)).toBeDefined();
    }
    expect(schedule.openCount).toBe(0);
  });

  test("causes no duplicate computation once all workers are proven", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    for (const worker of ["a", "b"]) schedule.join(worker);
    schedule.add(tasks(2));
    for (const { worker, task } of schedule.assign(0)) schedule.answer(worker, task.id, 10);
    schedule.add([
      { id: 7, kind: "shard" },
      { id: 8, kind: "shard" },
    ]);
    expect(schedule.assign(20)).toHaveLength(2);
    schedule.answer("a", 7, 21);
    expect(schedule.assign(22)).toEqual([]);
  });
});

describe("a task that two origins must answer", () => {
  const originOf = (worker: string) => worker[0];

  test("is not assigned to two workers of one origin, and is stuck if there is no other", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS, { originOf });
    for (const worker of ["x1", "x2"]) schedule.join(worker);
    schedule.add(tasks(1), 2);
    const [first, ...others] = schedule.assign(0);
    expect(others).toEqual([]);
    expect(schedule.isStuck(0)).toBe(false);
    schedule.answer(first!.worker, 0, 5);
    expect(schedule.assign(6)).toEqual([]);
    expect(schedule.isStuck(0)).toBe(true);
    schedule.join("y1");
    expect(schedule.assign(7)).toMatchObject([{ worker: "y1" }]);
  });

  test("gets a backup of the same origin if its only holder is late", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS, { originOf });
    for (const worker of ["x1", "x2"]) schedule.join(worker);
    schedule.add(tasks(1), 2);
    schedule.assign(0);
    expect(schedule.nextStragglerMs(0)).toBe(LIMITS.stragglerFirstMs);
    expect(schedule.assign(LIMITS.stragglerFirstMs)).toMatchObject([{ isBackup: true }]);
  });
});
