// The top of the page: progress, the run's figures, and what the page is connected to.
import { countText, durationText } from "../../number-text.js";
import type { RunDescription } from "../../run-description.js";
import { LOSS_NAMES } from "../../loss-names.js";
import { byId, createElement, formatNumber } from "./dom.js";
import type { Run } from "./run.js";

export function showHead(run: Run): void {
  const { end, start } = run;
  const step = run.lastStep ?? 0;
  const steps = start?.steps ?? 0;
  byId("progress", HTMLProgressElement).value = steps === 0 ? 0 : Math.min(1, (step + 1) / steps);
  byId("figures", HTMLElement).replaceChildren(
    ...[...progressFigures(run, step, steps), ...configFigures(run)].flatMap(([name, value]) => {
      if (value === undefined) return [];
      const [term, detail] = [
        createElement("dt", { text: name }),
        createElement("dd", { text: value }),
      ];
      return [createElement("div", {}, [term, detail])];
    }),
  );
  const metric = end?.testAccuracy ?? end?.testLoss;
  document.title = end ? `Tandem: ${formatNumber(metric)}` : `Tandem: step ${step}`;
}

/** Undefined: a log of an earlier version does not say. */
type Figure = readonly [name: string, value: string | undefined];

function progressFigures(run: Run, step: number, steps: number): Figure[] {
  const { end, metricName } = run;
  const final = metricName === "accuracy" ? end?.testAccuracy : end?.testLoss;
  const timeLeft = end ? "done" : durationText((steps - step - 1) / run.pace);
  return [
    ["step", `${step} of ${steps}`],
    ["loss", formatNumber(run.loss.values.at(-1))],
    [`training ${metricName}`, formatNumber(run.trainMetric.values.at(-1))],
    [`test ${metricName}`, formatNumber(final ?? run.testMetric.values.at(-1))],
    ["samples per second", formatNumber(run.pace * run.batchSize)],
    ["time left", timeLeft],
  ];
}

function configFigures({ start }: Run): Figure[] {
  if (!start) return [];
  const { parameterCount, broadcast } = start;
  // Whatever the types say: a log of an earlier version may lack any of these.
  const description: Partial<RunDescription> = start.description;
  const { schedule, learningRate, loss, batchSize, shards, seed } = description;
  const rate = learningRate === undefined ? undefined : formatNumber(learningRate);
  const hasSchedule = rate !== undefined && schedule !== undefined && schedule !== "constant";
  const parts = shards === undefined ? "" : ` in ${countText(shards, "shard")}`;
  return [
    ["network", description.network],
    ["parameters", (parameterCount as number | undefined)?.toLocaleString("en")],
    ["loss function", loss && LOSS_NAMES[loss]],
    ["optimizer", description.optimizer],
    ["learning rate", hasSchedule ? `${rate}, ${schedule}` : rate],
    ["batch", batchSize === undefined ? undefined : `${batchSize}${parts}`],
    ["batch norm", description.batchNorm ?? "ghost"],
    ["population statistics", description.population],
    ["augmentation", description.augmentation],
    ["seed", seed?.toString()],
    ["engine", description.engine],
    ["broadcast", broadcast],
  ];
}

export function showConnection(text: string, isLost = false): void {
  const state = byId("state", HTMLElement);
  state.textContent = text;
  state.classList.toggle("lost", isLost);
}
