// The top of the page: progress, the run's figures, and what the page is connected to.
import { countText, durationText } from "../../number-text.js";
import { LOSS_NAMES } from "../../loss-names.js";
import { byId, createElement, formatNumber } from "./dom.js";
import type { Run } from "./run.js";

export function showHead(run: Run): void {
  const { end, start } = run;
  const step = run.lastStep ?? 0;
  const steps = start?.steps ?? 0;
  byId("progress", HTMLProgressElement).value = steps === 0 ? 0 : Math.min(1, (step + 1) / steps);
  byId("figures", HTMLElement).replaceChildren(
    ...[...progressFigures(run, step, steps), ...configFigures(run)].map(([name, value]) =>
      createElement("div", {}, [
        createElement("dt", { text: name }),
        createElement("dd", { text: value }),
      ]),
    ),
  );
  const metric = end?.testAccuracy ?? end?.testLoss;
  document.title = end ? `Tandem: ${formatNumber(metric)}` : `Tandem: step ${step}`;
}

type Figure = readonly [name: string, value: string];

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
  const { description, parameterCount, broadcast } = start;
  const { schedule, learningRate } = description;
  const rate = formatNumber(learningRate);
  return [
    ["network", description.network],
    ["parameters", parameterCount.toLocaleString("en")],
    ["loss function", LOSS_NAMES[description.loss]],
    ["optimizer", description.optimizer],
    ["learning rate", schedule === "constant" ? rate : `${rate}, ${schedule}`],
    ["batch", `${description.batchSize} in ${countText(description.shards, "shard")}`],
    ["batch norm", description.batchNorm ?? "ghost"],
    ...(description.population === undefined
      ? []
      : [["population statistics", description.population] as const]),
    ["seed", String(description.seed)],
    ["engine", description.engine],
    ["broadcast", broadcast],
  ];
}

export function showConnection(text: string, isLost = false): void {
  const state = byId("state", HTMLElement);
  state.textContent = text;
  state.classList.toggle("lost", isLost);
}
