// The checkpoint writer: when it writes, what it keeps, when it retries. With a fake clock.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { type Checkpoint, readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { keepPrevious } from "../../src/shared/checkpoint/keep-previous.js";
import { Events } from "../../src/shared/events.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { checkpointOf } from "../support/checkpoints.js";
import { temporaryFolder } from "../support/data.js";

vi.mock("../../src/shared/checkpoint/keep-previous.js", { spy: true });

let folder: string;
let output: string;
let seen: RunEvent[];
let events: Events;

beforeEach(() => {
  folder = temporaryFolder();
  output = join(folder, "good.safetensors");
  seen = [];
  events = new Events();
  events.add({ handle: (event) => void seen.push(event) });
});
afterEach(() => {
  vi.useRealTimers();
});

async function writeRun(checkpoints: Checkpoint[], options = {}): Promise<void> {
  const writer = new CheckpointWriter(output, events, options);
  for (const checkpoint of checkpoints) writer.write(checkpoint);
  await writer.finish();
}

const named = (name: string) => seen.filter(({ event }) => event === name);

test("a run interrupted at its start does not change a finished checkpoint", async () => {
  await writeRun([checkpointOf(900)]);
  const finished = readFileSync(output);
  await writeRun([checkpointOf(0, 2)], { lastStep: 10_000 });
  expect(readFileSync(output).equals(finished)).toBe(true);
  expect(readdirSync(folder)).toEqual(["good.safetensors"]);
});

test("a run interrupted at its start writes a file if there is none", async () => {
  await writeRun([checkpointOf(0)], { lastStep: 10_000 });
  expect(readCheckpoint(output).step).toBe(0);
});

test("with --steps 0 the checkpoint is written", async () => {
  await writeRun([checkpointOf(5)]);
  await writeRun([checkpointOf(0, 2)], { lastStep: 0 });
  expect(readCheckpoint(output).step).toBe(0);
  expect(readCheckpoint(join(folder, "good.previous.safetensors")).step).toBe(5);
});

test("another run's checkpoint is kept when it is first replaced, beside those kept earlier", async () => {
  await writeRun([checkpointOf(900)]);
  const former = readFileSync(output);
  seen = [];
  const writer = new CheckpointWriter(output, events);
  writer.write(checkpointOf(1, 2));
  await writer.finish();
  writer.write(checkpointOf(2, 2));
  await writer.finish();
  const previous = join(folder, "good.previous.safetensors");
  expect(readFileSync(previous).equals(former)).toBe(true);
  expect(named("checkpoint-kept")).toEqual([{ event: "checkpoint-kept", path: output, previous }]);
  await writeRun([checkpointOf(3, 3)]);
  mkdirSync(join(folder, "good.previous-3.safetensors"));
  symlinkSync("nothing", join(folder, "good.previous-4.safetensors"));
  await writeRun([checkpointOf(4, 4)]);
  expect(readFileSync(previous).equals(former)).toBe(true);
  expect(readCheckpoint(join(folder, "good.previous-2.safetensors")).step).toBe(2);
  expect(readCheckpoint(join(folder, "good.previous-5.safetensors")).step).toBe(3);
});

test("the checkpoint resumed from is replaced and not kept; another file is kept", async () => {
  await writeRun([checkpointOf(5)]);
  const resumeFrom = readCheckpoint(output);
  await writeRun([checkpointOf(6)], { resumeFrom });
  expect(readdirSync(folder)).toEqual(["good.safetensors"]);
  // The same name with other content: another checkpoint was put there in the meantime.
  await writeRun([checkpointOf(7)], { resumeFrom });
  expect(readCheckpoint(join(folder, "good.previous.safetensors")).step).toBe(6);
});

test("a file that is not a checkpoint is kept too, an empty one is not", async () => {
  writeFileSync(output, "not a checkpoint");
  await writeRun([checkpointOf(1)]);
  expect(readFileSync(join(folder, "good.previous.safetensors"), "utf8")).toBe("not a checkpoint");
  const other = (output = join(folder, "empty"));
  writeFileSync(other, "");
  await writeRun([checkpointOf(1)]);
  expect(existsSync(join(folder, "empty.previous"))).toBe(false);
});

test("if the old file cannot be kept, it is not replaced", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await writeRun([checkpointOf(5)]);
  for (let tries = 0; tries < 3; tries++) {
    vi.mocked(keepPrevious).mockRejectedValueOnce(new Error("no space left"));
  }
  const writer = new CheckpointWriter(output, events);
  writer.write(checkpointOf(1, 2));
  const finished = expect(writer.finish()).rejects.toMatchObject({ code: "write-failed" });
  await passUntil(() => named("checkpoint-failed").length === 3);
  await finished;
  expect(readCheckpoint(output).step).toBe(5);
  expect(readdirSync(folder)).toEqual(["good.safetensors"]);
});

test("NaN is never written, and the error names its tensor", async () => {
  const writer = new CheckpointWriter(output, events);
  writer.write(checkpointOf(1));
  const broken = checkpointOf(2);
  broken.tensors[3]!.values[0] = -Infinity;
  expect(() => writer.write(broken)).toThrow(
    expect.objectContaining({
      code: "diverged",
      message: expect.stringContaining(broken.tensors[3]!.name) as string,
    }) as Error,
  );
  await writer.finish();
  expect(readCheckpoint(output).step).toBe(1);
});

test("suspect steps of a resumed run stay suspect", async () => {
  const resumeFrom = { ...checkpointOf(5), suspectSteps: [{ from: 2, to: 3 }] };
  const suspectSteps = [
    { from: 7, to: 8 },
    { from: 3, to: 4 },
  ];
  await writeRun([{ ...checkpointOf(9), suspectSteps }], { resumeFrom });
  expect(readCheckpoint(output).suspectSteps).toEqual([
    { from: 2, to: 4 },
    { from: 7, to: 8 },
  ]);
});

test("a failed write is retried later, with the newest state", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  output = join(folder, "out", "good.safetensors");
  const writer = new CheckpointWriter(output, events, { retryMs: 5_000 });
  writer.write(checkpointOf(1));
  await realTurnsUntil(() => named("checkpoint-failed").length === 1);
  mkdirSync(join(folder, "out"));
  await vi.advanceTimersByTimeAsync(4_999);
  expect(existsSync(output)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await realTurnsUntil(() => named("checkpoint").length === 1);
  expect(readCheckpoint(output).step).toBe(1);
  renameSync(join(folder, "out"), join(folder, "gone"));
  writer.write(checkpointOf(2));
  await realTurnsUntil(() => named("checkpoint-failed").length === 2);
  renameSync(join(folder, "gone"), join(folder, "out"));
  writer.write(checkpointOf(3));
  await writer.finish();
  expect(readCheckpoint(output).step).toBe(3);
  expect(vi.getTimerCount()).toBe(0);
});

test("of the checkpoints queued during a write, only the newest is written", async () => {
  await writeRun([1, 2, 3, 4].map((step) => checkpointOf(step)));
  expect(named("checkpoint").map((event) => "step" in event && event.step)).toEqual([1, 4]);
});

test("the mode of the replaced file is kept", async () => {
  await writeRun([checkpointOf(1)]);
  chmodSync(output, 0o640);
  await writeRun([checkpointOf(2)]);
  expect(statSync(output).mode & 0o777).toBe(0o640);
});

/** Lets file operations proceed until the condition holds. */
async function realTurnsUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** The same, while time passes. */
async function passUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await vi.advanceTimersByTimeAsync(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
