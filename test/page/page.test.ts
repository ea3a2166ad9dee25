// The page in a real browser, during a real run and after it. Skipped if the machine has no browser.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll, Tandem } from "../support/tandem.js";

const WIDTHS = [390, 1440];

let browser: Browser;

if (browserPath === undefined) {
  process.stderr.write("no Chromium found (set TANDEM_BROWSER): the page is not tested\n");
}

const RARE = ["--checkpoint-every", "0"];

describe.skipIf(browserPath === undefined)("the page", { timeout: 480_000 }, () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  afterEach(killAll);

  /** Also a list of faults: errors in the console, requests to other hosts. */
  async function openPage(url: string): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1200 } });
    const faults: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      const isOwn = protocol === "data:" || request.url().startsWith(url);
      if (!isOwn) faults.push(`a request to ${host}`);
    });
    await page.goto(url);
    return { page, faults };
  }

  /** Strokes over the canvas, as shares of its side. */
  async function draw(page: Page, stroke: [number, number][]): Promise<void> {
    await page.locator("#clear").click();
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const box = await page.locator("#canvas").boundingBox();
    if (!box) throw new Error("no canvas");
    const at = ([x, y]: [number, number]) =>
      [box.x + x * box.width, box.y + y * box.height] as const;
    await page.mouse.move(...at(stroke[0]!));
    await page.mouse.down();
    for (const point of stroke) await page.mouse.move(...at(point));
    await page.mouse.up();
  }

  const one: [number, number][] = Array.from({ length: 12 }, (_, i) => [0.52, 0.15 + 0.06 * i]);
  const zero: [number, number][] = Array.from({ length: 33 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 32;
    return [0.5 + 0.22 * Math.sin(angle), 0.5 - 0.33 * Math.cos(angle)];
  });

  test("of a run in progress: curves that move, workers, a lost one, predictions for drawings", async () => {
    const cwd = temporaryFolder();
    const options = ["--shards", "2", "--learning-rate", "1e-3", "--steps", "100000"];
    // With the plain moving average the network would seem to learn a thousand steps later.
    const evaluations = ["--eval-every", "100", "--population", "ema-corrected"];
    const coordinator = new Tandem(
      ["coordinator", "--port", "0", "--json", ...options, ...evaluations, ...RARE],
      { cwd },
    );
    const socketUrl = await coordinator.url();
    const { page, faults } = await openPage(socketUrl.replace("ws:", "http:") + "/");
    const workers = ["left", "right"].map((name) => worker(socketUrl, "--name", name));

    const rows = page.locator("#workers tr");
    await rows.filter({ hasText: "left" }).filter({ hasText: "working" }).waitFor();
    await rows.filter({ hasText: "right" }).filter({ hasText: "working" }).waitFor();

    const picture = async () =>
      (await page.locator("#curves canvas").first().screenshot()).toString("base64");
    await coordinator.step(20);
    await expect.poll(() => page.title()).toMatch(/Tandem: step [1-9]/);
    const before = await picture();
    await coordinator.step(60);
    await expect.poll(picture, { timeout: 10_000 }).not.toBe(before);

    workers[1]?.kill("SIGKILL");
    await rows.filter({ hasText: "right" }).filter({ hasText: "lost" }).waitFor();
    await page.locator("#marks li", { hasText: "right lost" }).waitFor();

    // The newest step, and the statistics of each shard.
    await page.locator("#timeline rect").first().waitFor();
    await expect.poll(() => page.locator("#timeline").textContent()).toContain("optimizer");
    // A step that is held stays while the run continues.
    const note = () => page.locator("#step-note").textContent();
    await page.locator("#hold").click();
    const held = await note();
    const title = await page.title();
    await expect.poll(() => page.title()).not.toBe(title);
    expect(await note()).toBe(held);
    await page.locator("#hold").click();
    await expect.poll(note).not.toBe(held);
    await page.locator("#layer").selectOption("fc1/bn");
    await page.locator("#channel").fill("1000");
    await expect.poll(() => page.locator("#channels").textContent()).toContain("1023");

    await coordinator.event(
      (event) => event.event === "evaluation" && Number(event["testAccuracy"]) > 0.96,
    );
    for (const [label, stroke] of [
      ["1", one],
      ["0", zero],
    ] as const) {
      await draw(page, stroke);
      await page.locator("#probabilities .best", { hasText: new RegExp(`^${label}`) }).waitFor();
    }
    await page.locator("#confusion-holder button").first().waitFor();
    await page.locator("#samples li").first().waitFor();

    // Opened late, on a phone and in dark mode: the history is complete, and nothing is wider than the screen.
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await page.reload();
        await page.locator("#marks li", { hasText: "right lost" }).waitFor();
        await page.locator("#confusion-holder button").first().waitFor();
        const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
        await expect.poll(wide).toBeLessThanOrEqual(width);
      }
    }

    // Using only the keyboard.
    await page.locator("#canvas").focus();
    for (const key of ["ArrowUp", "Space", ...Array<string>(8).fill("ArrowDown")]) {
      await page.keyboard.press(key);
    }
    await page.locator("#probabilities .best").waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test("of a finished run, served and as one file", async () => {
    const cwd = temporaryFolder();
    const numbers = ["--steps", "30", "--batch-size", "10", "--eval-every", "10", "--seed", "2"];
    const data = ["--data", writeDataset(), "--validation-size", "0"];
    const run = ["single", ...data, ...numbers, "--summary-dir", "seed-2"];
    const { code, stderr } = await new Tandem(run, { cwd }).ended;
    expect(code, stderr).toBe(0);
    const exported = await new Tandem(["show", "seed-2", "--export", "run.html"], { cwd }).ended;
    expect(exported.code, exported.stderr).toBe(0);
    const shown = new Tandem(["show", "seed-2"], { cwd });
    const url = await shown.output(/http:\S+/);
    for (const place of [url, `file://${join(cwd, "run.html")}`]) {
      const { page, faults } = await openPage(place);
      await expect.poll(() => page.locator("#run-name").textContent()).toBe("seed-2");
      expect(await page.locator("#state").textContent()).toBe("Finished");
      await expect.poll(() => page.locator("#figures").textContent()).toContain("seed2");
      expect(await page.locator("#loss-key").textContent()).toContain("smoothed");
      expect(await page.locator("#all-runs").isVisible()).toBe(false);
      expect(faults).toEqual([]);
      await page.close();
    }
    shown.kill("SIGINT");
    expect((await shown.ended).code).toBe(130);
  });
});

