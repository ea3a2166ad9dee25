// The model card of an export: collects what is known and writes it. Nothing but an earlier card is replaced.
import { statSync } from "node:fs";
import { readRunLog } from "../coordinator/observe/dashboard/run-log.js";
import { evaluateCheckpoint } from "../run/evaluate-checkpoint.js";
import { evaluationEngine } from "../run/evaluation-engine.js";
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { writeAtomically } from "../shared/checkpoint/atomic-write.js";
import { beginningOf, checkWritable, isSameFile } from "../shared/checkpoint/output-file.js";
import type { DataSource } from "../shared/data/samples.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { ExportFormat } from "./export-format.js";
import { CARD_MARK, type CardContent, modelCard } from "./model-card.js";
import { runCommandOf } from "./run-command.js";

/** A table of more could not be read. */
const MAX_CONFUSION_CLASSES = 50;

export interface CardRequest {
  /** Where the card is written. */
  card: string;
  /** The exported checkpoint's file. */
  file: string;
  format: ExportFormat;
  /** What the test set is taken of. */
  data: DataSource | undefined;
  summaryDir: string | undefined;
  /** Whether the checkpoint was trained on what runs are trained on that name no data. */
  isMnist: boolean;
}

/** @param others files that the card must not be. @throws TandemError `output-unwritable`, naming --card */
export function checkCard(card: string, others: readonly string[]): void {
  checkWritable(card, "--card");
  const same = others.find((other) => isSameFile(card, other));
  if (same !== undefined) throw unwritable(card, `it is also ${same}. Give another path.`);
  const status = statSync(card, { throwIfNoEntry: false });
  if (!status || status.size === 0 || beginningOf(card, CARD_MARK.length) === CARD_MARK) return;
  throw unwritable(card, "it exists and is no model card of Tandem's. Give another path.");
}

/** @throws TandemError `no-run-log`, `data-mismatch`, `write-failed` */
export async function writeCard(request: CardRequest, checkpoint: Checkpoint): Promise<void> {
  const { card, format, isMnist } = request;
  const { config, step } = checkpoint;
  const content: CardContent = {
    checkpoint,
    format,
    command: runCommandOf(config, step, isMnist),
    evaluation: await evaluationOf(request, checkpoint),
    curve: request.summaryDir === undefined ? undefined : curveOf(request.summaryDir),
  };
  try {
    await writeAtomically(card, [new TextEncoder().encode(modelCard(content))]);
  } catch (error) {
    throw new TandemError(
      "write-failed",
      `The model card ${card} could not be written (${messageOf(error)}).`,
      { cause: error },
    );
  }
}

async function evaluationOf(
  { file, data }: CardRequest,
  checkpoint: Checkpoint,
): Promise<CardContent["evaluation"]> {
  if (!data) return undefined;
  const { target } = checkpoint.config.data;
  const hasMatrix = target.kind === "classes" && target.count <= MAX_CONFUSION_CLASSES;
  const confusion = hasMatrix
    ? Array.from({ length: target.count }, () => new Array<number>(target.count).fill(0))
    : undefined;
  const { engine } = evaluationEngine(checkpoint.config, undefined);
  const metrics = await evaluateCheckpoint(
    file,
    checkpoint,
    data,
    engine,
    undefined,
    ({ targets }, { predictions }) => {
      predictions.forEach((predicted, index) => {
        const counts = confusion?.[targets[index]!];
        if (counts) counts[predicted]! += 1;
      });
    },
  );
  return { metrics, ...(confusion ? { confusion } : {}) };
}

function curveOf(summaryDir: string): CardContent["curve"] {
  const { updates } = readRunLog(summaryDir);
  return updates.flatMap((update) => (update.kind === "evaluation" ? [update] : []));
}

function unwritable(card: string, sentence: string): TandemError {
  return new TandemError("output-unwritable", `--card ${card}: ${sentence}`);
}
