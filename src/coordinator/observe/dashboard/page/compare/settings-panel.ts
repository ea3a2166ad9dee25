// What differs between the entries' configurations and, on request, what is the same. A column per entry or, if there are too
// many, a row per entry.
import { byId, createElement } from "../dom.js";
import type { Entry } from "./entry.js";
import { REPETITION_SETTINGS } from "./entry.js";
import { createName } from "./run-mark.js";
import { compareSettings, settingText, type SettingValue } from "./settings-difference.js";

const MAX_COLUMNS = 5;
const ROWS_SHOWN = 12;

export class SettingsPanel {
  private readonly table = byId("settings", HTMLTableElement);
  private readonly button = byId("all-settings", HTMLButtonElement);
  private entries: readonly Entry[] = [];
  private showsAll = false;

  constructor() {
    this.button.addEventListener("click", () => {
      this.showsAll = !this.showsAll;
      this.redraw();
    });
  }

  show(entries: readonly Entry[]): void {
    this.entries = entries;
    this.redraw();
  }

  private redraw(): void {
    const { differing, equal } = compareSettings(this.entries.flatMap(({ runs }) => runs));
    const isWide = this.entries.length <= MAX_COLUMNS;
    this.table.classList.toggle("by-entry", !isWide);
    if (isWide) this.showColumns(differing, this.showsAll ? equal : []);
    else this.showRows(differing, this.showsAll ? this.entries : this.entries.slice(0, ROWS_SHOWN));
    byId("settings-note", HTMLElement).textContent =
      `${countText(differing.length, "setting differs", "settings differ")}, ` +
      `${countText(equal.length, "is equal", "are equal")}. Bold: differs from the baseline.`;
    const all = isWide ? `Show ${equal.length} equal` : `Show all ${this.entries.length}`;
    this.button.hidden = isWide ? equal.length === 0 : this.entries.length <= ROWS_SHOWN;
    this.button.textContent = !this.showsAll ? all : isWide ? "Hide equal" : `Show ${ROWS_SHOWN}`;
    this.button.setAttribute("aria-expanded", String(this.showsAll));
  }

  private showColumns(differing: readonly string[], equal: readonly string[]): void {
    const head = [headCell("Setting"), ...this.entries.map((entry) => headCell(createName(entry)))];
    const row = (name: string, className: string) =>
      createElement("tr", { class: className }, [
        rowHead(name),
        ...this.entries.map((entry) => this.createCell(entry, name)),
      ]);
    this.table.tHead?.replaceChildren(createElement("tr", {}, head));
    this.table.tBodies[0]?.replaceChildren(
      ...differing.map((name) => row(name, "")),
      ...equal.map((name) => row(name, "same")),
    );
  }

  private showRows(differing: readonly string[], entries: readonly Entry[]): void {
    const head = [headCell("Run"), ...differing.map((name) => headCell(name))];
    const rows = entries.map((entry) =>
      createElement("tr", {}, [
        rowHead(createName(entry)),
        ...differing.map((name) => this.createCell(entry, name)),
      ]),
    );
    this.table.tHead?.replaceChildren(createElement("tr", {}, head));
    this.table.tBodies[0]?.replaceChildren(...rows);
  }

  private createCell(entry: Entry, name: string): HTMLElement {
    const text = valueText(entry, name);
    const [baseline] = this.entries;
    const isUnlike = baseline !== undefined && text !== valueText(baseline, name);
    return createElement("td", { class: isUnlike ? "differs" : "", text });
  }
}

/** For several seeds, all values. */
function valueText({ runs }: Entry, name: string): string {
  const values = [...new Set(runs.map(({ settings }): SettingValue => settings[name]))];
  if (REPETITION_SETTINGS.includes(name) && values.length > 3) return `${values.length} values`;
  return values.map(settingText).join(", ");
}

function headCell(content: string | Node): HTMLElement {
  const cell = createElement("th");
  cell.scope = "col";
  cell.append(content);
  return cell;
}

function rowHead(content: string | Node): HTMLElement {
  const cell = createElement("th");
  cell.scope = "row";
  cell.append(content);
  return cell;
}

function countText(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
