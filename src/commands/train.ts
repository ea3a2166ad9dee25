// What `local`, `coordinator` and `single` share: the run itself, its events on terminals and in files, and interrupts.
import { ConsoleSink } from "../coordinator/observe/sinks/console.js";
import { JoinCodeSink } from "../coordinator/observe/sinks/join-code.js";
import { JsonSink } from "../coordinator/observe/sinks/json.js";
import { checkLogFile, LogFileSink } from "../coordinator/observe/sinks/log-file.js";
import { isWritten, type Sentence } from "../coordinator/observe/sinks/narration.js";
import { TerminalSink } from "../coordinator/observe/sinks/terminal.js";
import { startRun } from "../run/start-run.js";
import type { Workforce } from "../run/run-request.js";
import type { Events } from "../shared/events.js";
import { Interrupts } from "./interrupts.js";
import type { OutputOptions } from "./options.js";
import type { DescribedRun } from "./run-request.js";
import { setupHint } from "./setup-hint.js";

export interface CommandRun {
  run: DescribedRun;
  workforce: Workforce;
  output: OutputOptions;
  /** Opens the page, and is printed as a part of its address; for a token that nobody had to choose. */
  pageKey?: string;
}

const LOG_FILE_RETRY_MS = 10_000;

/**
 * Adds what reports the run to terminals, programs and files.
 * @throws TandemError `log-file`
 */
function addSinks(events: Events, output: OutputOptions, pageKey: string | undefined): void {
  const { json, quiet, logLevel, logFile } = output;
  const level = quiet ? "error" : logLevel;
  const narration = pageKey === undefined ? {} : { pageKey };
  // The block is redrawn continually, so it is not shown with --quiet or between JSON lines.
  const isLive = process.stderr.isTTY && process.env["TERM"] !== "dumb" && !quiet;
  const isAlone = !json || !process.stdout.isTTY;
  if (json) events.add(new JsonSink(process.stdout));
  const isDrawn = isLive && isAlone;
  // Before the block that is drawn over and over.
  if (isLive && !json && level !== "warn" && level !== "error") {
    events.add(new JoinCodeSink(process.stderr, () => process.stderr.columns || 80));
  }
  if (isDrawn) {
    events.add(new TerminalSink(process.stderr, { ...narration, level }));
  } else {
    const accepts = (of: Sentence["level"]) => of !== "result" || json === true;
    events.add(
      new ConsoleSink(process.stderr, { ...narration, name: "standard error", level, accepts }),
    );
  }
  // With JSON lines on standard output the results go to standard error, as all of people's text.
  if (!json || isDrawn) {
    const [stream, name] = json
      ? ([process.stderr, "standard error"] as const)
      : ([process.stdout, "standard output"] as const);
    events.add(new ConsoleSink(stream, { name, level, accepts: (of) => of === "result" }));
  }
  if (logFile === undefined) return;
  checkLogFile(logFile);
  events.addLazily("--log-file", () => new LogFileSink(logFile, level), LOG_FILE_RETRY_MS);
}

/** @returns the command's exit code */
export async function train({ run, workforce, output, pageKey }: CommandRun): Promise<number> {
  let killWorkers: () => void = () => undefined;
  const interrupts = new Interrupts(() => killWorkers());
  const result = await startRun({
    ...run,
    workforce,
    // By now the request has been checked: bad input ends with one line.
    observe: (events) => {
      const hint = setupHint(run);
      if (hint !== undefined && isWritten("info", output.quiet ? "error" : output.logLevel)) {
        process.stderr.write(`${hint}\n`);
      }
      addSinks(events, output, pageKey);
    },
    warn: (sentence) => process.stderr.write(`${sentence}\n`),
    signal: interrupts.signal,
    onWorkers: (killAll) => (killWorkers = killAll),
  });
  return result.ended === "interrupted" ? interrupts.exitCode : 0;
}
