// What `local`, `coordinator` and `single` share: sinks, interrupts, and the run itself.
import type { PoolOptions } from "../coordinator/pool.js";
import { runTraining } from "../coordinator/run.js";
import type { ServerOptions } from "../coordinator/server.js";
import { ConsoleSink } from "../coordinator/sinks/console.js";
import { JsonSink } from "../coordinator/sinks/json.js";
import { Events } from "../shared/events.js";
import { Interrupts } from "./interrupts.js";
import type { RunSettings } from "./run-settings.js";

export interface TrainParts {
  settings: RunSettings;
  json: boolean;
  pool: PoolOptions;
  server?: ServerOptions;
  onListening?: (url: string, fail: (error: Error) => void) => void;
  /** Ends at once what must not outlive the process. */
  onKilled?: () => void;
}

/** @returns the command's exit code */
export async function train(parts: TrainParts): Promise<number> {
  const { config, dataset, options, resumeFrom } = parts.settings;
  const events = new Events();
  if (parts.json) events.add(new JsonSink());
  events.add(new ConsoleSink(parts.json ? process.stderr : process.stdout, process.stderr));
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
