// Takes the pictures in README.md and docs/ in Chromium: the page during a real run that loses a worker; the page /join during a
// run of the wasm engine that a tab joins; the page of other kinds of runs (pictures, a table, values, many classes); and the page
// that compares runs, with a sweep that is trained for it.
//   node scripts/screenshots.mjs [--steps 700] [--join-steps 120] [--kind-steps 300] [--sweep-steps 300] [--only dashboard|join|kinds|compare] [--folder docs/images]
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { adam, idx, initializers, presetNetwork, train } from "../dist/index.js";
import { openBrowser } from "./browser.mjs";
import { Command, ROOT } from "./faults/processes.mjs";
import { makeShapes, SHAPES_INPUT } from "./showcase/data.mjs";
import { startShowcase } from "./showcase/runs.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "700" },
    "join-steps": { type: "string", default: "120" },
    "kind-steps": { type: "string", default: "300" },
    "sweep-steps": { type: "string", default: "300" },
    only: { type: "string" },
    folder: { type: "string", default: join(ROOT, "docs/images") },
  },
});
mkdirSync(options.folder, { recursive: true });
const browser = await openBrowser();

/** @param {string[]} args @param {(coordinator: Command, start: (args: string[]) => Command) => Promise<void>} take */
async function duringRun(args, take) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-screenshots-"));
  /** @type {Command[]} */
  const commands = [];
  const start = (/** @type {string[]} */ each) => {
    const command = new Command(each, { cwd: folder });
    commands.push(command);
    return command;
  };
  try {
    await take(start(["coordinator", "--port", "0", "--json", ...args]), start);
  } finally {
    for (const command of commands) command.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {Command} coordinator @param {number} step */
const stepDone = (coordinator, step) =>
  coordinator.event((event) => event.event === "step" && event["step"] === step);

/** With a palette, which needs a third of the bytes without a visible difference. @param {string} name @param {Buffer} screenshot */
async function save(name, screenshot) {
  await sharp(screenshot).png({ palette: true, effort: 10 }).toFile(join(options.folder, name));
  process.stdout.write(`${name} is in ${options.folder}\n`);
}

/** @param {string} name @param {import("playwright-core").Page} page */
async function picture(name, page, fullPage = true) {
  await save(name, await page.screenshot({ fullPage }));
}

async function takeDashboard() {
  const steps = Number(options.steps);
  const run = ["--shards", "4", "--learning-rate", "1e-3", "--population", "ema-corrected"];
  const evaluations = ["--eval-every", `${Math.ceil(steps / 7)}`];
  const length = ["--steps", `${Math.ceil(1.3 * steps)}`, "--checkpoint-every", "0"];
  await duringRun([...run, ...evaluations, ...length], async (coordinator, start) => {
    const url = await coordinator.url();
    const joinAs = (/** @type {string} */ name) => start(["worker", url, "--name", name]);
    joinAs("kitchen");
    const study = joinAs("study");
    joinAs("attic");
    const page = await browser.newPage({
      viewport: { width: 1200, height: 900 },
      deviceScaleFactor: 1,
    });
    await page.goto(url.replace("ws:", "http:"));
    await stepDone(coordinator, Math.floor(steps * 0.4));
    study.kill("SIGKILL");
    await stepDone(coordinator, Math.floor(steps * 0.7));
    joinAs("cellar");
    await stepDone(coordinator, steps);
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const box = await page.locator("#canvas").boundingBox();
    if (!box) throw new Error("no canvas to draw on");
    for (let point = 0; point <= 40; point++) {
      // A 2: an arc, a slanted line and a base.
      const [x, y] =
        point <= 20
          ? [
              0.5 - 0.17 * Math.cos((Math.PI * point) / 20),
              0.33 - 0.16 * Math.sin((Math.PI * point) / 20),
            ]
          : point <= 30
            ? [0.67 - 0.037 * (point - 20), 0.33 + 0.045 * (point - 20)]
            : [0.3 + 0.042 * (point - 30), 0.78];
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      if (point === 0) await page.mouse.down();
    }
    await page.mouse.up();
    await page.locator("#probabilities .best").waitFor();
    await page.evaluate("scrollTo(0, 0)");
    await picture("page.png", page);
    await save("step.png", await page.locator("#step-section").screenshot());
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.reload();
    await page.locator("#marks li").first().waitFor();
    await page.locator("#timeline rect").first().waitFor();
    // Not by the page's title: locators find no text in the head.
    await page.locator("#step", { hasText: /[1-9]/ }).waitFor();
    await picture("phone-dark.png", page, false);
  });
}

async function takeJoinPage() {
  const steps = Number(options["join-steps"]);
  const numbers = ["--batch-size", "48", "--shards", "4", "--learning-rate", "1e-3"];
  const run = ["--engine", "wasm", "--steps", `${2 * steps}`, "--eval-every", "0"];
  await duringRun([...run, ...numbers], async (coordinator, start) => {
    const url = await coordinator.url();
    start(["worker", url, "--name", "laptop"]);
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      hasTouch: true,
      userAgent:
        "Mozilla/5.0 (Linux; Android 16; Pixel 7) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36",
    });
    const page = await context.newPage();
    await stepDone(coordinator, Math.floor(steps / 2));
    await page.goto(`${url.replace("ws:", "http:")}/join`);
    await page.locator("#start").click();
    await stepDone(coordinator, steps);
    await picture("join-phone.png", page);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 1280, height: 800 });
    await stepDone(coordinator, steps + 10);
    await picture("join.png", page);
  });
}

