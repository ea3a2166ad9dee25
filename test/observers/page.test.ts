// What the page is sent, and whom it lets read, without a run: bounded in bytes, consistent for slow readers, safe to export.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dashboard, type DashboardOptions } from "../../src/coordinator/observe/dashboard/dashboard.js";
import { History } from "../../src/coordinator/observe/dashboard/history.js";
import type { Line } from "../../src/coordinator/observe/dashboard/lines.js";
import { LiveFeed } from "../../src/coordinator/observe/dashboard/live-feed.js";
import { selfContainedPage } from "../../src/coordinator/observe/dashboard/page-files.js";
import { LOG_NAME, readRunLog, RunLog } from "../../src/coordinator/observe/dashboard/run-log.js";
import { MetricsSink } from "../../src/coordinator/observe/sinks/metrics.js";
import { pageUrl, sentenceOf } from "../../src/coordinator/observe/sinks/narration.js";
import { temporaryFolder } from "../support/data.js";

const MIB = 1024 * 1024;
const start = (step: number): Line => ({ kind: "start", at: 0, step }) as unknown as Line;
const evaluation = (step: number): Line => ({
  kind: "evaluation",
  at: 0,
  step,
  trainAccuracy: 0,
  testAccuracy: 0,
});
const steps = (...numbers: number[]): Line => ({
  kind: "steps",
  at: 0,
  steps: numbers,
  losses: numbers,
  durationsMs: numbers,
});
function statistics(step: number, shards: number): Line {
  const moments = { mean: "x".repeat(5000), variance: "x".repeat(5000) };
  const own = Array.from({ length: shards }, () => moments);
  const layer = { name: "fc1", shards: own, merged: moments, population: moments };
  return { kind: "statistics", at: 0, step, layers: [layer] };
}

describe("the history", () => {
  test("of a long run with many shards and workers stays within 4 MiB", () => {
    const history = new History();
    for (let step = 0; step < 20_000; step++) {
      history.add(steps(step));
      history.add(evaluation(step));
      history.add({ kind: "mark", at: 0, step, what: "joined", text: "x".repeat(600) });
      if (step % 50 === 0) history.add(statistics(step, 16));
    }
    expect(Buffer.byteLength(JSON.stringify(history.lines()))).toBeLessThan(4 * MIB);
    const kept = history.lines().filter((line) => line.kind === "statistics");
    expect(kept.at(-1)?.layers[0]?.shards).toHaveLength(16);
    expect(kept.at(-2)?.layers[0]?.shards).toHaveLength(0);
  });

  test("a resumed run's steps replace those done before", () => {
    const history = new History();
    for (const line of [start(0), steps(0, 1, 2, 3), evaluation(0), evaluation(3)])
      history.add(line);
    for (const line of [start(2), steps(2, 3), evaluation(4)]) history.add(line);
    const lines = history.lines();
    expect(lines.find((line) => line.kind === "steps")?.steps).toEqual([0, 1, 2, 3]);
    const evaluations = lines.filter((line) => line.kind === "evaluation");
    expect(evaluations.map((line) => line.step)).toEqual([0, 4]);
  });
});

