// Whole runs with real processes and sockets on a small data set: the same file from all of them.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { defaultSpec, hasTensorFlow } from "../support/engines.js";
import { readEventFile } from "../support/event-files.js";
import { killAll, Tandem, tandem } from "../support/tandem.js";

let data: string;
let common: string[];
let calmDigest: string;

const STEPS = 60;

const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

function run(command: string, cwd: string, ...args: string[]): Tandem {
  return new Tandem([command, ...args, ...common, "--json"], { cwd });
}

beforeAll(async () => {
  data = writeDataset();
  common = ["--data", data, "--validation-size", "0", "--batch-size", "10", "--eval-every", "20"];
  const cwd = temporaryFolder();
  const args = ["--shards", "3", "--steps", `${STEPS}`];
  const calm = await run("single", cwd, ...args).ended;
  expect(calm.code).toBe(0);
  calmDigest = digest(join(cwd, "checkpoint.safetensors"));
});

afterEach(killAll);

describe("the final checkpoint is the same file", () => {
  test.each([1, 2, 3, 5])("from local with %i workers", async (workers) => {
    const cwd = temporaryFolder();
    const args = ["--workers", `${workers}`, "--shards", "3", "--steps", `${STEPS}`];
    const { code, stderr } = await run("local", cwd, ...args).ended;
    expect(code, stderr).toBe(0);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
  });

  test("with --broadcast updates", async () => {
    const cwd = temporaryFolder();
    const args = ["--workers", "2", "--shards", "3", "--steps", `${STEPS}`];
    const { code } = await run("local", cwd, ...args, "--broadcast", "updates").ended;
    expect(code).toBe(0);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
  });

  test.each(["weights", "updates"])(
    "with a coordinator that computes beside a worker that is killed, sent %s",
    async (broadcast) => {
      const cwd = temporaryFolder();
      const args = ["--port", "0", "--shards", "3", "--steps", `${STEPS}`, "--min-workers", "2"];
      const computes = ["--coordinator-computes", "--broadcast", broadcast];
      const coordinator = run("coordinator", cwd, ...args, ...computes);
      const url = await coordinator.url();
      const first = new Tandem(["worker", url, "--name", "first"]);
      await coordinator.step(5);
      first.kill("SIGKILL");
      await coordinator.event((event) => event["name"] === "first" && event["state"] === "left");
      const second = new Tandem(["worker", url, "--name", "second"]);
      const { code, stderr } = await coordinator.ended;
      expect(code, stderr).toBe(0);
      expect((await second.ended).code).toBe(0);
      expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
    },
  );

  test("from local whose coordinator is one of the two workers", async () => {
    const cwd = temporaryFolder();
    const args = ["--workers", "2", "--shards", "3", "--steps", `${STEPS}`];
    const { code, events, stderr } = await run("local", cwd, ...args, "--coordinator-computes")
      .ended;
    expect(code, stderr).toBe(0);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
    const joined = events.filter(({ event, state }) => event === "worker" && state === "joined");
    expect(joined.map(({ name }) => name)).toEqual(["worker-1"]);
  });

  test("when a worker joins in the middle, another is killed, and a third is frozen for a while", async () => {
    const cwd = temporaryFolder();
    // With two workers wanted at any time, the run cannot be over before the third is there, however fast it is.
    const args = ["--port", "0", "--shards", "3", "--steps", `${STEPS}`, "--min-workers", "2"];
    const coordinator = run("coordinator", cwd, ...args);
    const url = await coordinator.url();
    const joined = (name: string) =>
      coordinator.event((event) => event["name"] === name && event["state"] === "joined");
    const first = new Tandem(["worker", url, "--name", "first"]);
    await joined("first");
    const second = new Tandem(["worker", url, "--name", "second"]);
    await coordinator.step(5);
    first.kill("SIGKILL");
    await coordinator.event((event) => event["name"] === "first" && event["state"] === "left");
    const third = new Tandem(["worker", url, "--name", "third"]);
    await joined("third");
    third.kill("SIGSTOP");
    const { code, stderr } = await coordinator.ended;
    third.kill("SIGCONT");
    expect(code, stderr).toBe(0);
    expect((await second.ended).code).toBe(0);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
  });

  test("in two halves, with --resume and another number of workers", async () => {
    const cwd = temporaryFolder();
    const half = await run("local", cwd, "--workers", "1", "--shards", "3", "--steps", "25").ended;
    expect(half.code).toBe(0);
    const args = ["--resume", "checkpoint.safetensors", "--steps", `${STEPS}`];
    const rest = await run("local", cwd, "--workers", "2", ...args).ended;
    expect(rest.code, rest.stderr).toBe(0);
    expect(rest.events.find(({ event }) => event === "step")?.["step"]).toBe(25);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
  });

  test("after an interrupt and --resume", async () => {
    const cwd = temporaryFolder();
    const args = ["--workers", "2", "--shards", "3", "--steps", `${STEPS}`];
    const interrupted = run("local", cwd, ...args);
    await interrupted.step(10);
    interrupted.kill("SIGTERM");
    expect((await interrupted.ended).code).toBe(143);
    const resume = ["--resume", "checkpoint.safetensors", "--steps", `${STEPS}`];
    expect((await run("single", cwd, ...resume).ended).code).toBe(0);
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(calmDigest);
  });
});

