// The page: receives page updates, live from the coordinator or from inside the file, and shows them.
import "uplot/dist/uPlot.min.css";
import "./page.css";
import type { PageUpdate } from "../page-update.js";
import { Curves } from "./curves.js";
import { byId } from "./dom.js";
import { DrawingPad } from "./drawing-pad.js";
import { showConnection, showHead } from "./head.js";
import { showMistakes } from "./mistakes.js";
import { JoinPanel } from "./join-panel.js";
import { Run } from "./run.js";
import { Scatter } from "./scatter.js";
import { Statistics } from "./statistics.js";
import { showTimeline } from "./timeline.js";
import { showMarks, showWorkers } from "./workers.js";

const REDRAW_MS = 250;
const RETRY_MS = 2_000;
const UNAUTHORIZED = 401;

interface FinishedRun {
  name: string;
  updates: PageUpdate[];
}

const curves = new Curves();
const statistics = new Statistics();
const drawingPad = new DrawingPad();
const scatter = new Scatter();
const joinPanel = new JoinPanel();
let run: Run | undefined;
/** Of what is drawn now. */
let drawnVersion = -1;

function draw(): void {
  if (!run || run.version === drawnVersion || document.hidden) return;
  drawnVersion = run.version;
  showHead(run);
  joinPanel.show(run);
  curves.show(run);
  showMarks(run);
  showWorkers(run);
  showTimeline(run);
  statistics.show(run);
  drawingPad.show(run);
  showMistakes(run);
  scatter.show(run);
}

function showFinished({ name, updates }: FinishedRun): void {
  run = new Run(name);
  for (const update of updates) run.add(update);
  showConnection(name);
}

function showLive(): void {
  const live = new Run("this run");
  run = live;
  connect(live);
  void joinPanel.load().then(() => joinPanel.show(live));
}

function connect(run: Run): void {
  const source = new EventSource("live");
  source.onopen = () => showConnection("live");
  source.onmessage = (event: MessageEvent<string>) => {
    run.add(JSON.parse(event.data) as PageUpdate);
  };
  source.onerror = () => {
    const hasEnded = run.end !== undefined;
    showConnection(hasEnded ? "the run has ended" : "connection lost; reconnecting …", !hasEnded);
    if (hasEnded) source.close();
    // Browsers reconnect by themselves after some failures only.
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
  // The token has changed: the coordinator asks for it.
  if (status === UNAUTHORIZED) location.reload();
  else connect(run);
}

/** From inside the file, or from the server, by the place that the address names; undefined where the run is in progress. */
async function readFinished(): Promise<FinishedRun | undefined> {
  const embedded = document.getElementById("runs")?.textContent;
  const isOneOfSeveral = location.search !== "";
  byId("all-runs", HTMLElement).hidden = Boolean(embedded) || !isOneOfSeveral;
  if (embedded) return (JSON.parse(embedded) as FinishedRun[])[0];
  const response = await fetch(`runs${location.search}`);
  return response.status === 200 ? ((await response.json()) as FinishedRun[])[0] : undefined;
}

async function begin(): Promise<void> {
  // The key that opened the page need not stay in the address.
  if (location.hash.startsWith("#key=")) history.replaceState(null, "", location.pathname);
  const finished = await readFinished();
  if (finished) showFinished(finished);
  else showLive();
  setInterval(draw, REDRAW_MS);
  draw();
}

void begin();