test("show without a log, or with another file in its place, reports it in one line", async () => {
  const cwd = temporaryFolder();
  const none = await new Tandem(["show", "nowhere"], { cwd }).ended;
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toMatch(/^tandem: nowhere has no log of a run .*\n$/);
  writeFileSync(join(cwd, "tandem-run.jsonl"), "no log\nat all\n");
  const other = await new Tandem(["show", "."], { cwd }).ended;
  expect(other.code).toBe(2);
  expect(other.stderr).toContain("line 1");
});

test("the run's log has one update per line, from the start to the end", async () => {
  const cwd = temporaryFolder();
  const args = ["single", "--data", writeDataset(), "--validation-size", "0", "--batch-size", "10"];
  const run = async (...more: string[]) =>
    (await new Tandem([...args, "--eval-every", "5", ...more], { cwd }).ended).code;
  const kinds = () =>
    readFileSync(join(cwd, "summary/tandem-run.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
  expect(await run("--steps", "10")).toBe(0);
  expect(kinds()[0]).toBe("start");
  for (const kind of ["steps", "evaluation", "trace", "statistics", "mistakes", "end"]) {
    expect(kinds()).toContain(kind);
  }
  // A resumed run continues the log, a new one starts its own.
  expect(await run("--steps", "20", "--resume", "checkpoint.safetensors")).toBe(0);
  expect(kinds().filter((kind) => kind === "start")).toHaveLength(2);
  expect(await run("--steps", "5")).toBe(0);
  expect(kinds().filter((kind) => kind === "start")).toHaveLength(1);
});