describe("the events", () => {
  test("are JSON lines and nothing else, and tell the run in order", async () => {
    const cwd = temporaryFolder();
    const { stdout, events } = await run("local", cwd, "--steps", "4").ended;
    expect(stdout.trim().split("\n")).toHaveLength(events.length);
    const names = events.map(({ event }) => event);
    expect(names.indexOf("listening")).toBeLessThan(names.indexOf("start"));
    expect(events.filter(({ event }) => event === "step").map((event) => event["step"])).toEqual([
      0, 1, 2, 3,
    ]);
    expect(events.filter(({ event }) => event === "evaluation")).toHaveLength(1);
    const end = events.find(({ event }) => event === "end");
    expect(end).toMatchObject({ step: 4, path: "checkpoint.safetensors" });
  });

  test("for people are the seed's lines", async () => {
    const cwd = temporaryFolder();
    const args = ["single", "--steps", "1", ...common];
    const { stdout } = await new Tandem(args, { cwd }).ended;
    expect(stdout).toMatch(
      /^step 0, training accuracy 0?\.?\d+, test accuracy 0?\.?\d+\ntest accuracy 0?\.?\d+\n$/,
    );
  });
});

test("evaluate builds the network afresh and prints the run's own figures", async () => {
  const cwd = temporaryFolder();
  const { events } = await run("single", cwd, "--steps", "30", "--learning-rate", "1e-3").ended;
  const end = events.find(({ event }) => event === "end");
  const args = ["evaluate", "checkpoint.safetensors", "--data", data, "--json"];
  const evaluated = await tandem(args, { cwd });
  expect(evaluated.code).toBe(0);
  if (!end) throw new Error("no end");
  const { step, testAccuracy, testLoss } = end as Record<string, unknown>;
  expect(evaluated.events).toEqual([
    { event: "evaluated", engine: defaultSpec.name, step, testAccuracy, testLoss, count: 40 },
  ]);
  // The bars are easy to tell apart; a network that has learnt nothing would be right in a quarter.
  expect(Number(testAccuracy)).toBeGreaterThan(0.9);
});

test("steps 0 writes the initial state, and inspect tells what is in it", async () => {
  const cwd = temporaryFolder();
  expect((await run("single", cwd, "--steps", "0").ended).code).toBe(0);
  const inspected = await tandem(["inspect", "checkpoint.safetensors", "--json"], { cwd });
  expect(inspected.events[0]).toMatchObject({ step: 0, config: { batchSize: 10, shards: 1 } });
  expect(inspected.events[0]?.["tensors"]).toHaveLength(39);
});

