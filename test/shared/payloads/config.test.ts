// The configuration in a welcome is read as it was written. Any other bytes are refused, in time and memory bounded by their
// number.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Configurations } from "../../../scripts/fuzz/configurations.mjs";
import { classesConfig, valuesConfig } from "../../../scripts/faults/small-config.mjs";
import { configText, runConfigSchema } from "../../../src/shared/config.js";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import {
  configParts,
  MAX_CONFIG_BYTES,
  readConfig,
} from "../../../src/shared/protocol/payloads/config.js";
import { Random } from "../../../src/shared/random.js";
import { configOf } from "../../support/config.js";
import { asReceived } from "../../support/small-layouts.js";

const bytesOf = (text: string) => [new TextEncoder().encode(text)];
const text = configText(runConfigSchema.parse(classesConfig));
const withField = (field: object) => bytesOf(JSON.stringify({ ...classesConfig, ...field }));
const withNetwork = (network: unknown) => withField({ network });
const { network } = classesConfig;
const withName = (name: string) => {
  const [first, ...rest] = network.layers;
  return withNetwork({ ...network, layers: [{ ...first!, name }, ...rest] });
};

test.each([classesConfig, valuesConfig, configOf()])("a configuration comes back", (config) => {
  const parsed = runConfigSchema.parse(config);
  expect(readConfig(asReceived(configParts(parsed)))).toEqual(parsed);
});

describe("an invalid configuration is refused:", () => {
  test.each<[string, Uint8Array[], RegExp | string]>([
    ["no part", [], "expected one part"],
    ["two parts", [...bytesOf(text), ...bytesOf(text)], "expected one part"],
    ["nothing", bytesOf(""), "not JSON"],
    ["half of one", bytesOf(text.slice(0, -2)), "not JSON"],
    ["one with something behind it", bytesOf(`${text} {}`), "not JSON"],
    ["a byte that is not UTF-8", [Uint8Array.of(0x22, 0xff, 0x22)], "not JSON"],
    ["a list", bytesOf("[]"), "expected object"],
    ["null", bytesOf("null"), "expected object"],
    ["an unknown field", bytesOf(`{"x":1,${text.slice(1)}`), "unknown fields"],
    ["a prototype", bytesOf(`{"__proto__":{},${text.slice(1)}`), "unknown fields"],
    ["a million bytes and more", [new Uint8Array(MAX_CONFIG_BYTES + 1)], "1048576 bytes"],
    ["lists in lists", bytesOf("[".repeat(500_000)), "nested too deeply"],
    ["maps in maps", bytesOf('{"network":'.repeat(50_000)), "nested too deeply"],
    [
      "layers by the hundred thousand",
      bytesOf(text.replace('"layers":[', `"layers":[${"0,".repeat(400_000)}`)),
      /network\.layers/,
    ],
    [
      "more layers than are allowed",
      withNetwork({ ...network, layers: Array(1001).fill({}) }),
      /layers/,
    ],
    ["a name of a megabyte", withName("x".repeat(MAX_CONFIG_BYTES - 10_000)), /layers\.0\.name/],
    ["a layer called __proto__", withName("__proto__"), "reserved by JavaScript"],
    ["a layer called constructor/x", withName("constructor/x"), "reserved by JavaScript"],
    ["a layer called like the input", withName("input"), "the network's input"],
    ["a side that is not whole", withNetwork({ ...network, inputShape: [2.5] }), /inputShape/],
    ["an unknown engine", withField({ engine: { name: "webgpu" } }), /engine\.name/],
    [
      "wasm with threads, which decide nothing there",
      withField({ engine: { name: "wasm", threads: 2 } }),
      /engine/,
    ],
    [
      "tensorflow without threads",
      withField({ engine: { name: "tensorflow" } }),
      /engine\.threads/,
    ],
    ["a fingerprint of another length", withField({ numerics: "0".repeat(63) }), /numerics/],
    ["a fingerprint that is not a string", withField({ numerics: 7 }), /numerics/],
    ["infinitely many features", bytesOf(text.replace("[2,2,1]", "[1e999]")), /inputShape/],
  ])("%s", (_what, parts, reason) => {
    expect(() => readConfig(parts)).toThrow(FrameError);
    expect(() => readConfig(parts)).toThrow(reason);
  });

  test("brackets within strings are not nesting", () => {
    const parts = withName(`${"[{".repeat(40)}\\"[[[[[[[[[[[[[[[[[[[[`);
    expect(readConfig(parts).network.layers[0]!.name).toContain("[{[{");
  });

  test("anything that the fuzzer writes", () => {
    const configurations = new Configurations(new Random(1, "test"));
    for (let count = 0; count < 300; count++) {
      try {
        readConfig([configurations.part()]);
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
    }
  });

  test("any JSON, without repeating what the peer wrote", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        let reason = "";
        try {
          readConfig(bytesOf(json));
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
          reason = (error as FrameError).message;
        }
        expect(reason).toMatch(/^[\w ?.,:-]{1,140}$/);
      }),
    );
  });
});
