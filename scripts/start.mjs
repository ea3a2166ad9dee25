// `npm start`: takes a fresh clone to a trained and evaluated checkpoint, and says what to try next.
import "./setup.mjs";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { say } from "./setup/report.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const checkpoint = "checkpoint.safetensors";

// 200 steps instead of the 10,000 of the reference run, for about the same accuracy. That the coordinator computes and broadcasts
// updates saves time, and the file is the same. Evaluations before the end would take almost a tenth of the time, and the moving
// average that they use lags behind in so few steps.
const settings = [
  ...["--workers", "2", "--coordinator-computes", "--broadcast", "updates"],
  ...["--recipe", "fast", "--eval-every", "0", "--output", checkpoint],
];

/** @param {string[]} args */
function tandem(...args) {
  say(`\n$ npx tandem ${args.join(" ")}`);
  const { status, signal } = spawnSync(process.execPath, [join(root, "dist/cli.js"), ...args], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 143));
}

// Ctrl-C also reaches the run, which then ends properly; this process waits for it.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

tandem("local", ...settings);
tandem("evaluate", checkpoint);
say(`
Trained and evaluated. Three things to try next:
  npx tandem local --workers 2         the reference run: 10,000 steps of 50, a quarter of an hour
  npx tandem inspect ${checkpoint}    what is in the checkpoint
  npx tandem coordinator --host 0.0.0.0 --token-file token.txt   run with workers on other machines (see README.md)`);
