// A TensorFlow session on a graph, through tfjs-node's SavedModels. A whole part of a step is one call, inside which
// TensorFlow orders and runs the nodes by itself: op by op from JavaScript takes a third longer (docs/performance.md).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, TandemError } from "../errors.js";
import { type Graph, GRAPH_TAG, type Output, outputName } from "./graph.js";
import type { TensorFlow, TensorInfo } from "./tensorflow.js";

/** Values in TensorFlow's memory. */
export type Tensor = TensorInfo;
export type Feed = readonly [output: Output, tensor: Tensor];

export class Session {
  private readonly tf: TensorFlow;
  private readonly id: number;

  constructor(tf: TensorFlow, graph: Graph) {
    this.tf = tf;
    const folder = makeTemporaryFolder();
    try {
      writeFileSync(join(folder, "saved_model.pb"), graph.savedModel());
      this.id = tf.loadSavedModel(folder, GRAPH_TAG);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Every tensor that `body` makes is freed when it returns or throws; what it returns must be plain values. */
  scope<T>(body: (scope: Scope) => T): T {
    const scope = new Scope(this.tf, (feeds, fetches) => this.run(feeds, fetches));
    try {
      return body(scope);
    } finally {
      scope.free();
    }
  }

  /** A tensor that outlives scopes, until it is freed. @param values must stay as they are until then */
  keep(shape: readonly number[], values: Float32Array): Tensor {
    const id = this.tf.createTensor(shape, this.tf.TF_FLOAT, values);
    return { id, shape: [...shape] };
  }

  free({ id }: Tensor): void {
    this.tf.deleteTensor(id);
  }

  dispose(): void {
    this.tf.deleteSavedModel(this.id);
  }

  private run(feeds: readonly Feed[], fetches: readonly Output[]): Tensor[] {
    const inputs = feeds.map(([, tensor]) => tensor.id);
    const inputNames = feeds.map(([output]) => outputName(output)).join(",");
    const outputNames = fetches.map(outputName).join(",");
    return this.tf.runSavedModel(this.id, inputs, inputNames, outputNames);
  }
}

/** @throws TandemError `temporary-folder` */
function makeTemporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), "tandem-graph-"));
  } catch (error) {
    throw new TandemError(
      "temporary-folder",
      `The folder for temporary files, ${tmpdir()}, cannot be written (${messageOf(error)}). Set TMPDIR to another folder.`,
      { cause: error },
    );
  }
}

export class Scope {
  private readonly tf: TensorFlow;
  private readonly runIn: (feeds: readonly Feed[], fetches: readonly Output[]) => Tensor[];
  private readonly tensors: Tensor[] = [];

  constructor(
    tf: TensorFlow,
    runIn: (feeds: readonly Feed[], fetches: readonly Output[]) => Tensor[],
  ) {
    this.tf = tf;
    this.runIn = runIn;
  }

  /** @param values must not be changed before the scope ends: TensorFlow may use their memory */
  tensor(shape: number[], values: Float32Array | Int32Array): Tensor {
    const type = values instanceof Float32Array ? this.tf.TF_FLOAT : this.tf.TF_INT32;
    return this.kept({ id: this.tf.createTensor(shape, type, values), shape });
  }

  /** Runs what the fetches need, with the feeds in the places of the outputs that they name. */
  run(feeds: readonly Feed[], fetches: readonly Output[]): Tensor[] {
    return this.runIn(feeds, fetches).map((tensor) => this.kept(tensor));
  }

  /** A copy of a float32 tensor's values. */
  floats(tensor: Tensor): Float32Array {
    return this.tf.tensorDataSync(tensor.id) as Float32Array;
  }

  free(): void {
    for (const { id } of this.tensors.splice(0)) this.tf.deleteTensor(id);
  }

  private kept(tensor: Tensor): Tensor {
    this.tensors.push(tensor);
    return tensor;
  }
}
