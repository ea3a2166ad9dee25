// The reference engine: graphs in float64, slowly and obviously right. Engines must agree with it to rounding
// (test/engine/conformance/), and its own gradients with finite differences (test/engine/gradients.test.ts).
import type { Engine, Session, TensorScope } from "../../src/shared/engine/engine.js";
import { evaluate } from "./reference/evaluate.js";
import { type ReferenceTensor, tensorOf, zeros } from "./reference/tensor.js";

export const referenceEngine: Pick<Engine, "open"> = {
  open({ nodes }): Session {
    const variables = new Map<string, ReferenceTensor>();
    for (const { op, outputs } of nodes) {
      if (op.kind === "variable") variables.set(op.variable, zeros(outputs[0]!.shape));
    }
    const variable = (name: string) => {
      const found = variables.get(name);
      if (!found) throw new RangeError(`no variable ${name}`);
      return found;
    };
    const scope: TensorScope = {
      tensor: (shape, values) => tensorOf(shape, values),
      run: (feeds, fetches) => {
        const fed = new Map(feeds.map(([value, tensor]) => [value, tensor as ReferenceTensor]));
        return evaluate(fed, fetches, variables);
      },
      floats: (tensor) => Float32Array.from((tensor as ReferenceTensor).values),
    };
    return {
      scope: (body) => body(scope),
      openScope: () => ({ ...scope, close: () => undefined }),
      allocate: (lengths) => lengths.map((length) => new Float32Array(length)),
      keep: (shape, values) => tensorOf(shape, values),
      free: () => undefined,
      write: (written) => {
        for (const { name, values } of written) {
          variables.set(name, tensorOf(variable(name).shape, values));
        }
      },
      read: (requested) => {
        for (const { name, into } of requested) {
          const { values } = variable(name);
          if (values.length !== into.length)
            throw new RangeError(`${into.length} values of ${name}`);
          into.set(values);
        }
      },
      dispose: () => undefined,
    };
  },
};
