// The same checkpoint from Node and from browsers: the same run with `single`, with worker processes, with a tab in Chromium, with
// one in Firefox, and with all together while tabs are reloaded and closed. Prints the SHA-256 of each checkpoint; fails if two
// differ.
//   node scripts/browsers.mjs [--steps 60] [--cores 1]
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { Command } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";
import { firefoxPath, openFirefox } from "./firefox.mjs";
import { compute } from "./join-tab.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "60" },
    cores: { type: "string", default: "1" },
  },
});
const steps = Number(options.steps);
const RUN = [
  ...["--engine", "wasm", "--json", "--steps", options.steps, "--batch-size", "48"],
  ...["--shards", "4", "--learning-rate", "1e-3", "--eval-every", "50"],
];

/** @param {Command} coordinator @param {number} step */
const stepDone = (coordinator, step) =>
  coordinator.event((event) => event.event === "step" && event["step"] === step);

const chromium = await openBrowser();
const firefox = firefoxPath === undefined ? undefined : await openFirefox();
/** @type {string[]} */
const folders = [];
/** @type {Command[]} */
const commands = [];

/** @param {string[]} args @param {string} [folder] */
function start(args, folder = temporaryFolder("tandem-browsers-")) {
  folders.push(folder);
  const command = new Command(args, { cwd: folder });
  commands.push(command);
  return { command, folder };
}

/** @param {string} folder */
function digest(folder) {
  const bytes = readFileSync(join(folder, "checkpoint.safetensors"));
  return createHash("sha256").update(bytes).digest("hex");
}

/** @param {Command} command */
async function finish(command) {
  const { code } = await command.ended;
  if (code !== 0) throw new Error(command.stderr);
}

/** @param {string} url @returns {Promise<import("./join-tab.mjs").Tab>} */
async function openChromium(url) {
  const page = await chromium.newPage();
  await page.goto(url);
  return page;
}

/** @type {Record<string, (urls: { socket: string, page: string }, coordinator: Command) => Promise<void>>} */
const RUNS = {
  "3 Node workers": async ({ socket }) => {
    for (const name of ["one", "two", "three"]) start(["worker", socket, "--name", name]);
  },
  "1 Node worker and a Chromium tab": async ({ socket, page }) => {
    start(["worker", socket, "--name", "node"]);
    await compute(await openChromium(page), "chromium", options.cores);
  },
  "a Chromium tab": async ({ page }) =>
    compute(await openChromium(page), "chromium", options.cores),
  ...(firefox && {
    "a Firefox tab": async ({ page }) =>
      compute(await firefox.open(page), "firefox", options.cores),
    "Node, Chromium and Firefox; tabs loaded again and closed": async (urls, coordinator) => {
      start(["worker", urls.socket, "--name", "node"]);
      const one = await openChromium(urls.page);
      const two = await firefox.open(urls.page);
      await compute(one, "chromium", options.cores);
      await compute(two, "firefox", options.cores);
      await stepDone(coordinator, Math.floor(steps / 4));
      await one.reload();
      await stepDone(coordinator, Math.floor(steps / 2));
      await two.close();
      await stepDone(coordinator, Math.floor((3 * steps) / 4));
      await one.close();
    },
  }),
};

try {
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, Chromium ${chromium.version()}${
      firefox ? `, Firefox ${firefox.version}` : ""
    }; preset cnn, ${steps} steps of 48 in 4 shards\n`,
  );
  const single = start(["single", ...RUN]);
  await finish(single.command);
  const expected = digest(single.folder);
  process.stdout.write(`${expected}  single\n`);
  let differing = 0;
  for (const [name, join] of Object.entries(RUNS)) {
    const { command, folder } = start(["coordinator", "--port", "0", ...RUN]);
    const socket = await command.url();
    await join({ socket, page: `${socket.replace("ws:", "http:")}/join` }, command);
    await finish(command);
    const own = digest(folder);
    if (own !== expected) differing++;
    process.stdout.write(`${own}  ${name}\n`);
    for (const context of chromium.contexts()) await context.close();
  }
  process.stdout.write(differing === 0 ? "one file\n" : `${differing} files differ\n`);
  process.exitCode = differing === 0 ? 0 : 1;
} finally {
  for (const command of commands) command.kill("SIGKILL");
  await chromium.close();
  await firefox?.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
