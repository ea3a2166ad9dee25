// TensorBoard's event files, compared with one that TensorFlow wrote, as TensorBoard reads them (fixtures/event-files.py).
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { histogramOf } from "../../../src/coordinator/observe/sinks/histogram.js";
import { SummaryWriter } from "../../../src/coordinator/observe/sinks/summary-writer.js";
import { crc32c } from "../../../src/shared/digest/crc32c.js";
import { encodeMessage, encodeText } from "../../../src/shared/protobuf.js";
import { temporaryFolder } from "../../support/data.js";
import { crc32cBitByBit, type ReadEvent, readEventFile } from "../../support/event-files.js";

const FIXTURES = join(import.meta.dirname, "fixtures");
const MINUTE = 60_000;

/** The same as `values` in fixtures/event-files.py. */
const VALUES = Float32Array.of(
  ...Array.from({ length: 500 }, (_, index) => (((index * index) % 97) - 48) / 64),
  ...[0, 0, 2 ** -50, -(2 ** -50), 2 ** 70, -(2 ** 70), 1],
);

/** As `write` in fixtures/event-files.py. */
function writeContent(writer: SummaryWriter): void {
  writer.graph(encodeMessage(1, [encodeText(1, "layer/kernel"), encodeText(2, "Placeholder")]));
  writer.start(3);
  writer.scalar("loss", 2.25, 3);
  writer.scalar("test accuracy", 0.1, 4);
  writer.histogram("fc1/kernel", VALUES, 4);
  writer.histogram("fc1/bn/beta", new Float32Array(3), 5);
}

/** A writer in a new folder, with a clock that the test moves. */
function harness() {
  const folder = temporaryFolder();
  const clock = { nowMs: 1_750_000_000_000 };
  const writer = new SummaryWriter(folder, () => clock.nowMs);
  const read = () => eventFiles(folder).flatMap((name) => readEventFile(join(folder, name)));
  return { folder, clock, writer, read };
}

const eventFiles = (folder: string) =>
  readdirSync(folder).filter((name) => name.includes("tfevents"));

const withoutTime = ({ step, content }: ReadEvent) => {
  return content?.kind === "graph"
    ? { step, content: { ...content, graph: [...content.graph] } }
    : { step, content };
};

describe("an event file", () => {
  const byTensorFlow = readEventFile(join(FIXTURES, "tensorflow.tfevents")).map(withoutTime);

  test("is read here as TensorBoard reads it", () => {
    const byTensorBoard = JSON.parse(
      readFileSync(join(FIXTURES, "tensorflow.json"), "utf8"),
    ) as unknown;
    expect(byTensorFlow).toEqual(byTensorBoard);
  });

  test("has what TensorFlow writes for the same content, to the last bucket", () => {
    const { writer, read } = harness();
    writeContent(writer);
    writer.close();
    expect(read().map(withoutTime)).toEqual(byTensorFlow);
  });

  test("says when each event was, in seconds", () => {
    const { clock, writer, read } = harness();
    clock.nowMs += 1_500;
    writer.scalar("loss", 1, 0);
    writer.close();
    expect(read().map(({ wallTime }) => wallTime)).toEqual([1_750_000_000, 1_750_000_001.5]);
  });

  test("that is cut off, or altered, is noticed", () => {
    const { folder, writer, read } = harness();
    writeContent(writer);
    writer.close();
    const path = join(folder, eventFiles(folder)[0]!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(path, bytes);
    expect(read).toThrow("checksum");
  });
});

describe("what is written", () => {
  test("reaches the file with the eleventh event, after two minutes, or when flushed", () => {
    const { clock, writer, read } = harness();
    const steps = () => read().filter(({ content }) => content?.kind === "scalar").length;
    for (let step = 0; step < 10; step++) writer.scalar("loss", 1, step);
    expect(steps()).toBe(0);
    writer.scalar("loss", 1, 10);
    expect(steps()).toBe(11);
    writer.scalar("loss", 1, 11);
    clock.nowMs += 2 * MINUTE;
    expect(steps()).toBe(11);
    clock.nowMs += 1;
    writer.scalar("loss", 1, 12);
    expect(steps()).toBe(13);
    writer.scalar("loss", 1, 13);
    writer.flush();
    expect(steps()).toBe(14);
    writer.close();
    expect(steps()).toBe(14);
  });

  test("goes into a file for each writer, in the order of their names", () => {
    const { folder, writer, clock } = harness();
    const second = new SummaryWriter(folder, () => clock.nowMs);
    clock.nowMs += 10 * MINUTE;
    const third = new SummaryWriter(folder, () => clock.nowMs);
    for (const each of [writer, second, third]) each.close();
    const names = eventFiles(folder).sort();
    expect(names).toHaveLength(3);
    expect(names[0]).toMatch(/^events\.out\.tfevents\.1750000000\./);
    expect(names[2]).toMatch(/^events\.out\.tfevents\.1750000600\./);
  });
});

describe("a histogram", () => {
  test("counts the finite values only", () => {
    const histogram = histogramOf(Float32Array.of(1, NaN, 3, Infinity, -Infinity));
    expect(histogram).toMatchObject({ count: 2, sum: 4, sumOfSquares: 10, min: 1, max: 3 });
    expect(histogramOf(Float32Array.of(NaN))).toBeUndefined();
    const { writer, read } = harness();
    writer.histogram("diverged", Float32Array.of(NaN), 1);
    writer.close();
    expect(read()).toHaveLength(1);
  });

  test("has a value that is a bucket's limit in the next bucket", () => {
    const { buckets } = histogramOf(Float32Array.of(0))!;
    expect(buckets.map(({ count }) => count)).toEqual([0, 1, 0]);
    expect(buckets[0]!.limit).toBe(0);
    expect(buckets[1]!.limit).toBe(1e-12);
  });
});

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
  test.each([
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
    ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ])("of %s", (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
    expect(crc32cBitByBit(bytes)).toBe(expected);
  });
});
