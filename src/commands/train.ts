// What `local`, `coordinator` and `single` share: sinks, interrupts, and the run itself.
import type { PoolOptions } from "../coordinator/pool.js";
import { runTraining } from "../coordinator/run.js";
import type { ServerOptions } from "../coordinator/server.js";
import { ConsoleSink } from "../coordinator/sinks/console.js";
import { JsonSink } from "../coordinator/sinks/json.js";
import { LogFileSink } from "../coordinator/sinks/log-file.js";
import { TerminalSink } from "../coordinator/sinks/terminal.js";
import { Events, type EventSink } from "../shared/events.js";
import { Interrupts } from "./interrupts.js";
import type { TellingOptions } from "./options.js";
import type { RunSettings } from "./run-settings.js";

export interface TrainParts {
  settings: RunSettings;
  telling: TellingOptions;
  pool: PoolOptions;
  server?: ServerOptions;
  onListening?: (url: string, fail: (error: Error) => void) => void;
  /** Ends at once what must not outlive the process. */
  onKilled?: () => void;
}

/** @throws TandemError `log-file` */
function sinksOf({ json, quiet, logLevel, logFile }: TellingOptions): EventSink[] {
  const level = quiet ? "error" : logLevel;
  const results = json ? process.stderr : process.stdout;
  // The block is drawn over and over: not where someone wants quiet, nor between JSON lines.
  const isLive = process.stderr.isTTY && process.env["TERM"] !== "dumb" && !quiet;
  const isAlone = !json || !process.stdout.isTTY;
  return [
    ...(json ? [new JsonSink()] : []),
    isLive && isAlone
      ? new TerminalSink(results, process.stderr, level)
      : new ConsoleSink(results, process.stderr, level),
    ...(logFile === undefined ? [] : [new LogFileSink(logFile, level)]),
  ];
}

/** @returns the command's exit code */
export async function train(parts: TrainParts): Promise<number> {
  const { config, dataset, options, resumeFrom } = parts.settings;
  const events = new Events();
  for (const sink of sinksOf(parts.telling)) events.add(sink);
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
