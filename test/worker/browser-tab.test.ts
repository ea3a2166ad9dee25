// Browser workers in tabs of a real browser, for a real coordinator, under the join page's own policy: whatever becomes of the
// tabs, the file is that of a run without them. Skipped without a browser.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { isTensorFlowInstalled } from "../../src/shared/engine/tensorflow/installation.js";
import {
  type FromBrowserWorker,
  isLast,
  type ToBrowserWorker,
} from "../../src/shared/protocol/browser-messages.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll, Tandem, tandem } from "../support/tandem.js";

const STEPS = 12;
const SHARDS = 4;
const TOKEN = "open-sesame-please";

/** The tab's script, as text, because the tests are compiled without DOM types. */
const START_WORKER = `(start) => {
  self.thread = new Worker("/join-worker.js", { type: "module" });
  thread.onmessage = ({ data }) => report(data);
  thread.onerror = ({ message }) => report({ type: "failed", reason: message });
  const url = location.origin.replace("http", "ws");
  thread.postMessage({ type: "start", url, kernelsUrl: location.origin + "/kernels.wasm", ...start });
}`;

class Tab {
  readonly page: Page;
  /** Messages posted by the Web Worker. */
  readonly events: FromBrowserWorker[] = [];
  /** Errors, and violations of the page's Content-Security-Policy. */
  readonly faults: string[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (message) => {
      // Network errors and refusals are checked by each test.
      const isFault = !message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && isFault) this.faults.push(message.text());
    });
  }

  async open(url: string): Promise<void> {
    await this.page.exposeFunction("report", (event: FromBrowserWorker) => {
      this.events.push(event);
      for (const wake of this.waiting) wake();
    });
    await this.page.goto(url);
  }

  startWorker(start: Partial<ToBrowserWorker & { type: "start" }> = {}): Promise<void> {
    return this.page.evaluate(`(${START_WORKER})(${JSON.stringify({ name: "tab", ...start })})`);
  }

  /** Resolves with the `count`-th event of this type. */
  async event<T extends FromBrowserWorker["type"]>(
    type: T,
    count = 1,
  ): Promise<FromBrowserWorker & { type: T }> {
    const found = await this.find(
      () => this.events.filter((each) => each.type === type)[count - 1],
    );
    return found as FromBrowserWorker & { type: T };
  }

  /** Resolves with the last event. */
  end(): Promise<FromBrowserWorker> {
    return this.find(() => this.events.find(isLast));
  }

  private async find(look: () => FromBrowserWorker | undefined): Promise<FromBrowserWorker> {
    for (;;) {
      const found = look();
      if (found) return found;
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
    }
  }
}

