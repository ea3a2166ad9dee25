// The page /join in a browser, over a dashboard without a run, with Web Workers that say what a test tells them to.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { expect } from "vitest";
import { Dashboard } from "../../src/coordinator/observe/dashboard/dashboard.js";
import { JOIN_POLICY } from "../../src/coordinator/observe/dashboard/join-page.js";
import { Recorder } from "../../src/coordinator/observe/dashboard/recorder.js";
import type { RunConfig } from "../../src/shared/config.js";
import type {
  BrowserWorkerTotals,
  FromBrowserWorker,
  ToBrowserWorker,
} from "../../src/shared/protocol/browser-messages.js";
import { configOf } from "./config.js";

/** Repeats on a channel what the page tells it, and tells the page what comes from there. */
const SCRIPTED_WORKER = `
  const channel = new BroadcastChannel("scripted");
  let name;
  addEventListener("message", ({ data }) => {
    if (data.type === "start") name = data.name;
    channel.postMessage({ from: name, heard: data });
  });
  channel.onmessage = ({ data }) => {
    if (data.to && data.to === name) postMessage(data.message);
  };
`;

export interface Heard {
  from: string;
  heard: ToBrowserWorker;
}

export interface OpenOptions {
  config?: Partial<RunConfig>;
  token?: string;
  context?: BrowserContextOptions;
  hash?: string;
  /** Where workers can join, besides the server's own address. */
  otherUrls?: readonly string[];
}

export async function openJoinPage(browser: Browser, options: OpenOptions = {}) {
  const { token, hash = "", otherUrls = [] } = options;
  const dashboard = new Dashboard(token === undefined ? {} : { token });
  const server = createServer((request, response) => dashboard.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}`;
  const needsToken = token !== undefined;
  const urls = [url, ...otherUrls];
  dashboard.join.noteListening({ event: "listening", url, urls, needsToken });
  const recorder = new Recorder({ workers: () => [], sinks: [dashboard.add.bind(dashboard)] });
  const config = configOf({ engine: { name: "wasm" }, shards: 4, ...options.config });
  const start = { event: "start", step: 0, steps: 100, broadcast: "weights" } as const;
  recorder.handle({ ...start, config, parameterCount: 12_345 });

  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    ...options.context,
  });
  const page = await context.newPage();
  /** Errors in the console, violations of the page's policy among them. */
  const faults: string[] = [];
  page.on("console", (message) => {
    // The browser's own report of a response with an error status, such as 401.
    const isStatus = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isStatus) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  await page.addInitScript(`
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 8 });
    globalThis.scripted = new BroadcastChannel("scripted");
    globalThis.heard = [];
    scripted.onmessage = ({ data }) => { if (data.heard) heard.push(data); };
  `);
  await page.route("**/join-worker.js", (route) =>
    route.fulfill({
      contentType: "text/javascript",
      headers: { "content-security-policy": JOIN_POLICY },
      body: SCRIPTED_WORKER,
    }),
  );
  await page.goto(`http://127.0.0.1:${port}/join${hash}`);

  return {
    page,
    dashboard,
    recorder,
    faults,
    url,
    /** What the page has told its Web Workers. */
    heard: () => page.evaluate<Heard[]>("heard"),
    /** So many Web Workers have been started and run, counted from the beginning. */
    untilStarted: (count: number) =>
      expect
        .poll(async () => {
          const heard = await page.evaluate<Heard[]>("heard");
          return heard.filter((each) => each.heard.type === "start").length;
        })
        .toBe(count),
    /** The Web Worker of this name tells the page so. */
    say: (to: string, message: FromBrowserWorker) =>
      page.evaluate(`scripted.postMessage(${JSON.stringify({ to, message })})`),
    /** The run is so many steps further. */
    train(from: number, to: number): void {
      for (let step = from; step < to; step++) {
        const loss = 2 / (step + 1);
        recorder.handle({ event: "step", step, loss, durationMs: 9, sampleCount: 10 });
      }
    },
    async close(): Promise<void> {
      await context.close();
      recorder.close();
      dashboard.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

export type OpenedJoinPage = Awaited<ReturnType<typeof openJoinPage>>;

/** A shard that a Web Worker has computed, its `count`-th. */
export function shardDone(count: number, computeMs: number): FromBrowserWorker {
  const totals: BrowserWorkerTotals = {
    shards: count,
    evaluationBatches: 0,
    samples: 3 * count,
    bytesReceived: 1_000_000 * count,
    bytesSent: 500_000 * count,
    weightsStep: count,
  };
  return { type: "task", kind: "shard", step: count, sampleCount: 3, loss: 1, computeMs, totals };
}
