// The page of real runs of every kind: pictures and many classes, rows of a table, predicted values. Skipped if the machine has no
// browser.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { makeShapes, SHAPES, SHAPES_INPUT } from "../../scripts/showcase/data.mjs";
import { startShowcase } from "../../scripts/showcase/runs.mjs";
import { findLowContrast } from "../support/contrast.js";
import { temporaryFolder } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll } from "../support/tandem.js";

/** Chromium's threshold for a good page is 0.1. */
const MAX_LAYOUT_SHIFT = 0.001;
/** So tall that the whole page is visible: only visible shifts count. */
const TALL = 4_000;

let browser: Browser;

describe.skipIf(browserPath === undefined)("the page", { timeout: 120_000 }, () => {
  const closers: (() => Promise<void> | void)[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    killAll();
  });

  /** The page of a run that has just started, with the errors in its console. */
  async function open(kind: string, { steps = 1_000_000, computesHere = true } = {}) {
    const output = join(temporaryFolder(), "checkpoint.safetensors");
    const numbers = { steps, evalEvery: 10, learningRate: 0.01 };
    const run = await startShowcase(kind, { ...numbers, output, computesHere });
    closers.push(run.stop);
    const context = await browser.newContext({ viewport: { width: 1200, height: TALL } });
    closers.push(() => context.close());
    const faults: string[] = [];
    context.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    context.on("weberror", (error) => faults.push(error.error().message));
    await context.addInitScript(`
      globalThis.layoutShifts = [];
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
          const names = sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
          layoutShifts.push({ value, names });
        }
      }).observe({ type: "layout-shift", buffered: true });
    `);
    const page = await context.newPage();
    await page.goto(run.url);
    return { run, page, faults };
  }

  /** Nothing has moved since the page was opened, nothing is wider than the screen, and text is readable in both schemes. */
  async function checkLook(page: Page): Promise<void> {
    const shifts = await page.evaluate<{ value: number; names: string[] }[]>("layoutShifts");
    const total = shifts.reduce((sum, { value }) => sum + value, 0);
    expect(total, JSON.stringify(shifts)).toBeLessThan(MAX_LAYOUT_SHIFT);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [390, 1200, 1440]) {
        await page.setViewportSize({ width, height: TALL });
        const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
        await expect.poll(wide).toBeLessThanOrEqual(width);
      }
      await expect.poll(() => findLowContrast(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 1200, height: TALL });
  }

  const text = (page: Page, id: string) => page.locator(id).textContent();

  /** The coordinator's own answer for a sample. */
  async function predict(url: string, sample: Uint8Array<ArrayBuffer>) {
    const response = await fetch(`${url}/predict`, { method: "POST", body: sample });
    return (await response.json()) as { probabilities?: number[]; outputs?: number[] };
  }

  /** A test picture and its file. */
  async function pictureFile() {
    const [height, width] = SHAPES_INPUT as [number, number, number];
    const pixels = makeShapes(1, 77).inputs;
    const raw = { height, width, channels: 3 as const };
    return { pixels, png: await sharp(pixels, { raw }).png().toBuffer() };
  }

  /** Gives the page a file as if it were dropped or pasted. */
  async function transfer(page: Page, how: "drop" | "paste", type: string, bytes: Buffer) {
    const base64 = bytes.toString("base64");
    await page.evaluate(`{
      const bytes = Uint8Array.from(atob("${base64}"), (character) => character.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], "given", { type: "${type}" }));
      document.querySelector("#drop").dispatchEvent(
        "${how}" === "drop"
          ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent("paste", { clipboardData: data, bubbles: true }),
      );
    }`);
  }

  const seenPixels = (page: Page) =>
    page.evaluate<number[]>(`(() => {
      const canvas = document.querySelector("#seen");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [...data].filter((_, index) => index % 4 !== 3);
    })()`);

  test("of RGB pictures: names, a matrix whose cells show their samples, pictures of one's own", async () => {
    const { run, page, faults } = await open("pictures");
    await page.locator("#samples canvas").first().waitFor();
    await run.stepDone(25);
    await expect.poll(() => text(page, "#message")).toMatch(/step ([2-9]\d|\d{3,})\./);
    await checkLook(page);

    // All columns are visible, at 1,200 pixels without scrolling.
    const holder = 'document.querySelector("#confusion-holder")';
    const hidden = await page.evaluate<number>(`${holder}.scrollWidth - ${holder}.clientWidth`);
    expect(hidden).toBeLessThanOrEqual(0);
    expect(await page.locator("#confusion-holder .name").allTextContents()).toEqual([
      "",
      ...SHAPES,
      ...SHAPES,
    ]);

    // Choosing a cell with the mouse and with the keyboard.
    const some = page.locator("#confusion-holder button:not(:empty)").first();
    const [label = "", predicted = ""] = (await some.getAttribute("aria-label"))!
      .replace(/^\S+ of /, "")
      .split(" predicted as ");
    // Evaluations change what is in the cells.
    const place = [SHAPES.indexOf(label), SHAPES.indexOf(predicted)];
    const cell = page.locator(`[data-label="${place[0]}"][data-predicted="${place[1]}"]`);
    await cell.click();
    expect(await cell.getAttribute("aria-pressed")).toBe("true");
    await expect
      .poll(() => text(page, "#samples-title"))
      .toBe(`${label} predicted as ${predicted}`);
    const titles = await page.evaluate<string[]>(
      "[...document.querySelectorAll('#samples li')].map(({ title }) => title)",
    );
    for (const title of titles) expect(title).toContain(`${label} predicted as ${predicted}`);
    await page.locator("#all-samples").click();
    await expect.poll(() => text(page, "#samples-title")).toBe("Mistakes");
    await page.locator('#confusion-holder [data-label="0"][data-predicted="1"]').focus();
    // Skipping the diagonal, so down to the fourth row.
    for (const key of ["ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await expect
      .poll(() => text(page, "#samples-title"))
      .toBe(`${SHAPES[3]} predicted as ${SHAPES[1]}`);

    // Chosen, dropped, pasted: the network gets exactly these pixels.
    const { pixels, png } = await pictureFile();
    await page.locator("#picture-file").setInputFiles({
      name: "shape.png",
      mimeType: "image/png",
      buffer: png,
    });
    await expect.poll(() => text(page, "#answer")).toMatch(/^[a-z ]+, \d+\.\d %$/);
    expect(await seenPixels(page)).toEqual([...pixels]);
    const { probabilities = [] } = await predict(run.url, pixels);
    expect(probabilities).toHaveLength(SHAPES.length);
    for (const how of ["drop", "paste"] as const) {
      await page.locator("#clear").click();
      expect(await text(page, "#answer")).toBe("");
      await transfer(page, how, "image/png", png);
      await expect.poll(() => text(page, "#answer")).toMatch(/ %$/);
      expect(await seenPixels(page)).toEqual([...pixels]);
    }
    await transfer(page, "drop", "text/plain", Buffer.from("no picture"));
    await expect
      .poll(() => text(page, "#answer"))
      .toBe("given is not a picture that this browser can read.");
    expect(faults).toEqual([]);
  });

  test("of many classes: confused pairs, and the three most probable classes of a picture", async () => {
    const { page, faults } = await open("many-classes");
    await page.locator(".pairs button").first().waitFor();
    await checkLook(page);
    // In one call: evaluations sort them again, and then the chosen one may no longer be among the first.
    const [name, title] = await page.evaluate<[string, string]>(`(() => {
      document.querySelector(".pairs button").click();
      const chosen = document.querySelector('.pairs button[aria-pressed="true"]');
      return [chosen.title, document.querySelector("#samples-title").textContent];
    })()`);
    expect(title).toMatch(/ predicted as /);
    expect(title).toBe(name);
    // Show all mistakes: the next evaluation may have none with these two classes.
    await page.locator("#all-samples").click();
    await page.locator("#samples li").first().waitFor();
    const { png } = await pictureFile();
    await page.locator("#picture-file").setInputFiles({
      name: "shape.png",
      mimeType: "image/png",
      buffer: png,
    });
    await expect.poll(() => text(page, "#answer")).toMatch(/ of colour \d+, \d+\.\d %$/);
    expect(await page.locator("#probabilities li").count()).toBe(3);
    expect(faults).toEqual([]);
  }, 120_000);

  test("of rows of a table: mistakes as rows in their units, and a form to predict others", async () => {
    const { run, page, faults } = await open("table");
    await page.locator("#samples tbody tr").first().waitFor();
    await run.stepDone(60);
    await checkLook(page);
    expect(await page.locator("#samples th").allTextContents()).toEqual([
      "sample",
      "rating",
      "predicted",
      ...["floor area in square metres", "rooms", "year", "metres to the station", "district"],
    ]);
    const districts = await page.locator("#samples tbody td:last-child").allTextContents();
    for (const each of districts) {
      expect(["harbour", "old town", "university", "garden suburb"]).toContain(each);
    }
    const year = page.getByLabel("year");
    expect(await year.inputValue()).toBe("1974");
    await expect.poll(() => text(page, "#answer")).toMatch(/^(low|usual|high), /);
    // A very large home in the most expensive district: 4 scales above the mean.
    await page.getByLabel("floor area in square metres").fill("208");
    await page.getByLabel("district").selectOption("old town");
    await expect.poll(() => text(page, "#answer")).toMatch(/^high, /);
    await year.fill("");
    await expect.poll(() => text(page, "#answer")).toBe("Enter a number for year.");
    await page.locator("#clear").click();
    expect(await year.inputValue()).toBe("1974");
    expect(await page.locator("#try-picture").isVisible()).toBe(false);
    expect(faults).toEqual([]);
  });

  test("of predicted values: a scatter plot, R², the largest errors, no accuracy; then the result", async () => {
    const { run, page, faults } = await open("regression", { steps: 160, computesHere: false });
    worker(run.url.replace("http:", "ws:"));
    await page.locator("#scatter canvas").waitFor();
    const before = await page.locator(".events").boundingBox();
    await expect.poll(() => text(page, "#state"), { timeout: 60_000 }).toBe("Finished");
    await checkLook(page);
    expect(await page.locator(".events").boundingBox()).toEqual(before);
    expect(await text(page, "#result-section")).toContain("checkpoint.safetensors");
    expect(await page.locator("#result-section").isVisible()).toBe(true);
    expect(await page.locator("#join-section").isVisible()).toBe(false);
    const cells = await page.locator("#scatter-metrics td").allTextContents();
    expect(cells).toHaveLength(3);
    expect(Number(cells[0])).toBeGreaterThan(0);
    expect(Number(cells[0])).toBeLessThanOrEqual(1);
    // The root of the mean square is never below the mean of the absolute values.
    expect(Number(cells[1])).toBeGreaterThanOrEqual(Number(cells[2]));
    expect(await text(page, "#metric-note")).toContain("R²");
    expect(await page.locator("#samples tbody tr").count()).toBe(24);
    expect(await page.locator("#confusion-section").isVisible()).toBe(false);
    expect(await page.evaluate<string>("document.body.innerText")).not.toMatch(/accuracy/i);
    expect(faults).toEqual([]);
  });

  test("for a bad picture file, the page shows a sentence and continues to work", async () => {
    const { page, faults } = await open("pictures");
    const folder = temporaryFolder();
    writeFileSync(join(folder, "torn.png"), (await pictureFile()).png.subarray(0, 40));
    await page.locator("#picture-file").setInputFiles(join(folder, "torn.png"));
    await expect
      .poll(() => text(page, "#answer"))
      .toBe("torn.png is not a picture that this browser can read.");
    expect(faults).toEqual([]);
  });
});
