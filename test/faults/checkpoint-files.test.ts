// Files that a run must not destroy, wait for, share with another run or fail at.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { writeAtomically } from "../../src/shared/checkpoint/atomic-write.js";
import {
  encodeCheckpoint,
  inspectCheckpoint,
  readCheckpoint,
} from "../../src/shared/checkpoint/checkpoint.js";
import { lockOutput, removeLeftovers } from "../../src/shared/checkpoint/output-lock.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { checkpointOf } from "../support/checkpoints.js";
import { configOf } from "../support/config.js";
import { temporaryFolder } from "../support/data.js";
import { SmallRun } from "../support/small-run.js";
import { CLI, killAll, tandem } from "../support/tandem.js";

const FILE = "checkpoint.safetensors";
const run = new SmallRun(4);
const endless = new SmallRun(1_000_000);
let trained: Buffer;

beforeAll(async () => {
  const cwd = temporaryFolder();
  expect((await run.start("single", [], cwd).process.ended).code).toBe(0);
  trained = readFileSync(join(cwd, FILE));
});
afterEach(killAll);

/** A folder that holds a finished run's checkpoint. */
function folderWithCheckpoint(): string {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, FILE), trained);
  return cwd;
}

function makePipe(folder: string): string {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

/** Exit code 2, one line on standard error, nothing left behind. */
async function expectRefused(args: string[], cwd: string, reason: RegExp): Promise<void> {
  const before = readdirSync(cwd).sort();
  const { code, stderr } = await tandem(args, { cwd });
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(code).toBe(2);
  expect(readdirSync(cwd).sort()).toEqual(before);
}

describe("a finished checkpoint", () => {
  test("survives a coordinator that is interrupted before a worker joined", async () => {
    const cwd = folderWithCheckpoint();
    const { process: coordinator } = endless.start("coordinator", ["--port", "0"], cwd);
    await coordinator.event(({ event }) => event === "waiting");
    coordinator.kill("SIGINT");
    const { code, events } = await coordinator.ended;
    expect(code).toBe(130);
    expect(events.some(({ event }) => event === "checkpoint")).toBe(false);
    expect(readFileSync(join(cwd, FILE)).equals(trained)).toBe(true);
  });

  test("is kept by the run that replaces it", async () => {
    const cwd = folderWithCheckpoint();
    const { code, events } = await run.start("single", ["--seed", "9"], cwd).process.ended;
    expect(code).toBe(0);
    expect(events.find(({ event }) => event === "checkpoint-kept")).toMatchObject({ path: FILE });
    expect(readFileSync(join(cwd, "checkpoint.previous.safetensors")).equals(trained)).toBe(true);
    expect(readCheckpoint(join(cwd, FILE)).config.seed).toBe(9);
  });

  test("is not kept by the run that resumes it", async () => {
    const cwd = folderWithCheckpoint();
    const args = ["--resume", FILE, "--steps", "6"];
    expect((await run.start("single", args, cwd).process.ended).code).toBe(0);
    expect(readCheckpoint(join(cwd, FILE)).step).toBe(6);
    expect(readdirSync(cwd).sort()).toEqual([FILE, "summary"]);
  });
});

describe("two runs on one output", () => {
  test("the second is refused, even while the first is stopped; the first continues", async () => {
    const cwd = temporaryFolder();
    symlinkSync(FILE, join(cwd, "link"));
    const { process: first } = endless.start("single", [], cwd);
    await first.step(2);
    first.kill("SIGSTOP");
    for (const output of [FILE, "link"]) {
      const { code, stderr } = await tandem(["single", ...run.options, "--output", output], {
        cwd,
      });
      expect(stderr).toMatch(/Another run is writing .*--output/);
      expect(code).toBe(2);
    }
    first.kill("SIGCONT");
    first.kill("SIGINT");
    expect((await first.ended).code).toBe(130);
    expect(existsSync(join(cwd, `${FILE}.tandem-lock`))).toBe(false);
  });

  test("a run whose predecessor was killed starts at once, and removes what it left", async () => {
    const cwd = temporaryFolder();
    const { process: first } = endless.start("single", [], cwd);
    await first.step(2);
    first.kill("SIGKILL");
    await first.ended;
    expect(existsSync(join(cwd, `${FILE}.tandem-lock`))).toBe(true);
    // Of a container whose process had an id that is in use here.
    writeFileSync(join(cwd, `${FILE}.1.0123456789ab.tmp`), "half");
    writeFileSync(join(cwd, `${FILE}.notes.tmp`), "not a writer's");
    expect((await run.start("single", [], cwd).process.ended).code).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual([FILE, `${FILE}.notes.tmp`, "summary"]);
  });

  test("a lock that was released is free, and its file is gone", () => {
    const cwd = temporaryFolder();
    const path = join(cwd, FILE);
    const lock = lockOutput(path);
    expect(lock.missing).toBeUndefined();
    expect(() => lockOutput(path, 0)).toThrow(expect.objectContaining({ code: "output-locked" }));
    lock.release();
    lockOutput(path, 0).release();
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("a user's file at the lock's name, or at NAME.lock, stays as it is", () => {
    const cwd = temporaryFolder();
    const names = ["yarn.lock", "yarn.tandem-lock"];
    for (const name of names) writeFileSync(join(cwd, name), "a user's");
    lockOutput(join(cwd, "yarn"), 0).release();
    expect(readdirSync(cwd).sort()).toEqual(names);
  });
});

describe("an output that would destroy something is refused before training", () => {
  const cases: [string, string[], RegExp, ((cwd: string) => void)?][] = [
    ["an empty name", ["--output", ""], /--output is empty/],
    ["a device", ["--output", "/dev/null"], /device/],
    ["a named pipe", ["--output", "pipe"], /named pipe/, makePipe],
    ["a folder", ["--output", "."], /folder/],
    [
      "a link to a device",
      ["--output", "l"],
      /device/,
      (cwd) => symlinkSync("/dev/null", join(cwd, "l")),
    ],
    [
      "a link in a circle",
      ["--output", "l"],
      /--output l: too many symbolic links/,
      (cwd) => symlinkSync("l", join(cwd, "l")),
    ],
    [
      "a longer circle of links",
      ["--output", "l"],
      /--output l: too many symbolic links/,
      (cwd) => {
        symlinkSync("k", join(cwd, "l"));
        symlinkSync("l", join(cwd, "k"));
      },
    ],
    ["a name that is too long for a write", ["--output", "é".repeat(120)], /too long by \d+ bytes/],
    ["the summary's folder", ["--output", "s", "--summary-dir", "./s"], /is also --summary-dir/],
    [
      "a run's log that is a pipe",
      ["--summary-dir", "."],
      /the run's log .* not a regular file/,
      (cwd) => symlinkSync(makePipe(temporaryFolder()), join(cwd, "tandem-run.jsonl")),
    ],
    [
      "a --log-file that is a key",
      ["--log-file", "key.pem"],
      /--log-file key.pem exists and is not a log/,
      (cwd) => writeFileSync(join(cwd, "key.pem"), "-----BEGIN"),
    ],
    [
      "a --log-file that is a link to a pipe",
      ["--log-file", "l"],
      /named pipe/,
      (cwd) => symlinkSync(makePipe(cwd), join(cwd, "l")),
    ],
    [
      "a --log-file that is a link in a circle",
      ["--log-file", "l"],
      /--log-file l: .*symbolic links/,
      (cwd) => symlinkSync("l", join(cwd, "l")),
    ],
    ["a lock's name", ["--output", "a.tandem-lock"], /--output .* name of a lock/],
    ["a --log-file of a lock's name", ["--log-file", "a.tandem-lock"], /--log-file .* lock/],
    ["the log file", ["--output", "a", "--log-file", "./a"], /--output a is also --log-file/],
    [
      "the run's log",
      ["--output", "s/tandem-run.jsonl", "--summary-dir", "s"],
      /the run's log/,
      (cwd) => mkdirSync(join(cwd, "s")),
    ],
    [
      "an exported page",
      ["--output", "page.html"],
      /exists and is not a checkpoint/,
      (cwd) => writeFileSync(join(cwd, "page.html"), "<html>"),
    ],
    ["an empty --summary-dir", ["--summary-dir", ""], /--summary-dir is empty/],
    [
      "a --summary-dir that is a file",
      ["--summary-dir", "f"],
      /--summary-dir f/,
      (cwd) => writeFileSync(join(cwd, "f"), "x"),
    ],
    ["an empty --log-file", ["--log-file", ""], /--log-file is empty/],
    ["a --log-file that is a pipe", ["--log-file", "pipe"], /named pipe/, makePipe],
    [
      "a --log-file that is resumed",
      ["--log-file", "l", "--resume", FILE, "--output", "new"],
      /--log-file l is also --resume/,
      (cwd) => {
        writeFileSync(join(cwd, FILE), trained);
        linkSync(join(cwd, FILE), join(cwd, "l"));
      },
    ],
  ];
  test.each(cases)("%s", async (_name, args, reason, prepare) => {
    const cwd = temporaryFolder();
    prepare?.(cwd);
    await expectRefused(["single", ...run.options, ...args], cwd, reason);
  });

  test("a file of the data", async () => {
    const cwd = temporaryFolder();
    symlinkSync(join(run.data, "train-labels-idx1-ubyte"), join(cwd, "labels"));
    await expectRefused(
      ["single", ...run.options, "--output", "labels"],
      cwd,
      /a file of the data/,
    );
  });
});

test("a missing temporary folder is one line", async () => {
  const env = { TMPDIR: "/nonexistent" };
  const { code, stderr } = await tandem(["single", ...run.options], {
    cwd: temporaryFolder(),
    env,
  });
  expect(stderr).toMatch(/^tandem: .*\/nonexistent, cannot be written .*TMPDIR.*\n$/);
  expect(code).toBe(1);
});

test("a current folder that was deleted is one line", () => {
  const folder = join(temporaryFolder(), "gone");
  mkdirSync(folder);
  const script = 'rmdir "$0" && exec "$@"';
  const { status, stderr } = spawnSync(
    "sh",
    ["-c", script, folder, process.execPath, CLI, "inspect", FILE],
    { cwd: folder, encoding: "utf8" },
  );
  expect(stderr).toMatch(/^tandem: The current folder cannot be found .*\n$/);
  expect(status).toBe(2);
});

test("an error's message has no control characters", async () => {
  const { code, stderr } = await tandem(["inspect", "\u001b[2J"], { cwd: temporaryFolder() });
  expect(stderr).toMatch(/\ufffd\[2J does not exist/);
  expect(stderr).not.toContain("\u001b");
  expect(code).toBe(2);
});

test.each([
  ["worker", /--retry-for[^(]*\(default:\s+60\)/],
  ["local", /--worker-wait[^(]*\(default:\s+600\)/],
])("%s --help shows times in seconds", async (command, times) => {
  expect((await tandem([command, "--help"])).stdout).toMatch(times);
});

test("show refuses a log that is a pipe, and exports over nothing but a page", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "tandem-run.jsonl"), "");
  writeFileSync(join(cwd, FILE), trained);
  writeFileSync(join(cwd, "page.html"), "<!DOCTYPE html>");
  makePipe(cwd);
  await expectRefused(["show", ".", "--export", FILE], cwd, /exists and is not an exported page/);
  await expectRefused(["show", ".", "--export", "pipe"], cwd, /not a regular file/);
  expect((await tandem(["show", ".", "--export", "page.html"], { cwd })).code).toBe(0);
  mkdirSync(join(cwd, "s"));
  symlinkSync("../pipe", join(cwd, "s/tandem-run.jsonl"));
  await expectRefused(["show", "s"], cwd, /no log of a run .*not a regular file/);
});

test("inspect, evaluate and --resume do not wait for files that are not regular", async () => {
  const cwd = temporaryFolder();
  makePipe(cwd);
  for (const path of ["pipe", "/dev/zero", ".", "nothing"]) {
    await expectRefused(["inspect", path], cwd, /not a regular file|does not exist/);
  }
  await expectRefused(["evaluate", "pipe"], cwd, /not a regular file/);
  await expectRefused(["single", ...run.options, "--resume", "pipe"], cwd, /not a regular file/);
});

test("a checkpoint of more than 2 GiB is inspected and read", { timeout: 120_000 }, (context) => {
  const large = configOf({ inputShape: [216, 216, 1] });
  const layout = stateLayout(layoutOfRun(large), "with-slots");
  const byteLength = 4 * layout.reduce((total, { shape }) => total + sizeOf(shape), 0);
  expect(byteLength).toBeGreaterThan(2 ** 31);
  if (freemem() < 2 * byteLength) context.skip("too little free memory");
  // Zeros, which all tensors share here and which take no room in the file: it is mostly a hole.
  const zeros = new Float32Array(Math.max(...layout.map(({ shape }) => sizeOf(shape))));
  const tensors = layout.map(({ name, shape }) => ({
    name,
    shape,
    values: zeros.subarray(0, sizeOf(shape)),
  }));
  const [header] = encodeCheckpoint({ config: large, step: 3, tensors });
  const path = join(temporaryFolder(), FILE);
  writeFileSync(path, header!);
  truncateSync(path, header!.length + byteLength);
  expect(inspectCheckpoint(path)).toMatchObject({ step: 3, config: large });
  const read = readCheckpoint(path).tensors;
  expect(read.map(({ name, values }) => [name, values.length])).toEqual(
    layout.map(({ name, shape }) => [name, sizeOf(shape)]),
  );
});

describe("a write", () => {
  const bytes = encodeCheckpoint(checkpointOf(1));

  test("follows a link, which stays, also to a file that is not there yet", async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, "runs"));
    symlinkSync("runs/a.safetensors", join(cwd, FILE));
    await writeAtomically(join(cwd, FILE), bytes);
    await writeAtomically(join(cwd, FILE), bytes);
    expect(lstatSync(join(cwd, FILE)).isSymbolicLink()).toBe(true);
    expect(readCheckpoint(join(cwd, "runs/a.safetensors")).step).toBe(1);
    expect(readdirSync(join(cwd, "runs"))).toEqual(["a.safetensors"]);
  });

  test("replaces no pipe or device, and keeps a file's mode", async () => {
    const cwd = temporaryFolder();
    const pipe = makePipe(cwd);
    await expect(writeAtomically(pipe, bytes)).rejects.toThrow("not a regular file");
    expect(statSync(pipe).isFIFO()).toBe(true);
    const file = join(cwd, FILE);
    writeFileSync(file, "old");
    chmodSync(file, 0o660);
    await writeAtomically(file, bytes);
    expect(statSync(file).mode & 0o777).toBe(0o660);
  });

  test("does not follow a link that somebody laid at the temporary name of a process", async () => {
    const cwd = temporaryFolder();
    const victim = join(cwd, "victim");
    writeFileSync(victim, "another's");
    symlinkSync(victim, join(cwd, `${FILE}.${process.pid}.tmp`));
    await writeAtomically(join(cwd, FILE), bytes);
    expect(readFileSync(victim, "utf8")).toBe("another's");
    removeLeftovers(join(cwd, FILE));
    expect(readdirSync(cwd).sort()).toEqual([FILE, "victim"]);
  });
});
