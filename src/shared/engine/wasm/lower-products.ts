// Matrix products as launches (assembly/mat-mul.ts). Pure.
import { blockTerms, panelWidth, ROW_BYTES, SCRATCH_BASE_BYTES } from "./block-sizes.js";
import type { Launch, Lowering } from "./launch.js";

/** The largest part of a product: what it reads repeatedly stays in a core's own caches. */
const PART_ROWS = 128;
const PART_COLUMNS = 64;

export const lowerMatMul: Lowering<"mat-mul"> = (op, { inputs, outputs }) => {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const [m, n] = outputs[0]!.shape as [number, number];
  const terms = a.shape[op.transposeA ? 0 : 1]!;
  return [
    launchProduct({
      ...{ a: a.pointer, b: b.pointer, c: outputs[0]!.pointer, m, n, terms },
      ...{ transposeA: op.transposeA, transposeB: op.transposeB },
    }),
  ];
};

interface Product {
  a: number;
  b: number;
  c: number;
  m: number;
  n: number;
  terms: number;
  transposeA: boolean;
  transposeB: boolean;
}

function launchProduct({ a, b, c, m, n, terms, transposeA, transposeB }: Product): Launch {
  const rows = Math.min(m, PART_ROWS);
  const columns = Math.min(panelWidth(n), PART_COLUMNS);
  const packed = columns + (transposeA ? Math.ceil(rows / 16) * 16 : 0);
  return {
    kernel: "matMul",
    parts: Math.ceil(m / rows) * Math.ceil(n / columns),
    scratchBytes: SCRATCH_BASE_BYTES + rows * ROW_BYTES + packed * blockTerms(terms) * 4,
    args: [a, b, c, m, n, terms, Number(transposeA), Number(transposeB), rows, columns],
  };
}
