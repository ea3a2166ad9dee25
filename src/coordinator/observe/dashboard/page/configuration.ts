// The run's configuration as a list at the end of the page.
import { LOSS_NAMES } from "../../loss-names.js";
import { countText } from "../../number-text.js";
import type { RunDescription } from "../../run-description.js";
import type { PageUpdateOf } from "../page-update.js";
import { byId, createElement, formatNumber } from "./dom.js";
import type { Run } from "./run.js";

/** Undefined: the log is of an earlier version and does not say. */
type Figure = readonly [name: string, value: string | undefined];

/** What is currently shown. */
let shown: PageUpdateOf<"start"> | undefined;

export function showConfiguration({ start }: Run): void {
  if (!start || start === shown) return;
  shown = start;
  byId("figures", HTMLElement).replaceChildren(
    ...figuresOf(start).flatMap(([name, value]) => {
      if (value === undefined) return [];
      const parts = [
        createElement("dt", { text: name }),
        createElement("dd", { text: value, title: value }),
      ];
      return [createElement("div", {}, parts)];
    }),
  );
}

function figuresOf(start: PageUpdateOf<"start">): Figure[] {
  const { parameterCount, broadcast, classNames, label } = start;
  // In spite of the types: a log of an earlier version may lack any of these.
  const description: Partial<RunDescription> = start.description;
  const { schedule, learningRate, loss, batchSize, shards, seed, target } = description;
  const rate = learningRate === undefined ? undefined : formatNumber(learningRate);
  const hasSchedule = rate !== undefined && schedule !== undefined && schedule !== "constant";
  const parts = shards === undefined ? "" : ` in ${countText(shards, "shard")}`;
  return [
    ["network", description.network],
    ["parameters", (parameterCount as number | undefined)?.toLocaleString("en")],
    ["inputs", description.inputShape?.join(" × ")],
    ["predicts", target && targetText(target, classNames, label)],
    ["loss function", loss && LOSS_NAMES[loss]],
    ["optimizer", description.optimizer],
    ["learning rate", hasSchedule ? `${rate}, ${schedule}` : rate],
    ["batch", batchSize === undefined ? undefined : `${batchSize}${parts}`],
    ["batch norm", normText(start)],
    ["population statistics", description.population],
    ["augmentation", description.augmentation],
    ["seed", seed?.toString()],
    ["engine", description.engine],
    ["numerics", start.settings?.["numerics"]?.toString()],
    ["broadcast", broadcast],
  ];
}

function normText({ settings, description }: PageUpdateOf<"start">): string {
  return settings?.["batch norm"]?.toString() ?? description.batchNorm ?? "ghost";
}

function targetText(
  { kind, count }: RunDescription["target"],
  classNames: readonly string[] | undefined,
  label: string | undefined,
): string {
  const of = label === undefined ? "" : ` of ${label}`;
  if (kind === "values")
    return count === 1 && label !== undefined ? label : countText(count, "value");
  const names = classNames && count <= 4 ? `: ${classNames.join(", ")}` : "";
  return `${count} class${count === 1 ? "" : "es"}${of}${names}`;
}
