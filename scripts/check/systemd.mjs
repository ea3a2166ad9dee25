// The units of deploy/systemd by systemd's own judgement: whether they are correct, and how much of the system their services
// can reach (0: nothing, 10: everything).
//   node scripts/check/systemd.mjs
// Needs systemd-analyze and the system's own units, and no running systemd. Installs nothing.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "../deploy/programs.mjs";
import { ROOT } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";

/** A template, and an instance of it. */
const UNITS = [
  { file: "tandem-coordinator.service", unit: "tandem-coordinator.service" },
  { file: "tandem-worker@.service", unit: "tandem-worker@1.service" },
];
const SYSTEM_UNITS = "/usr/lib/systemd/system";
/** In tenths. What is left is the network, files that can be read, and code that JavaScript's compiler writes. */
const MAX_EXPOSURE = 20;

if (!isInstalled("systemd-analyze") || !existsSync(join(SYSTEM_UNITS, "sysinit.target"))) {
  process.stdout.write(
    "skipped: systemd-analyze, or the units that come with systemd, not found\n",
  );
  process.exit(0);
}

/** @param {string[]} args @returns {{isRight: boolean, output: string}} */
function analyze(...args) {
  const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  return { isRight: status === 0, output: `${stdout}${stderr}`.trim() };
}

const root = temporaryFolder("tandem-systemd-");
const units = join(root, "etc/systemd/system");
mkdirSync(units, { recursive: true });
cpSync(SYSTEM_UNITS, join(root, SYSTEM_UNITS), { recursive: true, verbatimSymlinks: true });
// Commands of a unit have to exist.
for (const program of ["usr/local/bin/tandem", "bin/sh"]) {
  mkdirSync(join(root, program, ".."), { recursive: true });
  writeFileSync(join(root, program), "");
  chmodSync(join(root, program), 0o755);
}

for (const { file, unit } of UNITS) {
  copyFileSync(join(ROOT, "deploy/systemd", file), join(units, file));
  copyFileSync(join(ROOT, "deploy/systemd", file), join(root, unit));
  const verified = analyze("verify", "--man=no", "--recursive-errors=one", `--root=${root}`, unit);
  const isRight = verified.isRight && !verified.output.includes(unit);
  process.stdout.write(`${unit}: ${isRight ? "correct" : `WRONG\n${verified.output}`}\n`);
  const threshold = `--threshold=${MAX_EXPOSURE}`;
  const judged = analyze("security", "--offline=true", "--no-pager", threshold, join(root, unit));
  const exposure = /Overall exposure level.*?: (\S+)/.exec(judged.output)?.[1] ?? "unknown";
  process.stdout.write(`  exposure ${exposure}${judged.isRight ? "" : ": TOO MUCH"}\n`);
  if (!isRight || !judged.isRight) process.exitCode = 1;
}
