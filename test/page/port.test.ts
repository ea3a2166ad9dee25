// What the coordinator's port serves besides workers: the page, its protection by a token, metrics and health.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { decodeFrame, encodeFrame } from "../../src/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { SMALL, temporaryFolder, writeDataset } from "../support/data.js";
import { worker } from "../support/small-run.js";
import { killAll, Tandem } from "../support/tandem.js";

afterEach(killAll);

async function coordinator(...args: string[]) {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "token"), "open-sesame-please\n");
  const numbers = ["--batch-size", "10", "--eval-every", "20", "--steps", "100000"];
  const data = ["--data", writeDataset(), "--validation-size", "0"];
  const process = new Tandem(
    ["coordinator", "--port", "0", "--json", ...data, ...numbers, ...args],
    {
      cwd,
    },
  );
  const socketUrl = await process.url();
  const url = socketUrl.replace("ws:", "http:");
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { headers, redirect: "manual" });
  return { process, cwd, socketUrl, url, get };
}

test("health, readiness and Prometheus' metrics", async () => {
  const { process, socketUrl, get } = await coordinator();
  expect((await get("/healthz")).status).toBe(200);
  await process.event((event) => event.event === "waiting");
  expect((await get("/readyz")).status).toBe(503);
  worker(socketUrl, "--name", "one");
  await process.step(30);
  expect((await get("/readyz")).status).toBe(200);
  const text = await (await get("/metrics")).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  expect(value("tandem_step")).toBeGreaterThanOrEqual(30);
  expect(value("tandem_workers")).toBe(1);
  expect(value("tandem_step_duration_seconds_count")).toBeGreaterThanOrEqual(30);
  expect(value('tandem_tasks_total{worker="one",task="shard"}')).toBeGreaterThanOrEqual(30);
  expect(value('tandem_worker_received_bytes{worker="one"}')).toBeGreaterThan(10_000);
  // Following Prometheus's conventions: each has a help text, and names have the same style.
  for (const line of text.split("\n").filter((each) => /^tandem/.test(each))) {
    const [name = ""] = /^\w+/.exec(line) ?? [];
    expect(name).toMatch(/^[a-z_]+$/);
    expect(text).toContain(`# HELP ${name.replace(/_(bucket|sum|count)$/, "")} `);
  }
});

test("with a token, the page asks for it and shows nothing without it", async () => {
  const { get, url } = await coordinator("--token-file", "token");
  for (const path of ["/live", "/metrics", "/predict", "/page.js"]) {
    expect((await get(path)).status, path).toBe(401);
  }
  const asked = await get("/");
  expect(asked.status).toBe(401);
  expect(await asked.text()).toContain('action="login"');
  expect((await get("/healthz")).status).toBe(200);
  const login = (token: string) =>
    fetch(`${url}/login`, {
      method: "POST",
      body: new URLSearchParams({ token }),
      redirect: "manual",
    });
  expect((await login("wrong")).headers.get("set-cookie")).toBeNull();
  const cookie = (await login("open-sesame-please")).headers.get("set-cookie") ?? "";
  expect(cookie).toContain("HttpOnly; SameSite=Strict");
  const shown = await get("/", { cookie: cookie.split(";")[0]! });
  expect(shown.status).toBe(200);
  expect((await get("/", { cookie: "tandem=00ff" })).status).toBe(401);
  expect((await get("/metrics", { authorization: "Bearer open-sesame-please" })).status).toBe(200);
});

test("requests of wrong methods, paths and sizes are refused, and the run continues", async () => {
  const { process, socketUrl, url, get } = await coordinator();
  worker(socketUrl);
  await process.step(5);
  expect((await get("/nowhere")).status).toBe(404);
  expect((await get("/../package.json")).status).toBe(404);
  expect((await get("/%2e%2e/package.json")).status).toBe(404);
  expect((await fetch(`${url}/`, { method: "DELETE" })).status).toBe(405);
  const predict = (body: Uint8Array<ArrayBuffer>) =>
    fetch(`${url}/predict`, { method: "POST", body });
  expect((await predict(new Uint8Array(3))).status).toBe(400);
  expect((await predict(new Uint8Array(10_000_000)).catch(() => ({ status: 400 }))).status).toBe(
    400,
  );
  const pixels = new Uint8Array(SMALL.height * SMALL.width);
  const answer = (await (await predict(pixels)).json()) as { probabilities: number[] };
  const sum = answer.probabilities.reduce((total, p) => total + p, 0);
  expect(sum).toBeCloseTo(1, 5);
  await process.step(process.events.length + 5);
});

test("the structured log has one line per event, with worker and step", async () => {
  const { process, cwd, socketUrl } = await coordinator("--log-file", "run.jsonl");
  worker(socketUrl, "--name", "one");
  await process.step(25);
  process.kill("SIGINT");
  await process.ended;
  const { readFileSync } = await import("node:fs");
  const lines = readFileSync(join(cwd, "run.jsonl"), "utf8").trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events.find(({ event, state }) => event === "worker" && state === "joined")).toMatchObject(
    {
      worker: "one",
      level: 30,
    },
  );
  expect(events.find(({ event }) => event === "evaluation")).toMatchObject({ step: 0 });
  expect(events.every(({ time, msg }) => typeof time === "string" && typeof msg === "string")).toBe(
    true,
  );
});

test("a page of the coordinator's own joins as a worker with the cookie of its login, one of another origin does not", async () => {
  const { socketUrl, url } = await coordinator("--token-file", "token");
  const login = await fetch(`${url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: "open-sesame-please" }),
    redirect: "manual",
  });
  const [cookie = ""] = login.headers.get("set-cookie")!.split(";");
  await expect(connect(socketUrl, { headers: { origin: url } })).rejects.toThrow("401");
  const foreign = { origin: "http://evil.example", cookie };
  await expect(connect(socketUrl, { headers: foreign })).rejects.toThrow("403");
  const socket = await connect(socketUrl, { headers: { origin: url, cookie } });
  const hello = { type: "hello", protocol: PROTOCOL_VERSION, name: "tab", kind: "browser" };
  socket.send(encodeFrame(hello));
  const [welcome] = (await once(socket, "message")) as [Uint8Array];
  expect(decodeFrame(welcome).header).toMatchObject({ type: "welcome", name: "tab" });
  socket.terminate();
});

async function connect(url: string, options: ClientOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  await once(socket, "open");
  return socket;
}
