// Whether the tensorflow engine can be used here, without loading it.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { BINDING } from "./tensorflow.js";

/** True where tfjs-node's native binding has been set up. */
export function isTensorFlowInstalled(): boolean {
  try {
    return existsSync(createRequire(import.meta.url).resolve(BINDING));
  } catch {
    return false;
  }
}
