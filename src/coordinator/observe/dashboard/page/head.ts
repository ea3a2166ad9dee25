// The top of the page: what the run is, whether it is live, its progress, and one sentence on how it is doing.
import { durationText } from "../../number-text.js";
import { byId, formatCount, formatNumber } from "./dom.js";
import type { Run } from "./run.js";

/** How the page receives updates: `live`, no longer (`lost`), or all at once from a log. */
export type Connection = "connecting" | "live" | "lost" | "log";

type State = "joining" | "live" | "paused" | "lost" | "finished";

const STATE_NAMES: Readonly<Record<State, string>> = {
  joining: "Connecting",
  live: "Live",
  paused: "Waiting",
  lost: "Connection lost",
  finished: "Finished",
};

export function showHead(run: Run, connection: Connection): void {
  const { start, end } = run;
  const step = run.lastStep ?? 0;
  const steps = start?.steps ?? 0;
  const state = stateOf(run, connection);
  const isLog = connection === "log";
  byId("run-name", HTMLElement).textContent = isLog ? run.name : (run.description?.network ?? "");
  showState(state, isLog && !run.end ? "Stopped" : STATE_NAMES[state]);
  byId("step", HTMLElement).textContent = start ? formatCount(step) : "–";
  byId("steps", HTMLElement).textContent = start ? formatCount(steps) : "–";
  byId("step", HTMLElement).style.minWidth = `${formatCount(steps).length}ch`;
  byId("time-left", HTMLElement).textContent = timeLeftText(run, state);
  showProgress(end ? steps : step, steps);
  showMessage(run, state);
  byId("config-line", HTMLElement).textContent = start ? configText(run) : "";
  const metric = end?.testAccuracy ?? end?.testLoss;
  document.title = end ? `Tandem: ${formatNumber(metric)}` : `Tandem: step ${step}`;
}

function stateOf(run: Run, connection: Connection): State {
  if (run.end || connection === "log") return "finished";
  if (connection === "lost") return "lost";
  if (connection === "connecting" || !run.start) return "joining";
  return run.waitingFor === undefined ? "live" : "paused";
}

function showState(state: State, text: string): void {
  const element = byId("state", HTMLElement);
  // Screen readers announce it when it changes.
  if (element.textContent !== text) element.textContent = text;
  element.className = `state ${state}`;
  for (const id of ["numbers", "message"]) {
    byId(id, HTMLElement).classList.toggle("lost", state === "lost");
  }
  byId("message", HTMLElement).classList.toggle("paused", state === "paused");
  document.querySelector(".bar")?.classList.toggle("lost", state === "lost");
}

function timeLeftText(run: Run, state: State): string {
  if (state === "finished") return "";
  const seconds = ((run.start?.steps ?? 0) - (run.lastStep ?? 0) - 1) / run.pace;
  return Number.isFinite(seconds) ? `${durationText(seconds)} left` : "";
}

function showProgress(step: number, steps: number): void {
  const bar = byId("progress", HTMLElement);
  bar.setAttribute("aria-valuemax", String(steps));
  bar.setAttribute("aria-valuenow", String(step));
  const share = steps === 0 ? 0 : Math.min(1, (step + 1) / steps);
  const [line] = bar.children;
  if (line instanceof HTMLElement) line.style.transform = `scaleX(${share})`;
}

function showMessage(run: Run, state: State): void {
  const element = byId("message", HTMLElement);
  const text = messageText(run, state);
  if (element.textContent !== text) element.textContent = text;
}

function messageText(run: Run, state: State): string {
  const { end, waitingFor, lastAt } = run;
  if (state === "paused") return `The run is ${waitingFor ?? "waiting"}.`;
  if (state === "lost") {
    const from =
      lastAt === undefined ? "" : ` The numbers are from ${new Date(lastAt).toLocaleTimeString()}.`;
    return `Connection lost; reconnecting.${from}`;
  }
  if (end) return `All ${formatCount(end.step)} steps are done.`;
  const evaluated = run.testMetric.steps.at(-1);
  const checkpoint = run.marks.findLast(({ what }) => what === "checkpoint");
  return [
    ...(evaluated === undefined ? [] : [`Evaluated at step ${formatCount(evaluated)}.`]),
    ...(checkpoint ? [`${checkpoint.text.replace(/^c/, "C")} saved.`] : []),
  ].join(" ");
}

/** The configuration in one line. The complete one is at the end of the page. */
function configText({ start }: Run): string {
  const { network, batchSize, shards, optimizer, engineName } = start?.description ?? {};
  const parts = shards === undefined ? "" : ` in ${shards} shard${shards === 1 ? "" : "s"}`;
  return [
    network,
    batchSize === undefined ? undefined : `batch ${batchSize}${parts}`,
    optimizer,
    engineName,
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}
