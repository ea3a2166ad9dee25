// The QR code on the terminal: it is read back module by module; when it is printed; and that it does not contain the token.
import { PassThrough } from "node:stream";
import { encode } from "uqr";
import { expect, test } from "vitest";
import { codeRows, JoinCodeSink } from "../../../src/coordinator/observe/sinks/join-code.js";
import type { RunConfig } from "../../../src/shared/config.js";
import { configOf } from "../../support/config.js";

const URLS = ["ws://127.0.0.1:7711", "ws://192.168.1.20:7711"];
const PAGE = "http://192.168.1.20:7711/join";

function printed(urls: string[], engine: RunConfig["engine"], columns = 80): string {
  const stream = new PassThrough();
  const sink = new JoinCodeSink(stream, () => columns);
  sink.handle({ event: "listening", url: urls[0]!, urls, needsToken: true });
  const start = { event: "start", step: 0, steps: 10, broadcast: "weights" } as const;
  sink.handle({ ...start, config: configOf({ engine }), parameterCount: 1 });
  return String(stream.read() ?? "");
}

test("half blocks say the same as the code", () => {
  const { data, size } = encode(PAGE, { border: 2 });
  const modules = codeRows(PAGE).flatMap((row) => [
    row.split("").map((character) => "█▀".includes(character)),
    row.split("").map((character) => "█▄".includes(character)),
  ]);
  expect(modules.slice(0, size)).toEqual(data);
});

test("the code of the page is printed where other machines can reach it, without a token", () => {
  const text = printed(URLS, { name: "wasm" });
  for (const row of codeRows(PAGE)) expect(text).toContain(row);
  expect(text.trim().split("\n").at(-1)).toBe(`to join from a phone or laptop: ${PAGE}`);
});

test("a terminal that is too narrow gets the address alone", () => {
  const text = printed(URLS, { name: "wasm" }, 20);
  expect(text).toBe(`to join from a phone or laptop: ${PAGE}\n`);
});

test("nothing is printed for this machine alone, or where browsers cannot join", () => {
  expect(printed(["ws://127.0.0.1:7711"], { name: "wasm" })).toBe("");
  expect(printed(["ws://[::1]:7711"], { name: "wasm" })).toBe("");
  expect(printed(URLS, { name: "tensorflow", threads: 1 })).toBe("");
});
