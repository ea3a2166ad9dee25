// Evaluates a checkpoint on a test set: restores the network and normalises with the population statistics.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { type EngineSpec, sampleShapeOf } from "../shared/config.js";
import type { DataSource, Samples, TargetSpec } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import { evaluationBatches, type Metrics, metricsOf } from "../shared/evaluation.js";
import { formatShape } from "../shared/network/problem.js";
import { evaluateSamples } from "../shared/replica/inference.js";
import type { EvaluationResult } from "../shared/replica/tensors.js";
import { restoreReplica } from "./restored-replica.js";

/**
 * Returns the metrics of the data's test set. With the run's engine and numerics, they equal the run's own to the last bit.
 * @param onBatch called before each batch
 * @param onAnswer called after each batch
 * @throws TandemError `data-mismatch` if the data does not match the network
 */
export async function evaluateCheckpoint(
  file: string,
  checkpoint: Checkpoint,
  data: DataSource,
  engine: EngineSpec,
  onBatch: (index: number, count: number) => void = () => undefined,
  onAnswer: (samples: Samples, result: EvaluationResult) => void = () => undefined,
): Promise<Metrics> {
  checkKind(file, sampleShapeOf(checkpoint.config), data);
  checkTable(file, checkpoint, data);
  const replica = restoreReplica(checkpoint, engine);
  try {
    const batches = evaluationBatches(data.test.count);
    const answers = [];
    for (const [index, indices] of batches.entries()) {
      onBatch(index, batches.length);
      const samples = await data.test.gather(indices);
      const result = evaluateSamples(replica, samples);
      onAnswer(samples, result);
      // The inputs of a large test set are not kept.
      answers.push({ samples: { ...samples, inputs: samples.inputs.slice(0, 0) }, result });
    }
    return metricsOf(answers);
  } finally {
    replica.dispose();
  }
}

type Kind = Pick<DataSource, "inputShape" | "inputType" | "target">;

function checkKind(file: string, own: Kind, found: Kind): void {
  const isOfSameTarget =
    own.target.kind === found.target.kind &&
    (own.target.kind === "classes"
      ? found.target.count <= own.target.count
      : found.target.count === own.target.count);
  const isOfSameInput =
    formatShape(own.inputShape) === formatShape(found.inputShape) &&
    own.inputType === found.inputType;
  if (isOfSameTarget && isOfSameInput) return;
  throw new TandemError(
    "data-mismatch",
    `${file} takes ${describe(own)}, but the data has ${describe(found)}. Give data of the kind that it was trained on with --data.`,
  );
}

/** Rows that are encoded differently are different inputs, even if their shapes match. */
function checkTable(file: string, { config }: Checkpoint, data: DataSource): void {
  if (!data.table || JSON.stringify(data.table) === JSON.stringify(config.data.table)) return;
  throw new TandemError(
    "data-mismatch",
    `${file} was trained on a table with other columns, or with other means and categories. Open the data with the option \`checkpoint\`.`,
  );
}

function describe({ inputShape, inputType, target }: Kind): string {
  return `samples of ${formatShape(inputShape)} ${inputType} with ${describeTarget(target)}`;
}

function describeTarget({ kind, count }: TargetSpec): string {
  if (kind === "classes") return `${count} classes`;
  return `${count} target value${count === 1 ? "" : "s"}`;
}
