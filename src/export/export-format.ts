// The formats that a model can be exported to, and the files of an export. Pure.

export const EXPORT_FORMATS = ["saved-model", "tfjs", "keras", "onnx"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A file of an export, with its path inside the export's folder. */
export interface ExportFile {
  path: string;
  /** The content, to be written one after the other. */
  pieces: readonly Uint8Array[];
}

/** Written into exports, so that an earlier one is recognized before it is replaced. */
export const GENERATOR = "Tandem";
