// A recipe on the command line: reported, replaced option by option, and the same file as with its options one by one; and the
// validation set, which recipes are chosen on.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { defaultSpec } from "../support/engines.js";
import { killAll, Tandem, tandem } from "../support/tandem.js";

let data: string;

beforeAll(() => {
  data = writeDataset();
});

afterEach(killAll);

/** @param steps and batches that fit the small data set */
const common = (steps = 6) => [
  ...["single", "--data", data, "--steps", `${steps}`, "--batch-size", "16", "--json"],
  ...["--validation-size", "24"],
];
const digest = (folder: string) =>
  createHash("sha256")
    .update(readFileSync(join(folder, "checkpoint.safetensors")))
    .digest("hex");

test("its options are reported before the start, and given one by one they end in the same file", async () => {
  const cwd = temporaryFolder();
  const { code, events } = await tandem([...common(), "--recipe", "fast"], { cwd });
  expect(code).toBe(0);
  const [recipe, data, start] = events;
  expect(data).toMatchObject({ event: "data" });
  expect(recipe).toMatchObject({ event: "recipe", name: "fast" });
  expect(recipe?.["overridden"]).toEqual({ steps: 6, batchSize: 16 });
  expect(start).toMatchObject({ event: "start", steps: 6 });
  const other = temporaryFolder();
  const options = Object.entries(recipe?.["options"] as object).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  expect((await tandem([...common(), ...options], { cwd: other })).code).toBe(0);
  expect(digest(other)).toBe(digest(cwd));
});

test("a run of a recipe is resumed with it and without it", { timeout: 180_000 }, async () => {
  const whole = temporaryFolder();
  const args = [...common(60), "--recipe", "fast", "--eval-every", "0"];
  expect((await tandem(args, { cwd: whole })).code).toBe(0);
  for (const recipe of [["--recipe", "fast"], []]) {
    const cwd = temporaryFolder();
    const cut = new Tandem(args, { cwd });
    await cut.event(({ event, step }) => event === "step" && Number(step) >= 3);
    cut.kill("SIGINT");
    expect((await cut.ended).code).toBe(130);
    const resume = [...common(60), ...recipe, "--resume", "checkpoint.safetensors"];
    const resumed = await tandem(resume, { cwd });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(digest(cwd)).toBe(digest(whole));
  }
});

test("evaluate --on validation takes the samples that the run held out", async () => {
  const cwd = temporaryFolder();
  expect((await tandem([...common(), "--recipe", "fast"], { cwd })).code).toBe(0);
  const evaluate = ["evaluate", "checkpoint.safetensors", "--data", data];
  const { events } = await tandem([...evaluate, "--on", "validation", "--json"], { cwd });
  expect(events).toMatchObject([
    { event: "evaluated", engine: defaultSpec.name, step: 6, count: 24 },
  ]);
  expect(Object.keys(events[0] ?? {})).toEqual(
    expect.arrayContaining(["validationAccuracy", "validationLoss"]),
  );
  expect(events[0]).not.toHaveProperty("testLoss");
  const forPeople = await tandem([...evaluate, "--on", "validation"], { cwd });
  expect(forPeople.stdout).toMatch(/^validation accuracy [\d.]+\n$/);
});

test("a run that held nothing out has no validation set, and says so", async () => {
  const cwd = temporaryFolder();
  const all = common().map((option) => (option === "24" ? "0" : option));
  expect((await tandem(all, { cwd })).code).toBe(0);
  const evaluate = ["evaluate", "checkpoint.safetensors", "--data", data, "--on", "validation"];
  const { code, stderr } = await tandem(evaluate, { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain("without a validation set");
});
