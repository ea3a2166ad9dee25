// The tensorflow engine: graphs as TensorFlow sessions. The fastest; its bits depend on the processor's kind and on the
// number of threads.
import type { Graph } from "../../graph/graph.js";
import { TandemError } from "../../errors.js";
import type { Engine } from "../engine.js";
import { lowerMaxPool } from "./lower-windows.js";
import { NodeEmitter } from "./node-emitter.js";
import { outputName } from "./graph-def.js";
import { loadSavedModel } from "./saved-model.js";
import { TensorFlowSession } from "./session.js";
import { loadTensorFlow, type TensorFlow } from "./tensorflow.js";

/**
 * @param threads see `loadTensorFlow`
 * @throws TandemError `native-library`
 */
export function openTensorFlow(threads: number): Engine {
  const tf = loadTensorFlow(threads);
  const hasOneDnnPool = probeOneDnnPool(tf);
  return {
    name: "tensorflow",
    open: (graph: Graph) => new TensorFlowSession(tf, graph, hasOneDnnPool),
  };
}

/** Whether this build of the library has oneDNN's kernels for max-pools, which it does not on every processor. */
function probeOneDnnPool(tf: TensorFlow): boolean {
  const emitter = new NodeEmitter();
  const y = emitter.within("probe", [], () => {
    const x = emitter.constant("x", [1, 2, 2, 1], new Float32Array(4));
    return lowerMaxPool(emitter, { size: [2, 2], strides: [2, 2], padding: "same" }, x, true)[0]!;
  });
  let session: number | undefined;
  try {
    session = loadSavedModel(tf, emitter.nodes);
    for (const { id } of tf.runSavedModel(session, [], "", outputName(y))) tf.deleteTensor(id);
    return true;
  } catch (error) {
    if (error instanceof TandemError) throw error;
    return false;
  } finally {
    if (session !== undefined) tf.deleteSavedModel(session);
  }
}
