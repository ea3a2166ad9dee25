// The one sentence for machines whose engines compute other bits: for refusals of workers and of resuming. Pure.
import type { RunConfig } from "./config.js";

/** Of a fingerprint, enough to tell two apart. */
const SHOWN_DIGITS = 8;

/** @param own the fingerprint of the machine that differs @returns short enough for a close frame (RFC 6455, section 5.5) */
export function mismatchSentence({ engine, numerics }: RunConfig, own: string): string {
  const [here, there] = [own, numerics].map((digest) => digest.slice(0, SHOWN_DIGITS));
  const advice =
    engine.name === "wasm"
      ? "use one version of Tandem"
      : "to mix machines, start the run with --engine wasm";
  return `its results differ in the last bits (numerics ${here}, not ${there}); ${advice}`;
}
