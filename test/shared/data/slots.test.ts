// Slots: never more work at a time than there are slots, in order, including heavy work.
import { expect, test } from "vitest";
import { Slots } from "../../../src/shared/data/files/slots.js";

test("heavy work waits until enough slots are free, and light work behind it waits its turn", async () => {
  const slots = new Slots(4);
  const started: string[] = [];
  const begin = (name: string, size: number) => {
    let finish: () => void = () => undefined;
    const done = slots.run(size, () => {
      started.push(name);
      return new Promise<void>((resolve) => (finish = resolve));
    });
    return { done, finish: () => finish() };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const [first, heavy, last] = [begin("first", 0.1), begin("heavy", 100), begin("last", 1)];
  await settle();
  expect(started).toEqual(["first"]);
  first.finish();
  await settle();
  expect(started).toEqual(["first", "heavy"]);
  heavy.finish();
  await settle();
  expect(started).toEqual(["first", "heavy", "last"]);
  last.finish();
  await Promise.all([first.done, heavy.done, last.done]);
});

test("work that fails gives its slots back", async () => {
  const slots = new Slots(1);
  const fail = () => Promise.reject(new Error("no"));
  await expect(slots.run(1, fail)).rejects.toThrow("no");
  expect(await slots.run(1, () => Promise.resolve(7))).toBe(7);
});
