// The page for other kinds of networks than the presets, in a real browser, from events without a run. Skipped without a browser.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { Dashboard } from "../../src/coordinator/observe/dashboard/dashboard.js";
import { Recorder } from "../../src/coordinator/observe/dashboard/recorder.js";
import type { RunConfig } from "../../src/shared/config.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { configOf } from "../support/config.js";

let browser: Browser;

describe.skipIf(browserPath === undefined)("the page", () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  let server: Server | undefined;
  let dashboard: Dashboard;
  let recorder: Recorder;
  let page: Page;
  let faults: string[];
  afterEach(async () => {
    await page.close();
    recorder.close();
    dashboard.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function open(config: RunConfig, classNames?: readonly string[]): Promise<void> {
    dashboard = new Dashboard({});
    server = createServer((request, response) => dashboard.handle(request, response));
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const sinks = [dashboard.add.bind(dashboard)];
    recorder = new Recorder({ classNames, workers: () => [], sinks });
    const start = { event: "start", step: 0, steps: 10, broadcast: "weights" } as const;
    recorder.handle({ ...start, config, parameterCount: 12_345 });
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    faults = [];
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
  }

  function train(metrics: Partial<RunEvent & { event: "evaluation" }>): void {
    for (let step = 0; step < 10; step++) {
      const losses = { trainLoss: 1 / (step + 1), testLoss: 1.2 / (step + 1) };
      recorder.handle({ event: "evaluation", step, ...losses, ...metrics });
      recorder.handle({ event: "step", step, loss: 2 / (step + 1), durationMs: 9, sampleCount: 4 });
    }
  }

  const titles = () => page.locator("#curves h3").allTextContents();
  const isShown = (id: string) => page.locator(id).isVisible();

  test("of RGB pictures in named classes: names, pictures, no drawing", async () => {
    const inputShape = [16, 12, 3];
    const names = ["aeroplane", "automobile", "bird", "cat with a very long name"];
    await open(configOf({ inputShape, classCount: 4 }), names);
    const inputs = Uint8Array.from({ length: 4 * 576 }, (_, index) => (index % 3 === 0 ? 255 : 40));
    train({ trainAccuracy: 0.5, testAccuracy: 0.25 });
    dashboard.offerPredictions({ byteLength: 576, predict: () => ({ step: 0 }) });
    recorder.handle({
      event: "predictions",
      step: 9,
      predictions: [Int32Array.of(0, 0, 3, 3)],
      samples: [{ count: 4, inputs, targets: Int32Array.of(0, 1, 2, 3) }],
    });
    await page.locator("#samples li").first().waitFor();
    const titlesOf = await page.evaluate<string[]>(
      "[...document.querySelectorAll('#samples li')].map(({ title }) => title)",
    );
    expect(titlesOf).toEqual([
      "test sample 1: automobile predicted as aeroplane",
      "test sample 2: bird predicted as cat with a very long name",
    ]);
    const colour = await page.evaluate<number[]>(
      "[...document.querySelector('#samples canvas').getContext('2d').getImageData(3, 3, 1, 1).data]",
    );
    expect(colour).toEqual([255, 40, 40, 255]);
    expect(await page.locator("#confusion-holder .name").allTextContents()).toContain("bird");
    await expect.poll(titles).toEqual(["Accuracy", "Loss", "Samples per second"]);
    expect(await isShown("#pad")).toBe(false);
    expect(await isShown("#picture-file")).toBe(true);
    expect(await isShown("#scatter-section")).toBe(false);
    expect(faults).toEqual([]);
  });

  test("of very many classes: the confused pairs in place of the matrix", async () => {
    await open(configOf({ inputShape: [16, 16, 3], classCount: 200 }));
    recorder.handle({
      event: "predictions",
      step: 0,
      predictions: [Int32Array.of(199)],
      samples: [{ count: 1, inputs: new Uint8Array(768), targets: Int32Array.of(7) }],
    });
    await page.locator("#samples li", { hasText: "7 → 199" }).waitFor();
    expect(await page.locator("#confusion-title").textContent()).toBe("Most confused classes");
    expect(await page.locator(".pairs button").allTextContents()).toEqual(["7→1991"]);
    expect(await page.locator(".confusion").count()).toBe(0);
  });

  test("of values from features: losses and a scatter plot; no batch normalisation", async () => {
    const target = { kind: "values", count: 3 } as const;
    await open(
      configOf({
        network: presetNetwork("sigmoid-plain", [6], 3),
        loss: { kind: "mean-squared-error" },
        data: { inputType: "float32", target, digest: "0".repeat(64) },
      }),
    );
    train({});
    const population = new Map();
    recorder.handle({ event: "moments", step: 9, shards: [new Map()], population });
    const targets = Float32Array.from({ length: 300 }, (_, index) => Math.sin(index));
    recorder.handle({
      event: "predictions",
      step: 9,
      predictions: [targets.map((value, index) => value + 0.1 * Math.cos(17 * index))],
      samples: [{ count: 100, inputs: new Float32Array(600), targets }],
    });
    await page.locator("#scatter canvas").waitFor();
    expect(await page.locator("#scatter-note").textContent()).toContain(
      "100 test samples at step 9",
    );
    expect(await page.locator("#scatter-metrics tbody tr").count()).toBe(3);
    expect(await page.locator("#output option").count()).toBe(3);
    const picture = async () => (await page.locator("#scatter").screenshot()).toString("base64");
    const before = await picture();
    await page.locator("#output").selectOption("2");
    expect(await picture()).not.toBe(before);
    await expect.poll(titles).toEqual(["Loss at evaluations", "Loss", "Samples per second"]);
    expect(await page.locator("#metric-name").textContent()).toBe("Test loss");
    expect(await page.locator("#metric").textContent()).toBe("0.12");
    for (const id of ["#statistics-section", "#try-section", "#confusion-section"]) {
      expect(await isShown(id), id).toBe(false);
    }
    recorder.handle({ event: "end", step: 10, testLoss: 0.0625, path: "checkpoint.safetensors" });
    await expect.poll(() => page.title()).toBe("Tandem: 0.0625");
    expect(faults).toEqual([]);
  });

  test("of small grey images: what is drawn is predicted, with the classes' names", async () => {
    await open(configOf(), ["zero", "one", "two", "three"]);
    const probabilities = [0.1, 0.6, 0.2, 0.1];
    const samples: Uint8Array[] = [];
    dashboard.offerPredictions({
      byteLength: 80,
      predict: (sample) => {
        samples.push(sample);
        return { step: 5, probabilities };
      },
    });
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const box = await page.locator("#canvas").boundingBox();
    if (!box) throw new Error("no canvas");
    await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.2 * box.height);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.8 * box.height);
    await page.mouse.up();
    await page.locator("#probabilities .best", { hasText: "one" }).waitFor();
    expect(await page.locator("#answer").textContent()).toBe("one, 60.0 %");
    expect(await page.locator("#weights").textContent()).toBe("With the weights of step 5.");
    expect(samples[0]?.some((value) => value > 100)).toBe(true);
    expect(faults).toEqual([]);
  });
});
