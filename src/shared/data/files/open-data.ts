// What `--data` names → a data source, by what is found there.
import type { RunConfig } from "../../config.js";
import type { DataSource } from "../samples.js";
import { loadIdx } from "./idx-source.js";
import { mnistFolder } from "./mnist.js";

export interface DataOptions {
  /** Training samples that are held out. */
  validationSize: number;
  /** The configuration of a run that goes on, or of a checkpoint: the data is read as it was for that. */
  known?: RunConfig | undefined;
}

/**
 * @param path a file or folder; undefined: MNIST itself, which is installed with Tandem
 * @throws TandemError `data-…` with exit code 2, naming the file (and the row) and what is wrong with it
 */
export function openData(path: string | undefined, options: DataOptions): Promise<DataSource> {
  return Promise.resolve().then(() => loadIdx(path ?? mnistFolder(), options.validationSize));
}
