// The interface of the kinds of data that --data can name: how each is recognized and opened.
import type { RunConfig } from "../../config.js";
import type { DataSource } from "../samples.js";
import type { DataPlace } from "./data-place.js";
import type { PictureSize } from "./pictures/picture-kinds.js";
import type { LabelKind } from "./tables/table-label.js";

export interface DataOptions {
  /** The number of training samples that are held out; undefined: 5,000, at most a tenth of them. */
  validationSize?: number | undefined;
  /** The configuration of a resumed run or a checkpoint: the data is read in the same way. */
  known?: RunConfig | undefined;
  /** Arrays with more bytes of inputs than this are read from their files as needed. Default: 512 MiB */
  maxMemoryBytes?: number | undefined;
  /** For tables: the column to predict. Default: the only one named label, target or class */
  label?: string | undefined;
  /** For tables: what that column contains. Default: inferred from its content */
  labelKind?: LabelKind | undefined;
  /** Pictures are resized to this. Default: the network's input shape if that is known, or the size that all of them have */
  pictureSize?: PictureSize | undefined;
  /** The network's input shape, if it is known before the data. */
  inputShape?: readonly number[] | undefined;
}

export interface DataKind {
  /** In the event `data`. */
  readonly name: string;
  /** What the data consists of, for the message if nothing is recognized. */
  readonly sign: string;
  /** Does not check the data, which is the task of `open`. */
  recognizes(place: DataPlace): boolean;
  /** @throws TandemError `data-…` with exit code 2, naming the file (and the row) and what is wrong with it */
  open(place: DataPlace, options: DataOptions): Promise<DataSource>;
}
