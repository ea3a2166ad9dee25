// What a run that ended up with the wasm engine could gain. Said once, by the command that starts the run.
import {
  canInstallTensorFlow,
  isTensorFlowInstalled,
  WHEEL,
} from "../shared/engine/tensorflow/installation.js";
import type { DescribedRun } from "./run-request.js";

/** @returns undefined where the engine was chosen, or there is no other */
export function setupHint({ choices, resume }: DescribedRun): string | undefined {
  const isChosen = choices.engine !== undefined || resume !== undefined;
  if (isChosen || isTensorFlowInstalled() || !canInstallTensorFlow()) return undefined;
  const downloadMegabytes = Math.round(WHEEL.byteLength / 1e6);
  return `The tensorflow engine is not installed; this run uses the wasm engine. \`npx tandem setup\` installs it (${downloadMegabytes} MB to download), and steps then take a half to a third of the time.`;
}
