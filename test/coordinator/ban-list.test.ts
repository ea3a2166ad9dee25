import { expect, test } from "vitest";
import { BanList } from "../../src/coordinator/workers/ban-list.js";

const LIMITS = { maxFailures: 3, windowMs: 1000, banMs: 500 };

test("three failures within the window ban an origin temporarily", () => {
  const bans = new BanList(LIMITS);
  bans.noteFailure("a", 0);
  bans.noteFailure("a", 10);
  expect(bans.remainingMs("a", 20)).toBe(0);
  bans.noteFailure("a", 20);
  expect(bans.remainingMs("a", 20)).toBe(500);
  expect(bans.remainingMs("b", 20)).toBe(0);
  expect(bans.remainingMs("a", 520)).toBe(0);
});

test("failures that are far apart do not add up", () => {
  const bans = new BanList(LIMITS);
  for (let time = 0; time < 20_000; time += 900) bans.noteFailure("a", time);
  expect(bans.remainingMs("a", 20_000)).toBe(0);
});

test("a permanent ban does not end", () => {
  const bans = new BanList(LIMITS);
  bans.banPermanently("liar");
  expect(bans.remainingMs("liar", 1e12)).toBe(Infinity);
});

test("invented names do not fill the memory", () => {
  const bans = new BanList(LIMITS);
  for (let number = 0; number < 20_000; number++) bans.noteFailure(`peer-${number}`, 0);
  expect(bans.size).toBeLessThanOrEqual(4096);
});

test("a flood of new origins does not lift a permanent ban", () => {
  const bans = new BanList(LIMITS);
  bans.banPermanently("liar");
  for (let number = 0; number < 20_000; number++) bans.noteFailure(`peer-${number}`, 0);
  expect(bans.remainingMs("liar", 1e12)).toBe(Infinity);
});
