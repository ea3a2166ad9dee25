// Collects the content of an export's model card and writes it. If the network is not a preset, a network file is written beside
// it, so that the card's command can be run. Only an earlier card and its network file are replaced.
import { statSync } from "node:fs";
import { readRunLog } from "../coordinator/observe/dashboard/run-log.js";
import { evaluateCheckpoint } from "../run/evaluate-checkpoint.js";
import { chooseEvaluationEngine } from "../run/evaluation-engine.js";
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../shared/config.js";
import { writeAtomically } from "../shared/checkpoint/atomic-write.js";
import { beginningOf, checkWritable, isSameFile } from "../shared/checkpoint/output-file.js";
import type { DataSource } from "../shared/data/samples.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { ExportFormat } from "./export-format.js";
import { CARD_MARK, type CardContent, modelCard } from "./model-card.js";
import { NETWORK_MARK, networkJson } from "./keras/network-json.js";
import { presetOf, runCommandOf, type RunFiles } from "./run-command.js";

/** A larger table would not be readable. */
const MAX_CONFUSION_CLASSES = 50;

export interface CardRequest {
  /** Where the card is written. */
  card: string;
  /** The exported checkpoint's file. */
  file: string;
  format: ExportFormat;
  /** The source of the test set. */
  data: DataSource | undefined;
  summaryDir: string | undefined;
  /** Whether the checkpoint was trained on the default data. */
  isMnist: boolean;
}

/**
 * @param config of the checkpoint
 * @param others files that the card must not be
 * @throws TandemError `output-unwritable`, naming --card
 */
export function checkCard(card: string, config: RunConfig, others: readonly string[]): void {
  checkWritable(card, "--card");
  const same = others.find((other) => isSameFile(card, other));
  if (same !== undefined) throw unwritable(card, `it is also ${same}. Give another path.`);
  if (!isOwn(card, CARD_MARK)) {
    throw unwritable(card, "it exists and is not a model card by Tandem. Give another path.");
  }
  if (presetOf(config) !== undefined) return;
  const network = networkFileOf(card);
  if (isOwn(network, NETWORK_MARK) && !others.some((other) => isSameFile(network, other))) return;
  throw unwritable(
    card,
    `the network would be written to ${network}, which exists and is not such a file. Give another path.`,
  );
}

/** Whether the file is missing or empty, or begins with the mark. */
function isOwn(file: string, mark: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status || (status.isFile() && status.size === 0)) return true;
  return status.isFile() && beginningOf(file, mark.length) === mark;
}

/** `digits.md` → `digits.network.json` */
function networkFileOf(card: string): string {
  return `${card.replace(/\.(md|markdown)$/i, "")}.network.json`;
}

/** @throws TandemError `no-run-log`, `data-mismatch`, `write-failed` */
export async function writeCard(request: CardRequest, checkpoint: Checkpoint): Promise<void> {
  const { card, format } = request;
  const { config, step } = checkpoint;
  const content: CardContent = {
    checkpoint,
    format,
    command: runCommandOf(config, step, filesOf(request, config)),
    evaluation: await evaluationOf(request, checkpoint),
    curve: request.summaryDir === undefined ? undefined : curveOf(request.summaryDir),
  };
  if (presetOf(config) === undefined) {
    await writeText(networkFileOf(card), networkJson(config.network));
  }
  await writeText(card, modelCard(content));
}

async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeAtomically(file, [new TextEncoder().encode(text)]);
  } catch (error) {
    throw new TandemError(
      "write-failed",
      `The model card's file ${file} could not be written (${messageOf(error)}).`,
      { cause: error },
    );
  }
}

/** The files in the card's command. The data that the card was evaluated on need not be the run's. */
function filesOf({ card, data, isMnist }: CardRequest, config: RunConfig): RunFiles {
  const network = networkFileOf(card);
  if (isMnist) return { network, data: "mnist" };
  if (data?.path === undefined || data.digest !== config.data.digest) {
    return { network, data: undefined };
  }
  return { network, data: { path: data.path, kind: data.kind } };
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
  const { engine } = chooseEvaluationEngine(checkpoint.config, undefined);
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