describe.skipIf(browserPath === undefined)("a tab", () => {
  const data = writeDataset();
  const numbers = ["--batch-size", "10", "--shards", String(SHARDS), "--steps", String(STEPS)];
  const options = ["--data", data, "--validation-size", "0", "--eval-every", "5", ...numbers];
  const tabs: Tab[] = [];
  let browser: Browser;
  let calm: Buffer;

  beforeAll(async () => {
    browser = await openBrowser();
    const cwd = temporaryFolder();
    const { code, stderr } = await tandem(["single", "--engine", "wasm", ...options], { cwd });
    expect(code, stderr).toBe(0);
    calm = checkpointIn(cwd);
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    killAll();
    for (const { page, faults } of tabs.splice(0)) {
      await page.close();
      expect(faults).toEqual([]);
    }
  });

  function checkpointIn(folder: string): Buffer {
    return readFileSync(join(folder, "checkpoint.safetensors"));
  }

  async function coordinate(args: string[] = [], { cwd = temporaryFolder(), port = 0 } = {}) {
    const given = ["--port", String(port), "--json", "--engine", "wasm", ...options, ...args];
    const process = new Tandem(["coordinator", ...given], { cwd });
    const socketUrl = await process.url();
    return { process, cwd, socketUrl, url: socketUrl.replace("ws:", "http:") };
  }

  async function openTab(url: string): Promise<Tab> {
    const tab = new Tab(await browser.newPage());
    tabs.push(tab);
    await tab.open(`${url}/join`);
    return tab;
  }

  async function expectCalmEnd({ process, cwd }: { process: Tandem; cwd: string }): Promise<void> {
    const { code, stderr } = await process.ended;
    expect(code, stderr).toBe(0);
    expect(checkpointIn(cwd).equals(calm)).toBe(true);
  }

  test.each(["weights", "updates"])(
    "computes a run alone, with --broadcast %s, and says what it did",
    async (broadcast) => {
      const run = await coordinate(["--broadcast", broadcast]);
      const tab = await openTab(run.url);
      await tab.startWorker();
      expect(await tab.end()).toEqual({ type: "ended", reason: "finished" });
      await expectCalmEnd(run);
      expect(tab.events[0]).toEqual({ type: "connected", name: "tab" });
      const tasks = tab.events.filter((event) => event.type === "task");
      const { totals } = tasks.at(-1)!;
      expect(totals).toMatchObject({ shards: SHARDS * STEPS, weightsStep: STEPS });
      const shards = tasks.filter(({ kind }) => kind === "shard");
      expect(new Set(shards.map(({ step }) => step)).size).toBe(STEPS);
      // The loss of a step is the mean over its samples, of which a shard has two or three.
      const losses = run.process.events.filter(({ event }) => event === "step");
      const ofFirst = shards.filter(({ step }) => step === 0);
      const sum = ofFirst.reduce((total, { loss, sampleCount }) => total + loss * sampleCount, 0);
      expect(sum / 10).toBeCloseTo(Number(losses[0]!["loss"]), 5);
      expect(Math.min(...tasks.map(({ computeMs }) => computeMs))).toBeGreaterThan(0);
      // With updates a worker is sent gradients, except for its own.
      expect(totals.bytesSent).toBeGreaterThan(1e6);
      expect(totals.bytesReceived).toBeGreaterThan(1e6);
    },
  );

  test("together with a worker in Node: both take part, the file is the same", async () => {
    const run = await coordinate(["--min-workers", "2"]);
    const tab = await openTab(run.url);
    await tab.startWorker();
    worker(run.socketUrl, "--name", "node");
    await expectCalmEnd(run);
    await tab.end();
    expect(shardsOf(tab.events)).toBeGreaterThan(0);
    expect(shardsOf(tab.events)).toBeLessThan(SHARDS * STEPS);
  });

  test("terminated during a step, or reloaded: its tasks are reassigned, and it may reconnect", async () => {
    const run = await coordinate(["--min-workers", "3"]);
    const open = () => openTab(run.url);
    const [first, second, third] = [await open(), await open(), await open()];
    for (const tab of [first, second, third]) await tab.startWorker();
    await first.event("task");
    await first.page.evaluate("thread.terminate()");
    await first.startWorker();
    await second.event("task", 2);
    await second.page.reload();
    await second.startWorker();
    await expectCalmEnd(run);
    expect(await third.end()).toEqual({ type: "ended", reason: "finished" });
    const states = run.process.events.filter(({ event }) => event === "worker");
    expect(states.filter(({ state }) => state === "rejected")).toEqual([]);
  });

  test("asked to stop says goodbye, and the run continues without it", async () => {
    const run = await coordinate();
    const [leaver, stayer] = [await openTab(run.url), await openTab(run.url)];
    await leaver.startWorker({ name: "leaver" });
    await leaver.event("task");
    await leaver.page.evaluate(`thread.postMessage({ type: "stop" })`);
    expect(await leaver.end()).toEqual({ type: "stopped" });
    await stayer.startWorker();
    await expectCalmEnd(run);
    const reasons = run.process.events.filter(({ name }) => name === "leaver");
    expect(reasons.map(({ reason }) => reason)).toContain("said goodbye");
  });

  test("waits for a coordinator that was killed, and continues with the next one", async () => {
    const run = await coordinate(["--checkpoint-every", "1"]);
    const tab = await openTab(run.url);
    await tab.startWorker();
    await run.process.event(({ event }) => event === "checkpoint");
    run.process.kill("SIGKILL");
    await tab.event("waiting");
    const port = Number(new URL(run.url).port);
    const resume = ["--resume", "checkpoint.safetensors"];
    const again = await coordinate(resume, { cwd: run.cwd, port });
    await tab.event("connected", 2);
    expect(await tab.end()).toEqual({ type: "ended", reason: "finished" });
    await expectCalmEnd(again);
  });

  test("joins a run with a token only after its page has logged in", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "token"), TOKEN);
    const run = await coordinate(["--token-file", "token"], { cwd });
    const tab = await openTab(run.url);
    await tab.startWorker();
    expect((await tab.event("waiting")).reason).toBe("no connection");
    const login = `fetch("login", { method: "POST", body: new URLSearchParams({ token: "${TOKEN}" }) })`;
    await tab.page.evaluate(login);
    await tab.event("connected");
    await expectCalmEnd(run);
  });

  test.skipIf(!isTensorFlowInstalled())(
    "shows why it cannot join a run with tensorflow",
    async () => {
      const run = await coordinate(["--engine", "tensorflow"]);
      const tab = await openTab(run.url);
      await tab.startWorker();
      const end = await tab.end();
      expect(end).toMatchObject({ type: "refused", cause: "engine" });
      expect(end).toHaveProperty("reason", expect.stringMatching(/tensorflow.*--engine wasm/));
    },
  );

  test("reports that its memory is too small", async () => {
    const run = await coordinate();
    const tab = await openTab(run.url);
    await tab.startWorker({ memoryBytes: 1e6 });
    expect(await tab.end()).toMatchObject({ type: "refused", cause: "memory" });
  });

  test("reports that the engine's module is missing", async () => {
    const run = await coordinate();
    const tab = await openTab(run.url);
    await tab.startWorker({ kernelsUrl: `${run.url}/nothing.wasm` });
    expect(await tab.end()).toMatchObject({
      type: "failed",
      reason: expect.stringContaining("HTTP 404") as string,
    });
  });
});

function shardsOf(events: readonly FromBrowserWorker[]): number {
  return events.filter((event) => event.type === "task" && event.kind === "shard").length;
}
