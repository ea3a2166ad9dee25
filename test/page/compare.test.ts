// The page that compares finished runs, in a real browser: with real runs and with artificial ones of every kind. Skipped if the
// machine has no browser.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { Dashboard } from "../../src/coordinator/observe/dashboard/dashboard.js";
import { type ShownRun } from "../../src/coordinator/observe/dashboard/page-files.js";
import { finishedRun, withoutEngine } from "../support/compared-runs.js";
import { findLowContrast } from "../support/contrast.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { killAll, Tandem } from "../support/tandem.js";

const VIEWS = [390, 1200, 1440].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);
/** Chromium's threshold for a good page is 0.1. */
const MAX_LAYOUT_SHIFT = 0.001;

let browser: Browser;

describe.skipIf(browserPath === undefined)("the page that compares runs", () => {
  const closers: (() => Promise<void> | void)[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    killAll();
  });

  async function open(url: string): Promise<{ page: Page; faults: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    closers.push(() => context.close());
    const faults: string[] = [];
    context.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    context.on("weberror", (error) => faults.push(error.error().message));
    await context.addInitScript(`
      globalThis.layoutShift = 0;
      new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) layoutShift += value;
      }).observe({ type: "layout-shift", buffered: true });
    `);
    const page = await context.newPage();
    await page.goto(url);
    await page.locator("#results tbody tr").first().waitFor();
    return { page, faults };
  }

  /** As `tandem show` serves them. */
  async function serve(runs: readonly ShownRun[]): Promise<string> {
    const dashboard = new Dashboard({ runs });
    const server = createServer((request, response) => dashboard.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      dashboard.close();
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  const rows = (page: Page) => page.locator("#results tbody tr").allTextContents();
  const chooses = (page: Page, name: string, value: string) =>
    page.locator(`input[name="${name}"][value="${value}"]`).check({ force: true });
  const pictureOf = async (page: Page, id: string) =>
    (await page.locator(`#${id}`).screenshot()).toString("base64");

  const rates = [1e-3, 1e-2, 1e-1];
  const sweep = rates.flatMap((learningRate) =>
    [2, 4].flatMap((shards) =>
      [1, 2].map((seed) =>
        finishedRun({
          name: `rate-${learningRate}-shards-${shards}-seed-${seed}`,
          config: { learningRate, shards, seed },
          accuracy: learningRate === 1e-1 ? 0.5 : 0.9 + 0.02 * seed + 0.001 * shards,
        }),
      ),
    ),
  );

  test(
    "of real runs, served and as one file: results, differences, the page of each run",
    { timeout: 240_000 },
    async () => {
      const cwd = temporaryFolder();
      const data = ["--data", writeDataset(), "--validation-size", "0"];
      const numbers = ["--steps", "30", "--batch-size", "10", "--eval-every", "10"];
      for (const [name, ...options] of [
        ["seed-1", "--seed", "1"],
        ["seed-2", "--seed", "2"],
        ["fast", "--learning-rate", "1e-2"],
      ] as const) {
        const run = ["single", "--network", "sigmoid", ...data, ...numbers, ...options];
        const ended = await new Tandem([...run, "--summary-dir", name], { cwd }).ended;
        expect(ended.code, ended.stderr).toBe(0);
      }
      const folders = ["seed-1", "seed-2", "fast"];
      const exported = await new Tandem(["show", ...folders, "--export", "runs.html"], { cwd })
        .ended;
      expect(exported.code, exported.stderr).toBe(0);
      const shown = new Tandem(["show", ...folders], { cwd });
      const url = await shown.output(/http:\S+/);
      for (const place of [url, `file://${join(cwd, "runs.html")}`]) {
        const { page, faults } = await open(place);
        expect(await page.locator("#count").textContent()).toBe("3 runs");
        expect(await rows(page)).toHaveLength(2);
        await chooses(page, "seeds", "apart");
        const names = page.locator("#results tbody th");
        expect(await names.allTextContents()).toEqual(["Aseed-1", "Bseed-2", "Cfast"]);
        expect(await page.locator("#results-note").textContent()).toContain("40 samples");
        const settings = await page.locator("#settings tbody tr").allTextContents();
        expect(settings).toEqual(["learning rate1e-41e-40.01", "seed120"]);
        await page.locator("#all-settings").click();
        expect(await page.locator("#settings tbody").textContent()).toContain("sigmoid");

        const link = page.locator("#run-links a", { hasText: "seed-2" });
        const popup = place === url ? undefined : page.waitForEvent("popup");
        await link.click();
        const runPage = (await popup) ?? page;
        await expect.poll(() => runPage.locator("#run-name").textContent()).toBe("seed-2");
        await expect.poll(() => runPage.locator("#figures").textContent()).toContain("seed2");
        await runPage.locator("#confusion-holder button").first().waitFor();
        expect(await runPage.locator("#all-runs").isVisible()).toBe(place === url);
        if (place === url) {
          await runPage.locator("#all-runs").click();
          await page.locator("#results tbody tr").first().waitFor();
        }
        expect(faults).toEqual([]);
      }
      shown.kill("SIGINT");
      expect((await shown.ended).code).toBe(130);
    },
  );

  test("groups of seeds, sorting, steps to an accuracy", async () => {
    const { page, faults } = await open(await serve(sweep));
    const first = await rows(page);
    expect(first).toHaveLength(6);
    expect(first[0]).toMatch(/^Arate-0\.001-shards-2× 2baseline 93\.20\u202f% ± 1\.41/);
    expect(first[1]).toContain("+0.20 93.40");
    await page.locator("#level").selectOption("0.9");
    expect((await rows(page))[0]).toContain("100");
    // Not all seeds of the third rate reach it, so it has no value.
    expect((await rows(page))[4]).toContain("–");
    const sort = page.locator("#results button.sort", { hasText: "Test accuracy" });
    await sort.focus();
    await page.keyboard.press("Enter");
    expect((await rows(page))[0]).toContain("shards-4");
    await page.keyboard.press("Enter");
    expect((await rows(page))[0]).toContain("50.00");
    expect(await page.locator("th[aria-sort=ascending]").textContent()).toContain("Test accuracy");
    await page.keyboard.press("Enter");
    expect(await rows(page)).toEqual(first);
    await chooses(page, "seeds", "apart");
    expect(await rows(page)).toHaveLength(12);
    expect(faults).toEqual([]);
  });

  test("curves: chosen ones, axes, and the cursor by keyboard", async () => {
    const { page, faults } = await open(await serve(sweep));
    const key = page.locator("#runs-key label");
    const value = () => key.first().locator(".value").textContent();
    await expect.poll(value).toBe("93.20\u202f%");
    await page.locator("#accuracy").focus();
    for (let count = 0; count < 50; count++) await page.keyboard.press("ArrowLeft");
    await expect.poll(value).toBe("46.60\u202f%");
    await page.keyboard.press("Escape");
    await expect.poll(value).toBe("93.20\u202f%");
    let last = await pictureOf(page, "accuracy");
    for (const [name, choice] of [
      ["range", "all"],
      ["range", "error"],
      ["by", "log"],
      ["by", "time"],
    ] as const) {
      await chooses(page, name, choice);
      const next = await pictureOf(page, "accuracy");
      expect(next, `${name} ${choice}`).not.toBe(last);
      last = next;
    }
    await key.first().locator("input").uncheck();
    expect(await pictureOf(page, "accuracy")).not.toBe(last);
    last = await pictureOf(page, "loss");
    for (const [name, choice] of [
      ["loss-axis", "linear"],
      ["right", "rate"],
    ] as const) {
      await chooses(page, name, choice);
      const next = await pictureOf(page, "loss");
      expect(next, `${name} ${choice}`).not.toBe(last);
      last = next;
    }
    expect(faults).toEqual([]);
  });

  test("the sweep: cells by two settings, what has not learnt, another arrangement, by keyboard", async () => {
    const { page, faults } = await open(await serve(sweep));
    const cells = page.locator("#sweeps .cell");
    expect(await cells.locator("b").allTextContents()).toEqual([
      "93.2",
      "93.2",
      "50.0",
      "93.4",
      "93.4",
      "50.0",
    ]);
    expect(await page.locator("#sweeps .failed").count()).toBe(2);
    expect(await page.locator("#sweep-summary").textContent()).toContain("4 of 6 cells");
    expect(await page.locator("#sweep-columns").inputValue()).toBe("learning rate");
    await cells.first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator("#picked").textContent()).toContain("learning rate 0.01, shards 4");
    expect(await page.locator("#picked a").count()).toBe(2);
    await page.locator("#sweep-rows").selectOption("learning rate");
    expect(await page.locator("#sweep-columns").inputValue()).toBe("shards");
    expect(await cells.locator("b").allTextContents()).toEqual([
      "93.2",
      "93.4",
      "93.2",
      "93.4",
      "50.0",
      "50.0",
    ]);
    expect(faults).toEqual([]);
  });

  test("on a phone and on desktops, in light and dark: nothing wider than the screen, all text readable", async () => {
    const { page, faults } = await open(await serve(sweep));
    for (const { width, colorScheme } of VIEWS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
      await expect.poll(wide).toBeLessThanOrEqual(width);
      await expect.poll(() => findLowContrast(page)).toEqual([]);
      const canvas = await page.locator("#accuracy canvas").boundingBox();
      const host = await page.locator("#accuracy").boundingBox();
      expect(canvas?.width).toBeCloseTo(host?.width ?? 0, 0);
    }
    expect(faults).toEqual([]);
  });

  test("sixty runs of five hundred points open at once, and nothing moves", async () => {
    const runs = Array.from({ length: 60 }, (_, index) =>
      finishedRun({
        name: `run-${index}`,
        steps: 500,
        accuracy: 0.8 + 0.003 * index,
        config: {
          learningRate: 1e-3 * (1 + (index % 10)),
          batchSize: 10 * (1 + Math.floor(index / 10)),
        },
      }),
    );
    const { page, faults } = await open(await serve(runs));
    const openedMs = await page.evaluate<number>("performance.now()");
    expect(openedMs).toBeLessThan(5_000);
    expect(await page.evaluate<number>("layoutShift")).toBeLessThan(MAX_LAYOUT_SHIFT);
    expect(await rows(page)).toHaveLength(12);
    expect(await page.locator("#runs-key input:checked").count()).toBe(8);
    await page.locator("#all-results").click();
    expect(await rows(page)).toHaveLength(60);
    await page.locator("#show-all").click();
    expect(await page.locator("#runs-key input:checked").count()).toBe(60);
    expect(await page.locator("#sweeps .cell").count()).toBe(60);
    expect(faults).toEqual([]);
  });

  test("of runs that predict values: their loss, without intervals", async () => {
    const config = {
      data: { inputType: "uint8", target: { kind: "values", count: 1 }, digest: "0".repeat(64) },
      loss: { kind: "mean-squared-error" },
    } as const;
    const runs = [1e-3, 1e-2].map((learningRate) =>
      finishedRun({ name: `rate-${learningRate}`, config: { ...config, learningRate } }),
    );
    const { page, faults } = await open(await serve(runs));
    expect(await page.locator("#metric-title").textContent()).toBe("Test loss");
    expect((await rows(page))[0]).toContain("baseline 1.0000");
    expect(await page.locator("#level-field").isVisible()).toBe(false);
    expect(faults).toEqual([]);
  });

  test("logs of earlier versions, which lack an engine: nothing undefined, alone or beside others", async () => {
    const runs = [withoutEngine(finishedRun({ name: "old" })), finishedRun({ name: "new" })];
    const url = await serve(runs);
    const { page, faults } = await open(url);
    const text = () => page.locator("body").innerText();
    expect(await text()).toContain("old");
    expect(await text()).not.toMatch(/undefined|NaN|null/);
    await page.goto(`${url}run?0`);
    await expect.poll(() => page.locator("#figures").textContent()).toContain("seed");
    expect(await text()).not.toMatch(/undefined|NaN|null/);
    expect(await page.locator("#figures").textContent()).not.toContain("engine");
    expect(faults).toEqual([]);
  });
});
