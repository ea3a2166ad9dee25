// The offset between a worker's clock and the coordinator's.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClockOffset } from "../../src/coordinator/workers/clock-offset.js";

describe("a worker's clock", () => {
  test("is estimated to within half of the shortest exchange", () => {
    const exchange = fc.record({
      waitMs: fc.double({ min: 0, max: 50, noNaN: true }),
      workMs: fc.double({ min: 0, max: 50, noNaN: true }),
      backMs: fc.double({ min: 0, max: 50, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.array(exchange, { minLength: 1, maxLength: 30 }),
        (offset, exchanges) => {
          const clock = new ClockOffset();
          let nowMs = 1000;
          for (const { waitMs, workMs, backMs } of exchanges) {
            const from = nowMs + waitMs;
            const to = from + workMs;
            clock.note(nowMs, from + offset, to + offset, to + backMs);
            nowMs = to + backMs + 1;
          }
          const shortest = Math.min(...exchanges.map(({ waitMs, backMs }) => waitMs + backMs));
          expect(Math.abs(clock.offsetMs - offset)).toBeLessThanOrEqual(shortest / 2 + 1e-3);
        },
      ),
    );
  });
});
