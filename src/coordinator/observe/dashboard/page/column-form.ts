// A form with a field for each column of a sample that is not a picture, and the network's input for the entered values.
import type { InputColumn } from "../page-update.js";
import { byId, createElement } from "./dom.js";
import type { SampleBytes } from "./prediction-queue.js";

const SIGNIFICANT_DIGITS = 6;
const MAX_BYTE = 255;

type NumberColumn = Extract<InputColumn, { kind: "number" }>;
type CategoryColumn = Extract<InputColumn, { kind: "category" }>;

type Field =
  | { column: NumberColumn; input: HTMLInputElement }
  | { column: CategoryColumn; input: HTMLSelectElement };

export class ColumnForm {
  private readonly form = byId("column-form", HTMLFormElement);
  private readonly onChange: () => void;
  private shown: readonly InputColumn[] | undefined;
  private fields: Field[] = [];

  /** @param onChange called when a value is entered */
  constructor(onChange: () => void) {
    this.onChange = onChange;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.onChange());
  }

  /** Fills the form with the training set's means; undefined: no form. */
  show(columns: readonly InputColumn[] | undefined): void {
    this.form.hidden = columns === undefined;
    if (JSON.stringify(columns) === JSON.stringify(this.shown)) return;
    this.shown = columns;
    this.fields = (columns ?? []).map(createField);
    this.form.replaceChildren(
      ...this.fields.map(({ column: { name }, input }) => {
        const title = createElement("span", { text: name, title: name });
        return createElement("label", {}, [title, input]);
      }),
    );
  }

  reset(): void {
    this.form.reset();
  }

  /** @returns a sentence if a value is missing */
  read(inputType: "uint8" | "float32"): SampleBytes | string {
    const values: number[] = [];
    for (const field of this.fields) {
      if (isChoice(field)) {
        // By index: shortened names may be the same.
        values.push(...Array.from(field.input.options, ({ selected }) => Number(selected)));
        continue;
      }
      const { column, input } = field;
      const value = input.value.trim() === "" ? NaN : Number(input.value);
      if (!Number.isFinite(value)) return `Enter a number for ${column.name}.`;
      values.push((value - column.mean) / column.scale);
    }
    return inputType === "float32" ? floatBytes(values) : toBytes(values);
  }
}

function isChoice(field: Field): field is Extract<Field, { column: CategoryColumn }> {
  return field.column.kind === "category";
}

function createField(column: InputColumn): Field {
  if (column.kind === "category") {
    const options = column.categories.map((name) => new Option(name, name));
    return { column, input: createElement("select", {}, options) };
  }
  const input = createElement("input");
  input.type = "number";
  input.step = "any";
  input.defaultValue = String(Number(column.mean.toPrecision(SIGNIFICANT_DIGITS)));
  return { column, input };
}

/** As little-endian float32. */
function floatBytes(values: readonly number[]): SampleBytes {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return new Uint8Array(view.buffer);
}

function toBytes(values: readonly number[]): SampleBytes {
  return Uint8Array.from(values, (value) => Math.min(MAX_BYTE, Math.max(0, Math.round(value))));
}