describe("the run's log", () => {
  test("a line torn by a kill, and then resumed, is left out, not the log refused", async () => {
    const folder = temporaryFolder();
    const path = join(folder, LOG_NAME);
    writeFileSync(
      path,
      `${JSON.stringify(start(0))}\n${JSON.stringify(steps(0, 1))}\n{"kind":"eva`,
    );
    const log = new RunLog(folder);
    log.add(start(1));
    log.add(steps(1, 2));
    await log.close();
    const { lines, unreadableCount } = readRunLog(folder);
    expect(unreadableCount).toBe(1);
    expect(lines.find((line) => line.kind === "steps")?.steps).toEqual([0, 1, 2]);
  });

  test("a line that is JSON but no line of a log is left out", () => {
    const folder = temporaryFolder();
    const path = join(folder, LOG_NAME);
    writeFileSync(path, `${JSON.stringify(start(0))}\n{"kind":"steps"}\nnull\n7\n`);
    appendFileSync(path, `${JSON.stringify(evaluation(0))}\n`);
    expect(readRunLog(folder)).toMatchObject({ unreadableCount: 3 });
  });

  test("a time of day that is set back silences nothing", async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    try {
      const folder = temporaryFolder();
      const log = new RunLog(folder);
      log.add(start(0));
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

/** A reader that takes a chunk when it is told to. */
class SlowReader extends Writable {
  text = "";
  private taken: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    this.taken = done;
  }

  async read(chunks = Infinity): Promise<void> {
    for (let count = 0; count < chunks && this.taken; count++) {
      const { taken } = this;
      this.taken = undefined;
      taken();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe("the live feed", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const event = (number: number) => `data: ${number}:${"x".repeat(1000)}\n\n`;
  const numbers = (text: string) =>
    text.match(/^data: .*$/gm)?.map((line) => Number(/\d+/.exec(line)?.[0])) ?? [];

  test("a viewer that loads slowly misses no line and is sent none twice", async () => {
    const all: string[] = [];
    const feed = new LiveFeed(() => [...all]);
    const add = (number: number) => {
      all.push(event(number));
      feed.add(event(number));
    };
    for (let number = 0; number < 500; number++) add(number);
    const reader = new SlowReader();
    feed.watch(reader);
    for (let number = 500; number < 900; number++) {
      add(number);
      if (number % 50 === 0) await reader.read(1);
    }
    await reader.read();
    expect(numbers(reader.text)).toEqual(Array.from({ length: 900 }, (_, number) => number));
    feed.close();
  });

  test("viewers that read nothing pin no copies, and are disconnected", () => {
    let snapshots = 0;
    const feed = new LiveFeed(() => {
      snapshots++;
      return [event(0).repeat(4000)];
    });
    const readers = Array.from({ length: 63 }, () => new SlowReader());
    for (const reader of readers) feed.watch(reader);
    for (let number = 0; number < 300; number++) feed.add(event(number));
    expect(snapshots).toBe(1);
    expect(Math.max(...readers.map((reader) => reader.writableLength))).toBeLessThan(5 * MIB);
    vi.advanceTimersByTime(90_000);
    expect(readers.every((reader) => reader.destroyed)).toBe(true);
    feed.close();
  });

  test("a viewer that fell too far behind starts again with the run so far", async () => {
    let isLate = false;
    const feed = new LiveFeed(() => [isLate ? "data: 7 late\n\n" : "data: 1 early\n\n"]);
    const reader = new SlowReader();
    feed.watch(reader);
    isLate = true;
    for (let number = 0; number < 6000; number++) feed.add(event(number));
    await reader.read();
    expect(reader.text).toBe("data: 1 early\n\ndata: 7 late\n\n");
    feed.close();
  });
});

describe("the port", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function served(options: DashboardOptions) {
    const dashboard = new Dashboard({ imageBytes: 4, ...options });
    dashboard.offerPredictions(() => ({ step: 1, probabilities: [1] }));
    const server = createServer((incoming, response) => dashboard.handle(incoming, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    closers.push(() => {
      dashboard.close();
      server.closeAllConnections();
      server.close();
    });
    const ask = (method: string, path: string, headers: Record<string, string> = {}, body = "") =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request({ host: "127.0.0.1", port, method, path, headers }, resolve);
        sent.on("error", reject);
        sent.end(body);
      });
    return { port, ask };
  }

  test("a foreign name that points here (DNS rebinding) reads nothing", async () => {
    const { ask, port } = await served({});
    const status = async (host: string, path = "/runs") =>
      (await ask("GET", path, { host })).statusCode;
    for (const host of ["localhost", `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect(await status(host), host).toBe(204);
    }
    for (const host of [
      "evil.example",
      "127.0.0.1.evil.example",
      "192.0.2.1:80",
      "localhost.evil",
    ]) {
      expect(await status(host), host).toBe(421);
    }
    expect(await status("probe.example", "/healthz")).toBe(200);
  });

  test("digits are recognised for this page and for programs, not for foreign pages, nor without end", async () => {
    const { ask, port } = await served({});
    const status = async (headers: Record<string, string>) =>
      (await ask("POST", "/predict", headers, "1234")).statusCode;
    expect(await status({})).toBe(200);
    expect(await status({ origin: `http://127.0.0.1:${port}` })).toBe(200);
    expect(await status({ origin: "http://evil.example" })).toBe(403);
    expect(await status({ origin: "null" })).toBe(403);
    expect(await status({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await status({ "content-type": "text/plain" })).toBe(403);
    const all: (number | undefined)[] = [];
    for (let count = 0; count < 40; count++) all.push(await status({}));
    expect(all).toContain(429);
  });

  test("a page logged in before the coordinator was restarted is let in after it", async () => {
    const first = await served({ token: "open-sesame" });
    const answer = await first.ask("POST", "/login", {}, "token=open-sesame");
    const [cookie = ""] = answer.headers["set-cookie"]?.[0]?.split(";") ?? [];
    const second = await served({ token: "open-sesame" });
    expect((await second.ask("GET", "/", { cookie })).statusCode).toBe(200);
    const other = await served({ token: "another" });
    expect((await other.ask("GET", "/", { cookie })).statusCode).toBe(401);
  });

  test("logins and wrong tokens are limited", async () => {
    const { ask } = await served({ token: "open-sesame" });
    const logins: (number | undefined)[] = [];
    for (let count = 0; count < 8; count++) {
      logins.push((await ask("POST", "/login", {}, "token=no")).statusCode);
    }
    expect(logins.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(logins.at(-1)).toBe(429);
    const wrong: (number | undefined)[] = [];
    for (let count = 0; count < 60; count++) {
      wrong.push((await ask("GET", "/metrics", { authorization: "Bearer no" })).statusCode);
    }
    expect(wrong).toContain(429);
  });

  test("GET // is not found, and no defect", async () => {
    const { ask } = await served({});
    for (const path of ["//", "///", "/%", "//[", "*"]) {
      expect((await ask("GET", path)).statusCode, path).toBe(404);
    }
  });
});

test("an exported page cannot be left by a worker's name", () => {
  const name = "<!--<script></script><script>alert(1)</script>";
  const page = selfContainedPage([{ name, lines: [] }]);
  expect(page).not.toContain("alert(1)</script>");
  expect(page.match(/<script/g)).toHaveLength(2);
  const [, data = ""] = /id="runs">(.*)<\/script>/.exec(page) ?? [];
  expect(JSON.parse(data)).toEqual([{ name, lines: [] }]);
});

test("a peer's name and reason reach no terminal raw, and not at any length", () => {
  const sentence = sentenceOf({
    event: "worker",
    name: "evil\u001b[2J",
    state: "rejected",
    reason: `\n${"x".repeat(16_000)}`,
  });
  for (const character of ["\u001b", "\n"]) expect(sentence?.text).not.toContain(character);
  expect(sentence?.text.length).toBeLessThan(600);
});

test("the key of the page is in the fragment, which is sent nowhere", () => {
  expect(pageUrl("ws://127.0.0.1:7711", "a&b")).toBe("http://127.0.0.1:7711/#key=a%26b");
  expect(pageUrl("wss://[::1]:1")).toBe("https://[::1]:1/");
});

test("metrics of ten thousand worker names keep those of the newest 256", async () => {
  const metrics = new MetricsSink({ workers: () => [], pages: () => ({ bytes: 0, open: 0 }) });
  const task = { task: "shard", samples: 1, sentMs: 0, computedToMs: 1, answeredMs: 1 } as const;
  for (let number = 0; number < 10_000; number++) {
    // A worker's clock may run backwards: no metric may be decremented for it.
    const tasks = [{ ...task, worker: `worker-${number}`, computedFromMs: 9 }];
    metrics.handle({ event: "trace", step: number, tasks, phases: [] });
  }
  const { text } = await metrics.exposition();
  expect(text.match(/^tandem_tasks_total\{/gm)).toHaveLength(256);
  expect(text.match(/^tandem_compute_seconds_total\{/gm)).toHaveLength(256);
  expect(text).toContain('worker="worker-9999"');
});
