// The page that compares finished runs: reads their updates from the server or from data in the file itself, and fills the
// panels.
import "uplot/dist/uPlot.min.css";
import "./compare.css";
import type { PageUpdate } from "../../page-update.js";
import { byId, createElement } from "../dom.js";
import { type ComparedRun, readComparedRun } from "./compared-run.js";
import { CurvesPanel } from "./curves-panel.js";
import { entriesOf, hasRepetitions } from "./entry.js";
import { ResultsPanel } from "./results-panel.js";
import { chosenOf, onChoice } from "./segments.js";
import { SettingsPanel } from "./settings-panel.js";
import { SweepPanel } from "./sweep-panel.js";

interface FinishedRun {
  name: string;
  updates: PageUpdate[];
}

/** The page of one run, split at the place of the run's data: an exported file contains it once for all runs. */
type RunPage = readonly [before: string, after: string];

function show(finished: readonly FinishedRun[], runPage: RunPage | undefined): void {
  const runs = finished.map(({ name, updates }, index) => readComparedRun(name, index, updates));
  const main = byId("main", HTMLElement);
  main.hidden = false;
  const results = new ResultsPanel();
  const curves = new CurvesPanel();
  const settings = new SettingsPanel();
  const linkTo = (run: ComparedRun, text: string) => createRunLink(run, text, finished, runPage);
  const sweep = new SweepPanel(linkTo);
  const showEntries = () => {
    const entries = entriesOf(runs, chosenOf("seeds") === "together");
    results.show(entries);
    curves.show(entries);
    settings.show(entries);
  };
  const hasSeeds = hasRepetitions(runs);
  byId("seeds", HTMLElement).hidden = !hasSeeds;
  byId(hasSeeds ? "seeds-together" : "seeds-apart", HTMLInputElement).checked = true;
  onChoice("seeds", showEntries);
  showEntries();
  sweep.show(runs);
  byId("run-links", HTMLElement).replaceChildren(
    ...runs.map((run) => createElement("li", {}, [linkTo(run, run.name)])),
  );
  byId("count", HTMLElement).textContent = `${runs.length} runs`;
  document.title = `${runs.length} runs · Tandem`;
}

function createRunLink(
  { index, name }: ComparedRun,
  text: string,
  finished: readonly FinishedRun[],
  runPage: RunPage | undefined,
): HTMLAnchorElement {
  const link = createElement("a", { text, title: name });
  link.href = runPage ? "#" : `run?${index}`;
  if (runPage) {
    // Made only when needed: sixty runs would be sixty documents.
    link.addEventListener("click", () => {
      link.href = URL.createObjectURL(runDocument(runPage, finished[index]!));
      link.target = "_blank";
    });
  }
  return link;
}

function runDocument([before, after]: RunPage, run: FinishedRun): Blob {
  const data = JSON.stringify([run]).replaceAll("<", "\\u003c");
  return new Blob([before, data, after], { type: "text/html" });
}

async function begin(): Promise<void> {
  const embedded = document.getElementById("runs")?.textContent;
  if (embedded) {
    const runPage = document.getElementById("run-page")?.textContent ?? "";
    show(JSON.parse(embedded) as FinishedRun[], JSON.parse(runPage) as RunPage);
    return;
  }
  const response = await fetch("comparison");
  if (!response.ok) throw new Error(`comparison: ${response.status}`);
  show((await response.json()) as FinishedRun[], undefined);
}

begin().catch((error: unknown) => {
  byId("count", HTMLElement).textContent = `The runs cannot be shown (${String(error)}).`;
});
