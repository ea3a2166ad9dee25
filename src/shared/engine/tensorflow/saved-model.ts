// Opens a TensorFlow session on nodes, through a temporary folder: the binding can only load SavedModels from folders.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, TandemError } from "../../errors.js";
import { encodeSavedModel, GRAPH_TAG, type NodeDef } from "./graph-def.js";
import type { TensorFlow } from "./tensorflow.js";

/**
 * @returns the binding's id of the session
 * @throws TandemError `temporary-folder`
 */
export function loadSavedModel(tf: TensorFlow, nodes: readonly NodeDef[]): number {
  const folder = createTemporaryFolder();
  try {
    writeFileSync(join(folder, "saved_model.pb"), encodeSavedModel(nodes));
    return tf.loadSavedModel(folder, GRAPH_TAG);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function createTemporaryFolder(): string {
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
