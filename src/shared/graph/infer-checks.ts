// Shared by the rules of infer.ts: checks of an op's inputs, and descriptions of its outputs. Pure.
import type { DataType, Value } from "./graph.js";

export interface OutputType {
  shape: readonly number[];
  type: DataType;
}

export function float(shape: readonly number[]): OutputType {
  return { shape, type: "float32" };
}

export function effect(): OutputType {
  return { shape: [], type: "effect" };
}

/** A tuple of `Count` values. */
type Tuple<Count extends number, Elements extends Value[] = []> = Elements["length"] extends Count
  ? Elements
  : Tuple<Count, [...Elements, Value]>;

/**
 * @param types of inputs that are not float32, by index
 * @returns the inputs, as a tuple
 * @throws RangeError if their number or a type is wrong
 */
export function expectInputs<Count extends number>(
  inputs: readonly Value[],
  count: Count,
  types: Readonly<Record<number, DataType>> = {},
): Tuple<Count> {
  if (inputs.length !== count) {
    throw new RangeError(`expected ${count} inputs, got ${inputs.length}`);
  }
  inputs.forEach((input, index) => {
    expectType(input, types[index] ?? "float32");
  });
  return inputs as Tuple<Count>;
}

export function expectType(value: Value, type: DataType): void {
  if (value.type !== type) throw new RangeError(`expected ${type}, got ${describeValue(value)}`);
}

export function expectShape(value: Value, shape: readonly number[]): void {
  if (!isSameShape(value.shape, shape)) {
    throw new RangeError(`expected a tensor [${shape.join()}], got ${describeValue(value)}`);
  }
}

export function expectRank(value: Value, rank: number): void {
  if (value.shape.length !== rank) {
    throw new RangeError(`expected a tensor of rank ${rank}, got ${describeValue(value)}`);
  }
}

export function expectVectors(values: readonly Value[], channels: number): void {
  for (const value of values) expectShape(value, [channels]);
}

export function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, index) => side === b[index]);
}

/** The last side of a tensor of samples. */
export function channelsOf(x: Value): number {
  const channels = x.shape.at(-1);
  if (channels === undefined || x.shape.length < 2) {
    throw new RangeError(`expected [N,…,C], got ${describeValue(x)}`);
  }
  return channels;
}

export function describeValue({ node, type, shape }: Value): string {
  return `${node.name}: ${type} [${shape.join()}]`;
}
