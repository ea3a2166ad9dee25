import { statSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { selfContainedPage, type ShownRun } from "../coordinator/observe/dashboard/page-files.js";
import { readRunLog } from "../coordinator/observe/dashboard/run-log.js";
import { beginningOf } from "../shared/checkpoint/output-file.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { servePage } from "./finished-page.js";
import { wholeNumber } from "./options.js";

const HOST = "127.0.0.1";
const PAGE_BEGINNING = "<!doctype html";

export function showCommand(program: Command, exitWith: (code: number) => void): void {
  program
    .command("show")
    .description("shows the page of a finished run, or of several side by side")
    .argument("<summary-dirs...>", "the runs' --summary-dir")
    .option("--port <n>", "port to listen on (0: any free port)", wholeNumber(0, 65_535), 0)
    .option("--export <file>", "write the page to one self-contained file instead")
    .action(async (folders: string[], options: { port: number; export?: string }) => {
      const runs = named(folders);
      if (options.export !== undefined) exportPage(runs, options.export);
      else {
        const place = { host: HOST, port: options.port };
        exitWith(
          await servePage(runs, place, (url) => process.stdout.write(`${url} (Ctrl-C to stop)\n`)),
        );
      }
    });
}

/** Runs are called by their folder's name, and where that is not enough, by its path. */
function named(folders: readonly string[]): ShownRun[] {
  const names = folders.map((folder) => basename(resolve(folder)));
  const areDistinct = new Set(names).size === names.length;
  return folders.map((folder, index) => {
    const { updates, unreadableCount } = readRunLog(folder);
    if (unreadableCount > 0) {
      process.stderr.write(`${folder}: skipped ${unreadableCount} unreadable lines of the log\n`);
    }
    return { name: areDistinct ? names[index]! : folder, updates };
  });
}

function exportPage(runs: readonly ShownRun[], file: string): void {
  try {
    refuseForeign(file);
    writeFileSync(file, selfContainedPage(runs));
  } catch (error) {
    throw new TandemError(
      "output-unwritable",
      `--export ${file} cannot be written (${messageOf(error)}). Give another file.`,
      { cause: error },
    );
  }
  process.stderr.write(`${file} written\n`);
}

/** @throws Error where the file is not a page that an earlier export wrote */
function refuseForeign(file: string): void {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status && !status.isFile()) throw new Error("it is not a regular file");
  if (!status || status.size === 0) return;
  const beginning = beginningOf(file, PAGE_BEGINNING.length).toLowerCase();
  if (beginning !== PAGE_BEGINNING) throw new Error("it exists and is not an exported page");
}