test.each(["wasm", ...(hasTensorFlow ? ["tensorflow"] : [])])(
  "TensorBoard's files hold scalars, histograms and the graph, with the engine %s",
  async (engine) => {
    const cwd = temporaryFolder();
    expect((await run("single", cwd, "--steps", "41", "--engine", engine).ended).code).toBe(0);
    const file = readdirSync(join(cwd, "summary")).find((name) => name.includes("tfevents"));
    const contents = readEventFile(join(cwd, "summary", file!)).map(({ content }) => content);
    const count = (tag: string) =>
      contents.filter((each) => each && "tag" in each && each.tag === tag).length;
    expect(count("train accuracy")).toBe(3);
    expect(count("test accuracy")).toBe(4);
    expect(count("loss")).toBe(41);
    expect(count("samples per second")).toBe(2);
    const evaluations = 3;
    expect(count("gradients/fc1/kernel")).toBe(evaluations);
    expect(count("fc1/bn/pop_var")).toBe(evaluations);
    const graph = contents.find((each) => each?.kind === "graph")?.graph;
    // A node's name: field 1 of its message, with its length before it.
    const hasNode = (name: string) => {
      const field = `\n${String.fromCharCode(name.length)}${name}`;
      return Buffer.from(graph!).toString("latin1").includes(field);
    };
    expect(hasNode("inference/fc1/bn/pop_var")).toBe(true);
    expect(hasNode("conv2/conv2d")).toBe(true);
  },
);

describe("bad input ends with exit 2 and one line", () => {
  const cases: [string, string[]][] = [
    ["an unknown command", ["train"]],
    ["an unknown option", ["single", "--step", "3"]],
    ["a number that is none", ["single", "--steps", "many"]],
    ["a number out of range", ["single", "--batch-size", "0"]],
    ["a broken number", ["single", "--seed", "1.5"]],
    ["a learning rate of 0", ["single", "--learning-rate", "0"]],
    ["an unknown broadcast", ["single", "--broadcast", "none"]],
    ["more shards than samples", ["single", "--shards", "51"]],
    ["a batch larger than the training set", ["single", "--batch-size", "97", "DATA"]],
    ["a missing data folder", ["single", "--data", "nowhere"]],
    ["a missing output folder", ["single", "--output", "nowhere/c.safetensors", "DATA"]],
    ["an output that is a folder", ["single", "--output", ".", "DATA"]],
    ["a checkpoint that does not exist", ["evaluate", "nothing.safetensors"]],
    ["a resume from nothing", ["single", "--resume", "nothing.safetensors"]],
    ["a worker without a URL", ["worker"]],
    ["a URL that is none", ["worker", "mailto:someone"]],
    ["listening to all without a token", ["coordinator", "--host", "0.0.0.0"]],
    ["a token file that does not exist", ["coordinator", "--token-file", "nothing"]],
    ["half of TLS", ["coordinator", "--tls-cert", "c.pem"]],
    ["one worker too few", ["local", "--workers", "0"]],
    ["an argument too many", ["single", "extra"]],
  ];
  test.each(cases)("%s", async (_what, args) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "checkpoint.safetensors"), "mine");
    const dataArgs = ["--data", data, "--validation-size", "0"];
    const given = args.flatMap((arg) => (arg === "DATA" ? dataArgs : [arg]));
    const { code, stdout, stderr } = await tandem(given, { cwd });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(readFileSync(join(cwd, "checkpoint.safetensors"), "utf8")).toBe("mine");
    expect(existsSync(join(cwd, "nowhere"))).toBe(false);
  });

  test("options that contradict the checkpoint resumed", async () => {
    const cwd = temporaryFolder();
    expect((await run("single", cwd, "--steps", "4").ended).code).toBe(0);
    const before = digest(join(cwd, "checkpoint.safetensors"));
    const resume = ["single", "--resume", "checkpoint.safetensors", "--validation-size", "0"];
    const contradictions = [
      ["--seed", "1", "--data", data],
      ["--batch-size", "11", "--data", data],
      ["--shards", "2", "--data", data],
      ["--steps", "3", "--data", data],
      ["--data", writeDataset({ trainCount: 50, testCount: 8, height: 8, width: 10, classes: 4 })],
    ];
    for (const args of contradictions) {
      const { code, stderr } = await tandem([...resume, ...args], { cwd });
      expect(code, args.join(" ")).toBe(2);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(digest(join(cwd, "checkpoint.safetensors"))).toBe(before);
  });
});
