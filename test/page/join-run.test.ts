// A run joined by tabs of a real browser: whatever happens to them, its checkpoint is that of `single`. Skipped without a browser.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { SmallRun, worker } from "../support/small-run.js";
import { killAll } from "../support/tandem.js";

const STEPS = 60;
const WASM = ["--engine", "wasm"];

const run = new SmallRun(STEPS, WASM);
let browser: Browser;

describe.skipIf(browserPath === undefined)("a tab joins a run", { timeout: 240_000 }, () => {
  beforeAll(async () => {
    [browser] = await Promise.all([openBrowser(), run.prepare()]);
  }, 240_000);
  afterAll(() => browser.close());

  const faults: string[] = [];
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    killAll();
    expect(faults.splice(0)).toEqual([]);
  });

  const coordinator = (...args: string[]) => run.start("coordinator", ["--port", "0", ...args]);

  async function openTab(socketUrl: string, cores = "1", name = "tab"): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.on("console", (message) => {
      const isStatus = /Failed to load resource|WebSocket connection/.test(message.text());
      if (message.type() === "error" && !isStatus) faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    await page.addInitScript(
      `Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 });`,
    );
    await page.goto(`${socketUrl.replace("ws:", "http:")}/join`);
    await shows(page, "Ready");
    await page.locator("#cores").fill(cores);
    await page.locator("#name").fill(name);
    return page;
  }

  const shows = (page: Page, word: string) =>
    expect.poll(() => page.locator("#state").textContent(), { timeout: 60_000 }).toBe(word);

  const compute = (page: Page) => page.locator("#start").click();

  test("alone, with two cores: each is a worker, and the page says what became of the run", async () => {
    const { process, cwd } = coordinator();
    const page = await openTab(await process.url(), "2");
    await compute(page);
    const joined = (name: string) =>
      process.event((event) => event.event === "worker" && event["name"] === name);
    expect(await joined("tab-1")).toMatchObject({ state: "joined", kind: "browser" });
    expect(await joined("tab-2")).toMatchObject({ state: "joined", kind: "browser" });
    await shows(page, "Finished");
    const { code, stderr } = await process.ended;
    expect(code, stderr).toBe(0);
    expect(run.digest(cwd)).toBe(run.calmDigest);
    const text = () => page.locator("#message").textContent();
    // The end is known before the last Web Worker has reported its last shard.
    await expect.poll(text).toContain("100\u202f% of the work since it joined");
    const [, shards] = /This device computed (\d+) shards/.exec((await text()) ?? "") ?? [];
    // Backup tasks are shards that are computed twice.
    expect(Number(shards)).toBeGreaterThanOrEqual(3 * STEPS);
    await expect.poll(() => page.locator("#weights").textContent()).toBe(`of step ${STEPS}`);
  });

  test("beside a worker in Node; it is closed in the middle of a step", async () => {
    const { process, cwd } = coordinator("--min-workers", "2");
    const url = await process.url();
    worker(url, "--name", "node");
    const page = await openTab(url);
    await compute(page);
    await process.step(10);
    await page.close();
    const left = await process.event(
      (event) => event.event === "worker" && event["state"] === "left",
    );
    expect(left["name"]).toBe("tab-1");
    const again = await openTab(url, "1", "again");
    await compute(again);
    const { code, stderr } = await process.ended;
    expect(code, stderr).toBe(0);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });

  test("reloaded while it computes, it continues by itself", async () => {
    const { process, cwd } = coordinator();
    const page = await openTab(await process.url());
    await compute(page);
    for (const step of [8, 16, 24]) {
      await process.step(step);
      await page.reload();
    }
    await shows(page, "Finished");
    expect((await process.ended).code).toBe(0);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });

  test("it leaves by its button, with a goodbye", async () => {
    const { process, cwd } = coordinator();
    const url = await process.url();
    const page = await openTab(url);
    await compute(page);
    await process.step(8);
    await compute(page);
    await shows(page, "Left");
    const left = await process.event(
      (event) => event.event === "worker" && event["state"] === "left",
    );
    expect(left["reason"]).not.toMatch(/lost|broke|1006/);
    worker(url);
    expect((await process.ended).code).toBe(0);
    expect(run.digest(cwd)).toBe(run.calmDigest);
  });
});
