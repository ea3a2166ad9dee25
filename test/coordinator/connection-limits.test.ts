import { expect, test } from "vitest";
import {
  ConnectionLimits,
  maxConnections,
  type Stage,
} from "../../src/coordinator/workers/connection-limits.js";
import { originOf } from "../../src/coordinator/workers/origin.js";
import { reachableUrls } from "../../src/coordinator/workers/addresses.js";

function limitsWith(max: number) {
  const limits = new ConnectionLimits<number>(max);
  const closed: number[] = [];
  let next = 0;
  const add = (address: string, stage: Stage = "idle") => {
    const id = next++;
    const isIn = limits.add(id, address, () => void closed.push(id));
    limits.setStage(id, stage);
    return { id, isIn };
  };
  return { limits, closed, add };
}

test("silent connections never keep out a working one", () => {
  const { closed, add } = limitsWith(100);
  for (let count = 0; count < 5_000; count++) add("127.0.0.1");
  expect(add("127.0.0.1").isIn).toBe(true);
  expect(closed.length).toBeGreaterThan(4_900);
});

test("one address cannot have more silent connections than its share", () => {
  const { limits, add } = limitsWith(1_000);
  for (let count = 0; count < 500; count++) add("192.0.2.1");
  expect(limits.size).toBeLessThanOrEqual(64);
});

test("an IPv6 host gains nothing by changing the half of its address that it chooses", () => {
  expect(originOf("2001:db8::1")).toBe(originOf("2001:0db8:0:0:ffff:1:2:3"));
  expect(originOf("2001:db8::1")).not.toBe(originOf("2001:db8:0:1::1"));
  expect(originOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
});

test("without room, the lowest stage is closed first, and working connections never", () => {
  const { closed, add } = limitsWith(8);
  const workers = Array.from({ length: 5 }, () => add("192.0.2.1", "proven").id);
  const joined = add("192.0.2.2", "joined").id;
  const joining = add("192.0.2.3", "joining").id;
  const idle = add("192.0.2.4").id;
  for (let count = 0; count < 3; count++) add("192.0.2.5", "proven");
  expect(closed).toEqual([idle, joining, joined]);
  expect(add("192.0.2.6").isIn).toBe(false);
  expect(closed).not.toContain(workers[0]);
});

test("an address with one connection is not crowded out by addresses with many", () => {
  const { closed, add } = limitsWith(100);
  for (let count = 0; count < 60; count++) add("192.0.2.1", "joining");
  const honest = add("192.0.2.9", "joining").id;
  for (let count = 0; count < 500; count++) add(`198.51.100.${count % 5}`, "joining");
  expect(closed).not.toContain(honest);
});

test("descriptors are reserved for files and worker processes", () => {
  expect(maxConnections(160)).toBe(96);
  expect(maxConnections(160, 16)).toBe(48);
  expect(maxConnections(1e9)).toBe(2048);
});

test("a wildcard is reported as the addresses that reach this machine", () => {
  const address = (text: string, family: "IPv4" | "IPv6", internal = false) => ({
    address: text,
    family,
    internal,
  });
  const interfaces = {
    lo: [address("127.0.0.1", "IPv4", true), address("::1", "IPv6", true)],
    eth0: [
      address("192.0.2.7", "IPv4"),
      address("fe80::1", "IPv6"),
      address("2001:db8::7", "IPv6"),
    ],
  } as unknown as NonNullable<Parameters<typeof reachableUrls>[3]>;
  expect(reachableUrls("ws", "0.0.0.0", 7711, interfaces)).toEqual([
    "ws://127.0.0.1:7711",
    "ws://192.0.2.7:7711",
  ]);
  expect(reachableUrls("wss", "::", 1, interfaces)).toEqual([
    "wss://[::1]:1",
    "wss://192.0.2.7:1",
    "wss://[2001:db8::7]:1",
  ]);
  expect(reachableUrls("ws", "192.0.2.7", 1, interfaces)).toEqual(["ws://192.0.2.7:1"]);
});
