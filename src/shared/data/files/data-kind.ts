// What every kind of data that --data can name has in common: a sign by which it is recognized, and how it is opened.
import type { RunConfig } from "../../config.js";
import type { DataSource } from "../samples.js";
import type { DataPlace } from "./data-place.js";
import type { PictureSize } from "./pictures/picture-kinds.js";
import type { LabelKind } from "./tables/table-label.js";

export interface DataOptions {
  /** Training samples that are held out; undefined: 5,000, at most a tenth of them. */
  validationSize?: number | undefined;
  /** The configuration of a run that goes on, or of a checkpoint: the data is read as it was for that. */
  known?: RunConfig | undefined;
  /** Arrays with more bytes of inputs than this are read from their files as they are needed. Default: 512 MiB */
  maxMemoryBytes?: number | undefined;
  /** Of a table: the column that is to be predicted. Default: the only one called label, target or class */
  label?: string | undefined;
  /** Of a table: what that column holds. Default: by what is in it */
  labelKind?: LabelKind | undefined;
  /** Pictures are resized to this. Default: the network's input, where that is given, or the size that all of them have */
  pictureSize?: PictureSize | undefined;
  /** Of the network, where it is known before the data. */
  inputShape?: readonly number[] | undefined;
}

export interface DataKind {
  /** In the event `data`. */
  readonly name: string;
  /** What it consists of, for the message where nothing is recognized. */
  readonly sign: string;
  /** By what is there alone: what is wrong with it is said by `open`. */
  recognizes(place: DataPlace): boolean;
  /** @throws TandemError `data-…` with exit code 2, naming the file (and the row) and what is wrong with it */
  open(place: DataPlace, options: DataOptions): Promise<DataSource>;
}
