// The run's log survives kills, foreign lines and clocks that are set back.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import {
  LOG_NAME,
  readRunLog,
  RunLog,
} from "../../../src/coordinator/observe/dashboard/run-log.js";
import { temporaryFolder } from "../../support/data.js";
import {
  evaluationUpdate,
  startUpdate,
  stepsUpdate,
  traceUpdate,
} from "../../support/page-updates.js";

describe("the run's log", () => {
  test("a line torn by a kill, and then resumed, is left out, not the log refused", async () => {
    const folder = temporaryFolder();
    const path = join(folder, LOG_NAME);
    writeFileSync(
      path,
      `${JSON.stringify(startUpdate(0))}\n${JSON.stringify(stepsUpdate(0, 1))}\n{"kind":"eva`,
    );
    const log = new RunLog(folder);
    log.add(startUpdate(1));
    log.add(stepsUpdate(1, 2));
    await log.close();
    const { updates, unreadableCount } = readRunLog(folder);
    expect(unreadableCount).toBe(1);
    expect(updates.find((update) => update.kind === "steps")?.steps).toEqual([0, 1, 2]);
  });

  test("a line that is JSON but no line of a log is left out", () => {
    const folder = temporaryFolder();
    const path = join(folder, LOG_NAME);
    writeFileSync(path, `${JSON.stringify(startUpdate(0))}\n{"kind":"steps"}\nnull\n7\n`);
    appendFileSync(path, `${JSON.stringify(evaluationUpdate(0))}\n`);
    expect(readRunLog(folder)).toMatchObject({ unreadableCount: 3 });
  });

  test("the slowest step is known although the update that named it was skipped", async () => {
    const folder = temporaryFolder();
    const log = new RunLog(folder);
    log.add(startUpdate(0));
    log.add(traceUpdate(0, 0));
    log.add(traceUpdate(1, 1));
    log.add(traceUpdate(2));
    await log.close();
    const traces = readRunLog(folder).updates.filter((update) => update.kind === "trace");
    expect(traces).toMatchObject([{ step: 2, slowest: { step: 1 } }]);
    expect(readFileSync(join(folder, LOG_NAME), "utf8").match(/"trace"/g)).toHaveLength(2);
  });

  test("a time of day that is set back silences nothing", async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    try {
      const folder = temporaryFolder();
      const log = new RunLog(folder);
      log.add(startUpdate(0));
      log.add({ kind: "workers", at: Date.now(), workers: [] });
      vi.setSystemTime(0);
      vi.advanceTimersByTime(10_000);
      log.add({ kind: "workers", at: Date.now(), workers: [] });
      const text = () => readFileSync(join(folder, LOG_NAME), "utf8");
      await log.close();
      expect(text().match(/"workers","at"/g)).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
