// The page: takes lines, from the coordinator as they come or from inside the file, and shows them.
import "uplot/dist/uPlot.min.css";
import "./page.css";
import type { Line } from "../lines.js";
import { Curves } from "./curves.js";
import { Digit } from "./digit.js";
import { durationText } from "../../number-text.js";
import { byId, made, short } from "./dom.js";
import { showMistakes } from "./mistakes.js";
import { Run } from "./run.js";
import { Statistics } from "./statistics.js";
import { showTimeline } from "./timeline.js";
import { showMarks, showWorkers } from "./workers.js";

const DRAW_MS = 250;
const RETRY_MS = 2_000;

const curves = new Curves();
const statistics = new Statistics();
const digit = new Digit();
const choice = byId("run", HTMLSelectElement);
let runs: Run[] = [];
let shown = "";

function chosen(): Run | undefined {
  return runs[choice.selectedIndex] ?? runs[0];
}

function draw(): void {
  const run = chosen();
  const state = `${choice.selectedIndex} ${runs.map(({ version }) => version).join()}`;
  if (!run || state === shown || document.hidden) return;
  shown = state;
  showHead(run);
  curves.show(runs);
  showMarks(run);
  showWorkers(run);
  showTimeline(run);
  statistics.show(run);
  digit.show(run);
  showMistakes(run);
}

function showHead(run: Run): void {
  const { start, end } = run;
  const step = run.lastStep ?? 0;
  const steps = start?.steps ?? 0;
  byId("progress", HTMLProgressElement).value = steps === 0 ? 0 : Math.min(1, (step + 1) / steps);
  const left = end ? 0 : (steps - step - 1) / run.pace;
  const figures: [string, string][] = [
    ["step", `${step} of ${steps}`],
    ["loss", short(run.loss.values.at(-1))],
    ["training accuracy", short(run.trainAccuracy.values.at(-1))],
    ["test accuracy", short(end?.testAccuracy ?? run.testAccuracy.values.at(-1))],
    ["samples per second", short(run.pace * run.batchSize, 4)],
    ["time left", end ? "done" : durationText(left)],
  ];
  if (start) {
    const { batchSize, shards, seed, learningRate, threads } = start.config;
    figures.push(["batch", `${batchSize} in ${shards}`], ["rate", short(learningRate)]);
    figures.push(["seed", String(seed)], ["threads", String(threads)]);
    figures.push(["broadcast", start.broadcast]);
  }
  byId("figures", HTMLElement).replaceChildren(
    ...figures.map(([name, value]) =>
      made("div", {}, [made("dt", { text: name }), made("dd", { text: value })]),
    ),
  );
  document.title = end ? `Tandem: ${short(end.testAccuracy)}` : `Tandem: step ${step}`;
}

function tellState(text: string, isLost = false): void {
  const state = byId("state", HTMLElement);
  state.textContent = text;
  state.classList.toggle("lost", isLost);
}

/** Runs that are over, inside the page or beside it. */
function showFinished(given: readonly { name: string; lines: Line[] }[]): void {
  runs = given.map(({ name, lines }) => {
    const run = new Run(name);
    for (const line of lines) run.take(line);
    return run;
  });
  choice.replaceChildren(...runs.map(({ name }) => new Option(name, name)));
  byId("choice", HTMLElement).hidden = runs.length < 2;
  tellState(runs.length > 1 ? `${runs.length} runs` : (runs[0]?.name ?? ""));
}

function watch(): void {
  const run = new Run("this run");
  runs = [run];
  follow(run);
}

function follow(run: Run): void {
  const source = new EventSource("live");
  source.onopen = () => tellState("live");
  source.onmessage = (event: MessageEvent<string>) => run.take(JSON.parse(event.data) as Line);
  source.onerror = () => {
    const isOver = run.end !== undefined;
    tellState(isOver ? "the run has ended" : "connection lost; trying again …", !isOver);
    if (isOver) source.close();
    // Browsers try again by themselves after some failures, and after others not.
    else if (source.readyState === EventSource.CLOSED)
      setTimeout(() => void followAgain(run), RETRY_MS);
  };
}

async function followAgain(run: Run): Promise<void> {
  const status = await fetch("live", { method: "HEAD" }).then(
    (response) => response.status,
    () => undefined,
  );
  // Another token than before: the coordinator asks for it.
  if (status === 401) location.reload();
  else follow(run);
}

async function begin(): Promise<void> {
  // The key that opened the page need not stay in the address.
  if (location.hash.startsWith("#key=")) history.replaceState(null, "", location.pathname);
  const inside = document.getElementById("runs")?.textContent;
  if (inside) {
    showFinished(JSON.parse(inside) as { name: string; lines: Line[] }[]);
  } else {
    const response = await fetch("runs");
    if (response.status === 200)
      showFinished((await response.json()) as { name: string; lines: Line[] }[]);
    else watch();
  }
  setInterval(draw, DRAW_MS);
  draw();
}

void begin();
