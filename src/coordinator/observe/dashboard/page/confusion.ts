// How often each class was confused with each other class: a matrix whose cells can be chosen or, for many classes, the most
// frequent pairs. Cells are kept from one evaluation to the next, so that the focus and the choice are kept too.
import type { ConfusedPair, PageUpdateOf } from "../page-update.js";
import { byId, createElement, formatCount, formatPercent } from "./dom.js";
import type { Run } from "./run.js";

/** A matrix of more classes would be unreadable. */
export const MAX_MATRIX_CLASSES = 30;
/** In pixels: room for two digits. */
const CELL = 22;
/** In em, width of the names beside the rows. */
const MAX_NAME_WIDTH = 9;
/** Longer names are vertical above the columns. */
const MAX_FLAT_NAME = 2;
/** With at most this many columns, they are wide enough for horizontal names. */
const MAX_WIDE_COLUMNS = 5;
/** In percent of the colour for errors. With more, text on it would have too little contrast. */
const MAX_TINT = 48;

/** Samples of one label that were predicted as another class. */
export interface Pair {
  label: number;
  predicted: number;
}

export class Confusion {
  private readonly holder = byId("confusion-holder", HTMLElement);
  private readonly onChoice: (pair: Pair) => void;
  private cells: HTMLButtonElement[][] = [];
  private recalls: HTMLElement[] = [];
  /** The names for which the matrix was built. */
  private shownNames: readonly string[] | undefined;
  private chosen: Pair | undefined;

  /** @param onChoice called when a cell or a pair is chosen */
  constructor(onChoice: (pair: Pair) => void) {
    this.onChoice = onChoice;
  }

  show(mistakes: PageUpdateOf<"mistakes">, run: Run): void {
    const { confusion, step, errorCount, testCount } = mistakes;
    const errors = errorCount ?? (confusion && countErrors(confusion));
    byId("confusion-note", HTMLElement).textContent =
      errors === undefined
        ? ""
        : `${formatCount(errors)}${testCount ? ` of ${formatCount(testCount)}` : ""} wrong`;
    byId("confusion-note", HTMLElement).title = `at step ${formatCount(step)}`;
    const pairs = mistakes.pairs ?? (confusion && pairsOf(confusion));
    const isMatrix = confusion !== undefined && confusion.length <= MAX_MATRIX_CLASSES;
    byId("confusion-title", HTMLElement).textContent = isMatrix
      ? "Confusion matrix"
      : "Most confused classes";
    byId("confusion-hint", HTMLElement).textContent = hintText(pairs, run);
    if (isMatrix) this.showMatrix(confusion, run);
    else this.showPairs(pairs ?? [], run);
  }

  /** Marks what is chosen; undefined: nothing. */
  mark(chosen: Pair | undefined): void {
    this.chosen = chosen;
    for (const button of this.holder.querySelectorAll("button")) {
      const { label, predicted } = button.dataset;
      const isChosen =
        chosen !== undefined &&
        Number(label) === chosen.label &&
        Number(predicted) === chosen.predicted;
      button.setAttribute("aria-pressed", String(isChosen));
    }
  }