/** The preset with another σ for initial kernels. @param {"sigmoid" | "sigmoid-plain"} name @param {number} standardDeviation */
function scaledNetwork(name, standardDeviation) {
  const { inputShape, layers } = presetNetwork(name, [28, 28, 1], 10);
  const kernelInitializer = initializers.truncatedNormal(standardDeviation);
  return {
    inputShape,
    layers: layers.map((node) => {
      const { layer } = node;
      return layer.kind === "dense" ? { ...node, layer: { ...layer, kernelInitializer } } : node;
    }),
  };
}

/** With and without batch normalisation, by learning rate and σ. @param {string} folder @returns {Promise<string[]>} summary folders */
async function trainSweep(folder) {
  const data = await idx();
  const summaries = [];
  for (const name of /** @type {const} */ (["sigmoid", "sigmoid-plain"])) {
    for (const sigma of [0.01, 0.1, 1]) {
      for (const rate of [1e-3, 1e-2, 1e-1]) {
        const summaryDir = join(folder, `${name}-${rate}-${sigma}`);
        summaries.push(summaryDir);
        await train({
          network: scaledNetwork(name, sigma),
          data,
          optimizer: adam({ learningRate: rate }),
          steps: Number(options["sweep-steps"]),
          evalEvery: Math.ceil(Number(options["sweep-steps"]) / 15),
          checkpointEvery: 0,
          shards: 1,
          engine: "wasm",
          output: join(folder, "checkpoint.safetensors"),
          summaryDir,
        }).result;
      }
    }
  }
  return summaries;
}

/** @param {string} kind @param {(page: import("playwright-core").Page) => Promise<void>} take */
async function duringShowcase(kind, take) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-screenshots-"));
  const output = join(folder, "checkpoint.safetensors");
  const run = await startShowcase(kind, { steps: 1_000_000, output, evalEvery: 50 });
  // High enough that the top bar, which stays visible, covers nothing.
  const page = await browser.newPage({
    viewport: { width: 1200, height: 4000 },
    deviceScaleFactor: 1,
  });
  try {
    await page.goto(run.url);
    await run.stepDone(Number(options["kind-steps"]));
    await take(page);
  } finally {
    await page.close();
    await run.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tries a picture that no run has seen. @param {import("playwright-core").Page} page */
async function choosePicture(page) {
  const [height = 0, width = 0] = SHAPES_INPUT;
  const raw = { height, width, channels: /** @type {const} */ (3) };
  const buffer = await sharp(makeShapes(1, 77).inputs, { raw }).png().toBuffer();
  const file = { name: "shape.png", mimeType: "image/png", buffer };
  await page.locator("#picture-file").setInputFiles(file);
  await page.locator("#probabilities .best").waitFor();
}

async function takeKinds() {
  /** @param {import("playwright-core").Page} page @param {string} name */
  const takePredictions = async (page, name) => {
    await page.locator("#samples canvas, #samples td").first().waitFor();
    await save(name, await page.locator("#predictions").screenshot());
  };
  await duringShowcase("pictures", async (page) => {
    await choosePicture(page);
    await takePredictions(page, "predictions-pictures.png");
  });
  await duringShowcase("many-classes", async (page) => {
    await choosePicture(page);
    await takePredictions(page, "predictions-many-classes.png");
  });
  await duringShowcase("table", async (page) => {
    await page.getByLabel("district").selectOption("old town");
    await page.locator("#probabilities .best").waitFor();
    await takePredictions(page, "predictions-table.png");
  });
  await duringShowcase("regression", async (page) => {
    await page.locator("#scatter canvas").waitFor();
    await takePredictions(page, "predictions-values.png");
  });
}

async function takeCompare() {
  const folder = mkdtempSync(join(tmpdir(), "tandem-screenshots-"));
  try {
    const summaries = await trainSweep(folder);
    /** @param {string[]} folders @param {(page: import("playwright-core").Page) => Promise<void>} take */
    const showing = async (folders, take) => {
      const file = join(folder, "runs.html");
      const show = new Command(["show", ...folders, "--export", file]);
      if ((await show.ended).code !== 0) throw new Error(show.stderr);
      const page = await browser.newPage({
        viewport: { width: 1200, height: 900 },
        deviceScaleFactor: 1,
      });
      await page.goto(`file://${file}`);
      await page.locator("#loss canvas").waitFor();
      await take(page);
      await page.close();
    };
    const four = summaries.filter((path) => /-0\.01-0\.1$|-0\.1-0\.1$/.test(path));
    await showing(four, async (page) => {
      const box = await page.locator("#differences").boundingBox();
      if (!box) throw new Error("no configuration to show");
      const clip = { x: 0, y: 0, width: 1200, height: Math.ceil(box.y + box.height + 16) };
      await save("compare.png", await page.screenshot({ fullPage: true, clip }));
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 390, height: 844 });
      await picture("compare-phone-dark.png", page, false);
    });
    await showing(summaries, async (page) => {
      await save("compare-sweep.png", await page.locator("#sweep").screenshot());
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const TAKES = {
  dashboard: takeDashboard,
  join: takeJoinPage,
  kinds: takeKinds,
  compare: takeCompare,
};
try {
  for (const [name, take] of Object.entries(TAKES)) {
    if (options.only === undefined || options.only === name) await take();
  }
} finally {
  await browser.close();
}
