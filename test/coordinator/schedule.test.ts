import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Schedule, type ScheduledTask } from "../../src/coordinator/schedule.js";

const LIMITS = { overdueFactor: 4, overdueMinMs: 100, overdueFirstMs: 1000 };

function tasks(count: number): ScheduledTask[] {
  return Array.from({ length: count }, (_, id) => ({ id, kind: "shard" }));
}

describe("the schedule", () => {
  test("has every task answered exactly once, whoever comes, goes, answers late or twice", () => {
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
        // One worker that stays is enough to finish what is left.
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

  test("gives a lost worker's task to another at once", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    schedule.join("a");
    schedule.join("b");
    schedule.add(tasks(1));
    expect(schedule.assign(0)).toMatchObject([{ worker: "a", isRepeat: false }]);
    schedule.leave("a");
    expect(schedule.assign(1)).toMatchObject([{ worker: "b", isRepeat: false }]);
  });

  test("gives an overdue task to a free worker as well, and takes the first answer", () => {
    const schedule = new Schedule<string, ScheduledTask>(LIMITS);
    schedule.join("slow");
    schedule.join("fast");
    schedule.add(tasks(1));
    schedule.assign(0);
    expect(schedule.nextOverdueMs(0)).toBe(1000);
    expect(schedule.assign(999)).toEqual([]);
    expect(schedule.assign(1000)).toMatchObject([{ worker: "fast", isRepeat: true }]);
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
    expect(schedule.nextOverdueMs(10_000)).toBe(200);
  });

  test("gives a second task ahead only while more wait than there are workers", () => {
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
