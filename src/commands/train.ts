// What `local`, `coordinator` and `single` share: sinks, interrupts, and the run itself.
import type { PoolOptions } from "../coordinator/pool.js";
import { runTraining } from "../coordinator/run.js";
import type { ServerOptions } from "../coordinator/server.js";
import { ConsoleSink } from "../coordinator/sinks/console.js";
import { JsonSink } from "../coordinator/sinks/json.js";
import { checkLogFile, LogFileSink } from "../coordinator/sinks/log-file.js";
import type { Sentence } from "../coordinator/sinks/narration.js";
import { TerminalSink } from "../coordinator/sinks/terminal.js";
import { Events } from "../shared/events.js";
import { Interrupts } from "./interrupts.js";
import type { TellingOptions } from "./options.js";
import type { RunSettings } from "./run-settings.js";

export interface TrainParts {
  settings: RunSettings;
  telling: TellingOptions;
  pool: PoolOptions;
  server?: ServerOptions;
  /** Opens the page, and is printed as a part of its address; for a token that nobody had to choose. */
  pageKey?: string;
  onListening?: (url: string, fail: (error: Error) => void) => void;
  /** Ends at once what must not outlive the process. */
  onKilled?: () => void;
}

const LOG_FILE_RETRY_MS = 10_000;

/**
 * Adds what reports the run to terminals, programs and files.
 * @throws TandemError `log-file`
 */
function addSinks(events: Events, parts: TrainParts): void {
  const { json, quiet, logLevel, logFile } = parts.telling;
  const level = quiet ? "error" : logLevel;
  const narration = parts.pageKey === undefined ? {} : { pageKey: parts.pageKey };
  // The block is drawn over and over: not where someone wants quiet, nor between JSON lines.
  const isLive = process.stderr.isTTY && process.env["TERM"] !== "dumb" && !quiet;
  const isAlone = !json || !process.stdout.isTTY;
  if (json) events.add(new JsonSink(process.stdout));
  const isDrawn = isLive && isAlone;
  if (isDrawn) {
    events.add(new TerminalSink(process.stderr, { ...narration, level }));
  } else {
    const takes = (of: Sentence["level"]) => of !== "result" || json === true;
    events.add(
      new ConsoleSink(process.stderr, { ...narration, name: "standard error", level, takes }),
    );
  }
  // With JSON lines on standard output the results go to standard error, as all of people's text.
  if (!json || isDrawn) {
    const [stream, name] = json
      ? ([process.stderr, "standard error"] as const)
      : ([process.stdout, "standard output"] as const);
    events.add(new ConsoleSink(stream, { name, level, takes: (of) => of === "result" }));
  }
  if (logFile === undefined) return;
  checkLogFile(logFile);
  events.addLazily("--log-file", () => new LogFileSink(logFile, level), LOG_FILE_RETRY_MS);
}

/** @returns the command's exit code */
export async function train(parts: TrainParts): Promise<number> {
  const { config, dataset, options, resumeFrom } = parts.settings;
  const events = new Events();
  addSinks(events, parts);
  let step = resumeFrom?.step ?? 0;
  events.add({
    handle: (event) => {
      if (event.event === "step") step = event.step + 1;
    },
  });
  const interrupts = new Interrupts(
    (signal) => events.emit({ event: "interrupted", step, signal }),
    () => parts.onKilled?.(),
  );
  const { steps, evalEvery, checkpointEvery, output, summaryDir, broadcast } = options;
  try {
    const outcome = await runTraining(
      {
        config,
        dataset,
        resumeFrom,
        training: { steps, evalEvery, checkpointEvery, output },
        summaryDir,
        broadcast,
        pool: parts.pool,
        server: parts.server,
        ...(parts.onListening ? { onListening: parts.onListening } : {}),
      },
      events,
      interrupts.signal,
    );
    return outcome.ended === "interrupted" ? interrupts.exitCode : 0;
  } finally {
    await events.close();
  }
}