  private showMatrix(confusion: number[][], run: Run): void {
    const names = confusion.map((_, label) => run.className(label));
    if (names.join("\n") !== this.shownNames?.join("\n")) this.build(names);
    const errors = confusion.flatMap((row, label) => row.filter((_, other) => other !== label));
    const most = Math.max(1, ...errors);
    confusion.forEach((row, label) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      this.recalls[label]!.textContent = total === 0 ? "–" : formatPercent(row[label]! / total, 1);
      row.forEach((count, predicted) => {
        if (label === predicted) return;
        const cell = this.cells[label]![predicted]!;
        const title = `${formatCount(count)} of ${names[label]} predicted as ${names[predicted]}`;
        cell.textContent = shortCount(count);
        cell.title = title;
        cell.classList.toggle("tight", count >= 100);
        cell.setAttribute("aria-label", title);
        cell.style.setProperty("--w", `${Math.round((MAX_TINT * count) / most)}%`);
      });
    });
    this.mark(this.chosen);
  }

  private build(names: readonly string[]): void {
    this.shownNames = names;
    const longest = Math.max(...names.map(({ length }) => length));
    const isLong = longest > MAX_FLAT_NAME && names.length > MAX_WIDE_COLUMNS;
    const nameCell = (text: string, kind: string) =>
      createElement("span", { class: `name ${kind}`, text, title: text });
    const top = names.map((name) => nameCell(name, isLong ? "top long" : "top"));
    this.cells = names.map((_, label) => {
      return names.map((_name, predicted) => this.createCell(label, predicted));
    });
    this.recalls = names.map(() => createElement("span", { class: "recall" }));
    const rows = names.map((name, label) => {
      const cells = this.cells[label]!.map((cell, predicted) => {
        return predicted === label ? createElement("span", { class: "same" }) : cell;
      });
      return createElement("div", {}, [nameCell(name, ""), ...cells, this.recalls[label]!]);
    });
    const head = createElement("div", {}, [
      createElement("span", { class: "name" }),
      ...top,
      createElement("span", { class: "recall", text: "recall" }),
    ]);
    const axis = createElement("div", {}, [
      createElement("span", { class: "axis", text: "rows: label, columns: predicted class" }),
    ]);
    const matrix = createElement("div", { class: "confusion" }, [axis, head, ...rows]);
    matrix.style.setProperty("--count", String(names.length));
    matrix.style.setProperty("--cell", `${CELL}px`);
    if (names.length <= MAX_WIDE_COLUMNS) matrix.style.setProperty("--cell-height", "40px");
    matrix.style.setProperty("--names", `${Math.min(MAX_NAME_WIDTH, 0.6 * longest + 0.6)}em`);
    matrix.setAttribute("role", "group");
    matrix.setAttribute(
      "aria-label",
      "Errors by label and predicted class. Arrow keys move, Enter shows a cell's samples.",
    );
    matrix.addEventListener("keydown", (event) => this.move(event));
    // Without the cells of the diagonal, which are not shown.
    const first = this.cells[0]?.[1];
    if (first) first.tabIndex = 0;
    this.holder.replaceChildren(matrix);
  }

  /** Tab reaches one of them; from there the arrow keys reach the others. */
  private createCell(label: number, predicted: number): HTMLButtonElement {
    const cell = createElement("button");
    cell.type = "button";
    cell.tabIndex = -1;
    this.prepare(cell, label, predicted);
    return cell;
  }

  private prepare(button: HTMLButtonElement, label: number, predicted: number): void {
    button.dataset["label"] = String(label);
    button.dataset["predicted"] = String(predicted);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      this.onChoice({ label, predicted });
      this.makeStop(button);
    });
  }

  /** Moves to the next cell in the key's direction, skipping the diagonal. */
  private move(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number] | undefined> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const move = moves[event.key];
    if (!move || !(event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    const { label, predicted } = event.target.dataset;
    let [row, column] = [Number(label) + move[0], Number(predicted) + move[1]];
    if (row === column) [row, column] = [row + move[0], column + move[1]];
    const next = this.cells[row]?.[column];
    if (!next) return;
    this.makeStop(next);
    next.focus();
  }

  /** From now on Tab reaches this cell. */
  private makeStop(cell: HTMLButtonElement): void {
    const stop = this.cells.flat().find(({ tabIndex }) => tabIndex === 0);
    if (!stop || !this.cells.flat().includes(cell)) return;
    stop.tabIndex = -1;
    cell.tabIndex = 0;
  }

  private showPairs(pairs: readonly ConfusedPair[], run: Run): void {
    this.shownNames = undefined;
    const most = Math.max(1, ...pairs.map(([, , count]) => count));
    const focused = document.activeElement;
    const hadFocus = focused instanceof HTMLButtonElement && this.holder.contains(focused);
    const { label = "", predicted = "" } = hadFocus ? focused.dataset : {};
    const items = pairs.map(([from, to, count]) => {
      const text = `${run.className(from)} predicted as ${run.className(to)}`;
      const bar = createElement("i");
      bar.style.setProperty("--w", `${Math.round((100 * count) / most)}%`);
      const button = createElement("button", { title: text }, [
        createElement("span", { text: run.className(from) }),
        createElement("span", { text: "→" }),
        createElement("span", { text: run.className(to) }),
        bar,
        createElement("b", { text: formatCount(count) }),
      ]);
      button.type = "button";
      button.setAttribute("aria-label", `${text}: ${formatCount(count)}`);
      this.prepare(button, from, to);
      return createElement("li", {}, [button]);
    });
    this.holder.replaceChildren(createElement("ol", { class: "pairs" }, items));
    this.mark(this.chosen);
    if (!hadFocus) return;
    const selector = `[data-label="${label}"][data-predicted="${predicted}"]`;
    this.holder.querySelector<HTMLButtonElement>(selector)?.focus();
  }
}

function countErrors(confusion: number[][]): number {
  return confusion.reduce((sum, row, label) => {
    return sum + row.reduce((total, count, other) => total + (other === label ? 0 : count), 0);
  }, 0);
}

/** Most frequent first. */
function pairsOf(confusion: number[][]): ConfusedPair[] {
  return confusion
    .flatMap((row, label) => row.map((count, predicted): ConfusedPair => [label, predicted, count]))
    .filter(([label, predicted, count]) => label !== predicted && count > 0)
    .sort((a, b) => b[2] - a[2]);
}

function hintText(pairs: readonly ConfusedPair[] | undefined, run: Run): string {
  if (!pairs) {
    const count = run.description?.target.count ?? 0;
    return `No confusion matrix: ${formatCount(count)} classes are too many to show.`;
  }
  const [first] = pairs;
  if (!first) return "All test samples are classified correctly.";
  const [label, predicted, count] = first;
  const times = count === 1 ? "once" : `${formatCount(count)} times`;
  return `Most frequent error: ${run.className(label)} predicted as ${run.className(predicted)}, ${times}. Select an error to see its samples.`;
}

/** At most three characters. */
function shortCount(count: number): string {
  if (count === 0) return "";
  return count < 1000 ? String(count) : `${Math.round(count / 1000)}k`;
}
