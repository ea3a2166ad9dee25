// The page of a run with more workers than rows: all are marks on a strip, the table begins with those that need attention, and the
// timeline shows those that finished last, in the newest step or in the slowest. Skipped if the machine has no browser.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import type {
  PageUpdate,
  StepTrace,
  WorkerRow,
} from "../../src/coordinator/observe/dashboard/page-update.js";
import { finishedRun } from "../support/compared-runs.js";
import { findLowContrast } from "../support/contrast.js";
import { temporaryFolder } from "../support/data.js";
import { tandem } from "../support/tandem.js";

const COUNT = 20;
const LOST = 4;

/** Worker 19 is the slowest. */
const WORKERS = Array.from({ length: COUNT }, (_, index): WorkerRow => ({
  ...{ name: `worker-${index}`, host: "", bytesUp: 0, bytesDown: 0, lastSeenMs: 0 },
  state: index === LOST ? "left" : "working",
  kind: index % 5 === 0 ? "browser" : "node",
  ...{ shards: 10, evaluationBatches: 0, samples: 100, shardMs: 10 * (30 + index * index) },
}));

const traceOf = (step: number, msPerWorker: number): StepTrace => ({
  step,
  tasks: WORKERS.map(({ name }, shard) => ({
    task: "shard",
    ...{ worker: name, shard, samples: 5, sentMs: 0, computedFromMs: 1, waitedMs: 0 },
    ...{ computedToMs: 2 + shard * msPerWorker, answeredMs: 3 + shard * msPerWorker },
  })),
  phases: [{ phase: "optimizer", fromMs: 60, toMs: 61 }],
});

/** An exported file of the run. */
async function exportPage(trace: PageUpdate): Promise<string> {
  const folder = temporaryFolder();
  const updates = [...finishedRun({ name: "many" }).updates];
  const workers: PageUpdate = { kind: "workers", at: 0, workers: WORKERS };
  updates.splice(-1, 0, workers, trace);
  const lines = updates.map((update) => JSON.stringify(update));
  writeFileSync(join(folder, "tandem-run.jsonl"), `${lines.join("\n")}\n`);
  const { code, stderr } = await tandem(["show", ".", "--export", "x.html"], { cwd: folder });
  expect(code, stderr).toBe(0);
  return `file://${join(folder, "x.html")}`;
}

describe.skipIf(browserPath === undefined)("with 20 workers", { timeout: 60_000 }, () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1200, height: 1000 } });
    const slowest = traceOf(41, 10);
    await page.goto(await exportPage({ kind: "trace", at: 0, ...traceOf(99, 2), slowest }));
    await page.locator("#strip circle").first().waitFor();
  });
  afterAll(() => browser.close());

  test("each that works is a mark, a ring in a browser, slower ones further to the right", async () => {
    const marks = page.locator("#strip circle");
    expect(await marks.count()).toBe(COUNT - 1);
    const titles = await marks.locator("title").allTextContents();
    expect(titles.at(-1)).toBe("worker-19: 391 ms");
    expect(titles.join()).not.toContain(`worker-${LOST}:`);
    expect(await page.locator("#strip circle[stroke]").count()).toBe(4);
    const places = await page.evaluate<[x: number, y: number][]>(
      `[...document.querySelectorAll("#strip circle")].map(({ cx, cy }) => [cx.baseVal.value, cy.baseVal.value])`,
    );
    const xs = places.map(([x]) => x);
    expect(xs.toSorted((a, b) => a - b)).toEqual(xs);
    expect(new Set(places.map(String)).size).toBe(places.length);
  });

  test("the table begins with those that are lost and slow, and shows all when it is asked to", async () => {
    const names = () => page.locator("#workers tbody td:first-child").allTextContents();
    expect(await names()).toEqual([
      `worker-${LOST}`,
      ...Array.from({ length: 11 }, (_, index) => `worker-${19 - index}`),
    ]);
    const button = page.locator("#more-workers");
    expect(await button.textContent()).toBe("Show all 20");
    await button.click();
    expect(await names()).toHaveLength(COUNT);
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    await button.click();
    expect(await names()).toHaveLength(12);
  });

  test("the timeline shows the last 12 to finish, of the newest step or of the slowest", async () => {
    const note = () => page.locator("#step-note").textContent();
    const rows = () => page.locator("#timeline").textContent();
    expect(await note()).toMatch(/^Step 99, 61 ms\./);
    expect(await rows()).toContain("8 more finished earlier");
    expect(await rows()).toMatch(/worker-19.*worker-8/s);
    expect(await rows()).not.toMatch(/worker-7\b/);
    await page.locator('input[name="which"][value="slowest"]').check();
    expect(await note()).toMatch(/^Step 41, 193 ms\./);
    await page.locator('input[name="which"][value="newest"]').check();
    expect(await note()).toMatch(/^Step 99/);
  });

  test("nothing is wider than a phone, and text can be read in both schemes", async () => {
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [390, 1200]) {
        await page.setViewportSize({ width, height: 1000 });
        const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
        await expect.poll(wide).toBeLessThanOrEqual(width);
      }
      await expect.poll(() => findLowContrast(page)).toEqual([]);
    }
  });

  test("a log of an earlier version has no slowest step to choose", async () => {
    await page.goto(await exportPage({ kind: "trace", at: 0, ...traceOf(99, 2) }));
    await page.locator("#timeline rect").first().waitFor();
    expect(await page.locator('input[name="which"][value="slowest"]').isDisabled()).toBe(true);
  });
});
