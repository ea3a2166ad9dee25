// Measures what open pages cost: a run alternates between stretches without pages and stretches with five.
//   node scripts/watched.mjs [--pages 5] [--stretches 6] [--steps 100] [--browser]
// A page is simulated by reading its stream of updates as a browser would. With --browser they are real pages in Chromium on the
// same machine, which then also has to draw them.
import { get } from "node:http";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Command } from "./faults/processes.mjs";
import { median, spread } from "./figures.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: {
    pages: { type: "string", default: "5" },
    stretches: { type: "string", default: "6" },
    steps: { type: "string", default: "100" },
    browser: { type: "boolean", default: false },
  },
});
const pages = Number(options.pages);
const stretch = Number(options.steps);
const count = 2 * Number(options.stretches);
/** Steps at the start of each stretch that are not counted, because pages are being opened. */
const SETTLE = 20;
const folder = temporaryFolder("tandem-watched-");

let bytes = 0;

/** @param {string} url @returns {Promise<() => Promise<void>>} closes it */
function openStream(url) {
  return new Promise((resolve, reject) => {
    const request = get(`${url}live`, (response) => {
      response.on("data", (/** @type {Buffer} */ chunk) => (bytes += chunk.byteLength));
      response.on("error", () => undefined);
      resolve(async () => void request.destroy());
    });
    request.on("error", reject);
  });
}

/** @returns {Promise<(url: string) => Promise<() => Promise<void>>>} */
async function browserOpener() {
  const { openBrowser } = await import("./browser.mjs");
  const browser = await openBrowser();
  command.ended.then(() => browser.close()).catch(() => undefined);
  return async (url) => {
    const page = await browser.newPage();
    await page.goto(url);
    return () => page.close();
  };
}

const command = new Command(
  [
    ...["local", "--workers", "2", "--json", "--eval-every", "0", "--checkpoint-every", "0"],
    ...["--steps", `${count * stretch}`],
  ],
  { cwd: folder },
);
try {
  const url = `${(await command.url()).replace("ws:", "http:")}/`;
  const open = options.browser ? await browserOpener() : openStream;
  for (let index = 0; index < count; index++) {
    const isWatched = index % 2 === 1;
    const closers = isWatched
      ? await Promise.all(Array.from({ length: pages }, () => open(url)))
      : [];
    const last = (index + 1) * stretch - 1;
    await command.event((event) => event.event === "step" && event["step"] === last);
    await Promise.all(closers.map((close) => close()));
  }
  const { code } = await command.ended;
  if (code !== 0) throw new Error(command.stderr);
  const times = command.events
    .filter(({ event }) => event === "step")
    .map((event) => Number(event["durationMs"]));
  const medians = Array.from({ length: count }, (_, index) =>
    median(times.slice(index * stretch + SETTLE, (index + 1) * stretch)),
  );
  const alone = medians.filter((_, index) => index % 2 === 0);
  const watched = medians.filter((_, index) => index % 2 === 1);
  // Each stretch with pages is compared with the one before it, so that a machine that becomes slower does not matter.
  const ratios = watched.map((ms, index) => ms / (alone[index] ?? NaN));
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}; medians of ${count / 2} stretches of ${stretch - SETTLE} steps each\n` +
      `0 pages: ${spread(alone, 1)} ms per step\n` +
      `${pages} pages${options.browser ? " in Chromium here" : ""}: ${spread(watched, 1)} ms per step\n` +
      `ratio, pair by pair: ${spread(ratios, 3)}\n` +
      (options.browser
        ? ""
        : `sent to the ${pages} pages together: ${(bytes / 1e6).toFixed(2)} MB over ${(count / 2) * stretch} steps\n`),
  );
} finally {
  command.kill("SIGKILL");
}
