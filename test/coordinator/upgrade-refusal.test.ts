// Which requests may open a worker's WebSocket.
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { DashboardAuth } from "../../src/coordinator/observe/dashboard/dashboard-auth.js";
import { refuseUpgrade } from "../../src/coordinator/workers/upgrade-refusal.js";

const TOKEN = "open-sesame-please";

function request(headers: Record<string, string>, addresses: Record<string, string> = {}) {
  const socket = { remoteAddress: "192.0.2.9", localAddress: "192.0.2.1", ...addresses };
  return { headers: { host: "192.0.2.1:7711", ...headers }, socket } as unknown as IncomingMessage;
}

function statusOf(
  headers: Record<string, string>,
  { token, ...addresses }: { token?: string; remoteAddress?: string; localAddress?: string } = {},
): number | "admitted" {
  const refusal = refuseUpgrade(request(headers, addresses), new DashboardAuth(token));
  return refusal ? Number.parseInt(refusal.status) : "admitted";
}

describe("without a token", () => {
  test.each([
    ["a program", {}, "admitted"],
    ["a program by a name", { host: "coordinator.lan:7711" }, "admitted"],
    ["a page of this port", { origin: "http://192.0.2.1:7711" }, "admitted"],
    ["the same over TLS", { origin: "https://192.0.2.1:7711" }, "admitted"],
    ["a page of another port", { origin: "http://192.0.2.1:8080" }, 403],
    ["a page of another machine", { origin: "https://example.org" }, 403],
    ["a file, or a sandboxed frame", { origin: "null" }, 403],
    ["no address", { origin: "" }, 403],
    ["an address with our host behind it", { origin: "http://evil.example/192.0.2.1:7711" }, 403],
    ["an address with our host before it", { origin: "http://192.0.2.1:7711@evil.example" }, 403],
    [
      "a page of a name that was made to mean this machine",
      { host: "rebound.example:7711", origin: "http://rebound.example:7711" },
      421,
    ],
  ])("%s", (_who, headers: Record<string, string>, expected) => {
    expect(statusOf(headers)).toBe(expected);
  });

  test("a page of a host name that resolves to this machine's loopback address (DNS rebinding)", () => {
    const headers = { host: "rebound.example:7711", origin: "http://rebound.example:7711" };
    const loopback = { remoteAddress: "127.0.0.1", localAddress: "127.0.0.1" };
    expect(statusOf(headers, loopback)).toBe(421);
    const own = { host: "localhost:7711", origin: "http://localhost:7711" };
    expect(statusOf(own, loopback)).toBe("admitted");
  });
});

describe("with a token", () => {
  const origin = "http://192.0.2.1:7711";
  const cookie = new DashboardAuth(TOKEN).cookieFor(TOKEN, false)!.split(";")[0]!;

  test.each([
    ["a program with the token", { authorization: `Bearer ${TOKEN}` }, "admitted"],
    ["a program without a token", {}, 401],
    ["a program with another token", { authorization: "Bearer open" }, 401],
    ["a page with the cookie of its login", { origin, cookie }, "admitted"],
    ["the same among other cookies", { origin, cookie: `a=b; ${cookie}; c=d` }, "admitted"],
    ["a page that has not logged in", { origin }, 401],
    ["a page with a cookie of another token", { origin, cookie: "tandem=00ff" }, 401],
    ["a page of another origin with the cookie", { origin: "https://example.org", cookie }, 403],
    ["a page with the token as a cookie", { origin, cookie: `tandem=${TOKEN}` }, 401],
  ])("%s", (_who, headers: Record<string, string>, expected) => {
    expect(statusOf(headers, { token: TOKEN })).toBe(expected);
  });

  test("guessing tokens is rate-limited, while the right token is still accepted", () => {
    const auth = new DashboardAuth(TOKEN);
    const upgrade = (authorization: string, remoteAddress = "192.0.2.9") =>
      refuseUpgrade(request({ authorization }, { remoteAddress }), auth)?.status;
    const answers = Array.from({ length: 1000 }, (_, guess) => upgrade(`Bearer ${guess}`));
    expect(answers.filter((status) => status?.startsWith("429")).length).toBeGreaterThan(900);
    expect(upgrade(`Bearer ${TOKEN}`)).toBeUndefined();
    expect(upgrade("Bearer 1", "192.0.2.10")).toMatch(/^401/);
  });
});
