// The dashboard's port: who may read it, predictions, limits; and the page as a file.
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  Dashboard,
  type DashboardOptions,
} from "../../src/coordinator/observe/dashboard/dashboard.js";
import { selfContainedPage } from "../../src/coordinator/observe/dashboard/page-files.js";

describe("the port", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function served(options: DashboardOptions) {
    const dashboard = new Dashboard(options);
    const predict = () => ({ step: 1, probabilities: [1] });
    dashboard.offerPredictions({ byteLength: 4, predict });
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

  test("this page and programs get predictions, at a limited rate, and foreign pages none", async () => {
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

  test("a page stays logged in when the coordinator is restarted", async () => {
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

  test("odd paths are not found, and cause no error", async () => {
    const { ask } = await served({});
    for (const path of ["//", "///", "/%", "//[", "*"]) {
      expect((await ask("GET", path)).statusCode, path).toBe(404);
    }
  });
});

test("a worker's name cannot end the script of an exported page", () => {
  const name = "<!--<script></script><script>alert(1)</script>";
  const page = selfContainedPage([{ name, updates: [] }]);
  expect(page).not.toContain("alert(1)</script>");
  expect(page.match(/<script/g)).toHaveLength(2);
  const [, data = ""] = /id="runs">(.*)<\/script>/.exec(page) ?? [];
  expect(JSON.parse(data)).toEqual([{ name, updates: [] }]);
});
