// The page: receives page updates, live from the coordinator or from data in the file itself, and shows them.
import "uplot/dist/uPlot.min.css";
import "./page.css";
import type { PageUpdate } from "../page-update.js";
import { showConfiguration } from "./configuration.js";
import { Curves } from "./curves.js";
import { byId } from "./dom.js";
import { type Connection, showHead } from "./head.js";
import { JoinPanel } from "./join-panel.js";
import { showNumbers } from "./numbers.js";
import { PredictionsPanel } from "./predictions-panel.js";
import { showMarks } from "./run-events.js";
import { Run } from "./run.js";
import { Statistics } from "./statistics.js";
import { showTimeline } from "./timeline.js";
import { showWorkers } from "./workers.js";

const REDRAW_MS = 250;
const RETRY_MS = 2_000;
const UNAUTHORIZED = 401;

interface FinishedRun {
  name: string;
  updates: PageUpdate[];
}

const curves = new Curves();
const statistics = new Statistics();
const predictions = new PredictionsPanel();
const joinPanel = new JoinPanel();
let run: Run | undefined;
let connection: Connection = "connecting";
/** What is currently drawn. */
let drawn: { version: number; connection: Connection } | undefined;

function draw(): void {
  if (!run || document.hidden) return;
  if (run.version === drawn?.version && connection === drawn.connection) return;
  drawn = { version: run.version, connection };
  showHead(run, connection);
  // What is shown depends on the run: the layout is fixed once the run is known.
  const main = byId("main", HTMLElement);
  if (!run.start || !joinPanel.isSettled) return;
  showBar();
  joinPanel.show(run);
  showConfiguration(run);
  showNumbers(run);
  showMarks(run);
  showWorkers(run);
  predictions.show(run);
  main.hidden = false;
  // Before the charts, which measure their widths.
  curves.show(run);
  showTimeline(run);
  statistics.show(run);
}

/** Shows the whole top bar, from the start of the run. */
function showBar(): void {
  byId("loading", HTMLElement).hidden = true;
  byId("state", HTMLElement).hidden = false;
  document.querySelector(".bar")?.classList.remove("loading");
}

function showFinished({ name, updates }: FinishedRun): void {
  run = new Run(name);
  for (const update of updates) run.add(update);
  joinPanel.settle();
  connection = "log";
}

function showLive(): void {
  const live = new Run("this run");
  run = live;
  connect(live);
  void joinPanel.load().then(() => (drawn = undefined));
}

function connect(run: Run): void {
  const source = new EventSource("live");
  source.onopen = () => (connection = "live");
  source.onmessage = (event: MessageEvent<string>) => {
    run.add(JSON.parse(event.data) as PageUpdate);
  };
  source.onerror = () => {
    const hasEnded = run.end !== undefined;
    connection = "lost";
    if (hasEnded) source.close();
    // Browsers reconnect by themselves only after some failures.
    else if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => void reconnect(run), RETRY_MS);
    }
  };
}

async function reconnect(run: Run): Promise<void> {
  const status = await fetch("live", { method: "HEAD" }).then(
    (response) => response.status,
    () => undefined,
  );
  // The token has changed: the reloaded page asks for it.
  if (status === UNAUTHORIZED) location.reload();
  else connect(run);
}

/** From data in the file or from the server, where the address gives the run's index. undefined: the run is in progress. */
async function readFinished(): Promise<FinishedRun | undefined> {
  const embedded = document.getElementById("runs")?.textContent;
  const isOneOfSeveral = location.search !== "";
  byId("all-runs", HTMLElement).hidden = Boolean(embedded) || !isOneOfSeveral;
  if (embedded) return (JSON.parse(embedded) as FinishedRun[])[0];
  const response = await fetch(`runs${location.search}`);
  return response.status === 200 ? ((await response.json()) as FinishedRun[])[0] : undefined;
}

async function begin(): Promise<void> {
  // The key that opened the page does not need to stay in the address.
  if (location.hash.startsWith("#key=")) history.replaceState(null, "", location.pathname);
  const finished = await readFinished();
  if (finished) showFinished(finished);
  else showLive();
  new ResizeObserver(() => {
    if (run) showTimeline(run);
  }).observe(byId("timeline", HTMLElement));
  setInterval(draw, REDRAW_MS);
  draw();
}

void begin();
