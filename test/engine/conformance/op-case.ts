// A case of the conformance suite: an op in a graph, its inputs, and how close an engine's float32 results must be to the float64
// reference.
import { GraphBuilder } from "../../../src/shared/graph/builder.js";
import type { Op, Value } from "../../../src/shared/graph/graph.js";
import type { VariableOp } from "../../../src/shared/graph/op-variables.js";
import {
  randomLabels,
  randomValues,
  uniformValues,
} from "../../support/reference/random-values.js";

/** By op. */
export type OpCases<Kinds extends ValueOpKind> = Readonly<Record<Kinds, readonly OpCase[]>>;

/** Ops that change nothing; effects are tested in effects.ts. */
export type ValueOpKind = Exclude<Op["kind"], "placeholder" | "constant" | VariableOp["kind"]>;

export interface Input {
  value: Value;
  shape: readonly number[];
  values: Float32Array | Int32Array;
}

/** A graph with random inputs. */
export class CaseGraph extends GraphBuilder {
  readonly inputs: Input[] = [];

  /** Of N samples. */
  samples(shape: readonly number[], range?: readonly [number, number]): Value {
    return this.input([-1, ...shape.slice(1)], shape, range);
  }

  /** Without samples: weights, vectors. */
  fixed(shape: readonly number[], range?: readonly [number, number]): Value {
    return this.input(shape, shape, range);
  }

  labels(samples: number, classes: number): Value {
    const values = randomLabels(samples, classes, "labels");
    return this.fed(this.placeholder("labels", [-1], "int32"), [samples], values);
  }

  /** Of N samples, with these values. */
  given(shape: readonly number[], values: Float32Array): Value {
    const name = `input${this.inputs.length}`;
    return this.fed(this.placeholder(name, [-1, ...shape.slice(1)]), shape, values);
  }

  private input(
    placeholderShape: readonly number[],
    shape: readonly number[],
    range?: readonly [number, number],
  ): Value {
    const name = `input${this.inputs.length}`;
    const values = range ? uniformValues(shape, name, range) : randomValues(shape, name);
    return this.fed(this.placeholder(name, placeholderShape), shape, values);
  }

  private fed(value: Value, shape: readonly number[], values: Float32Array | Int32Array): Value {
    this.inputs.push({ value, shape, values });
    return value;
  }
}

export interface OpCase {
  name: string;
  /** Relative to the largest value of an output. The error of one float32 operation is 6e-8. */
  tolerance: number;
  /** @returns what is compared */
  build: (graph: CaseGraph) => Value[];
}

/** For an op that needs only a few operations per value. */
export const POINTWISE = 5e-7;
/** For an op that sums values. */
export const SUM = 3e-6;
