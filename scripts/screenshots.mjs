// The pictures in README.md and docs/: the page in Chromium, during a real run that loses one worker.
//   node scripts/screenshots.mjs [--steps 700] [--folder docs/images]
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { Command, ROOT } from "./faults/processes.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "700" },
    folder: { type: "string", default: join(ROOT, "docs/images") },
  },
});
const steps = Number(options.steps);
mkdirSync(options.folder, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), "tandem-screenshots-"));
const browser = await openBrowser();
const coordinator = new Command(
  [
    ...["coordinator", "--port", "0", "--json", "--shards", "4", "--learning-rate", "1e-3"],
    ...["--steps", `${Math.ceil(1.3 * steps)}`, "--eval-every", "100", "--checkpoint-every", "0"],
  ],
  { cwd: folder },
);
/** @type {Command[]} */
const workers = [];
try {
  const url = await coordinator.url();
  const joinAs = (/** @type {string} */ name) => {
    const worker = new Command(["worker", url, "--name", name], { cwd: folder });
    workers.push(worker);
    return worker;
  };
  const stepDone = (/** @type {number} */ step) =>
    coordinator.event((event) => event.event === "step" && event["step"] === step);
  joinAs("kitchen");
  const study = joinAs("study");
  joinAs("attic");
  const page = await browser.newPage({
    viewport: { width: 1200, height: 900 },
    deviceScaleFactor: 1,
  });
  await page.goto(url.replace("ws:", "http:"));
  await stepDone(Math.floor(steps * 0.4));
  study.kill("SIGKILL");
  await stepDone(Math.floor(steps * 0.7));
  joinAs("cellar");
  await stepDone(steps);
  await page.locator("#canvas").scrollIntoViewIfNeeded();
  const box = await page.locator("#canvas").boundingBox();
  if (!box) throw new Error("no canvas to draw on");
  for (let point = 0; point <= 40; point++) {
    // A 2: an arc, a slanted line, a base.
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
  await page.screenshot({ path: join(options.folder, "page.png"), fullPage: true });
  await page.locator("section", { has: page.locator("#timeline") }).screenshot({
    path: join(options.folder, "step.png"),
  });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await page.locator("#marks li").first().waitFor();
  await page.locator("#timeline rect").first().waitFor();
  await page.waitForFunction("document.title.startsWith('Tandem: step')");
  await page.screenshot({ path: join(options.folder, "phone-dark.png") });
  process.stdout.write(`page.png, step.png and phone-dark.png are in ${options.folder}\n`);
} finally {
  await browser.close();
  for (const each of [...workers, coordinator]) each.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
