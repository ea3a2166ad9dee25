// The formats that a model can be exported to, and what an export consists of. Pure.

export const EXPORT_FORMATS = ["saved-model", "tfjs", "keras", "onnx"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A file of an export, with its path inside the export's folder. */
export interface ExportFile {
  path: string;
  /** The content, in order. */
  pieces: readonly Uint8Array[];
}

/** By which an export is known again. */
export const GENERATOR = "Tandem";
