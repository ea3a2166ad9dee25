// The shapes of a run: those of the graph, with the feeds' number of samples in place of −1. Pure.
import type { Node, Value } from "../../graph/graph.js";
import { sizeOf } from "../../network/network.js";

type Shape = readonly number[];

export class RunShapes {
  private readonly shapes = new Map<Value, Shape>();

  /** @throws RangeError if a feed has the wrong shape */
  constructor(feeds: readonly (readonly [value: Value, shape: Shape])[]) {
    for (const [value, shape] of feeds) {
      if (value.type !== "opaque" && !fits(value.shape, shape)) {
        const expected = `[${value.shape.join()}]`;
        throw new RangeError(
          `[${shape.join()}] is fed to ${value.node.name}, which is ${expected}`,
        );
      }
      this.shapes.set(value, shape);
    }
  }

  /** Infers the outputs that are not fed. @throws RangeError if the inputs have different numbers of samples */
  infer(node: Node): void {
    const counts = node.inputs
      .filter(({ shape }) => shape[0] === -1)
      .map((input) => this.of(input)[0]!);
    if (counts.some((count) => count !== counts[0])) {
      throw new RangeError(`${node.name} is computed from ${counts.join(" and ")} samples`);
    }
    for (const output of node.outputs) {
      if (this.shapes.has(output)) continue;
      const [first, ...sides] = output.shape;
      this.shapes.set(output, first === -1 ? [counts[0]!, ...sides] : output.shape);
    }
  }

  of(value: Value): Shape {
    const shape = this.shapes.get(value);
    if (!shape) throw new RangeError(`${value.node.name} is not a value of this session's graph`);
    return shape;
  }

  /** Opaque values and effects have no bytes. */
  byteLengthOf(value: Value): number {
    const hasValues = value.type === "float32" || value.type === "int32";
    return hasValues ? 4 * sizeOf(this.of(value)) : 0;
  }
}

function fits(expected: Shape, shape: Shape): boolean {
  return (
    shape.length === expected.length &&
    shape.every((side, index) => side === expected[index] || (index === 0 && expected[0] === -1))
  );
}
