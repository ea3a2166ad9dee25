// The sentence with which a worker, or a resumed run, is refused because its machine computes different bits. Pure.
import type { RunConfig } from "./config.js";

/** Enough of a fingerprint to tell two apart. */
const SHOWN_DIGITS = 8;

/** @param own the fingerprint of the refused machine @returns a sentence that fits into a close frame (RFC 6455, section 5.5) */
export function mismatchSentence({ engine, numerics }: RunConfig, own: string): string {
  const [here, there] = [own, numerics].map((digest) => digest.slice(0, SHOWN_DIGITS));
  const advice =
    engine.name === "wasm"
      ? "use one version of Tandem"
      : "to mix machines, start the run with --engine wasm";
  return `its results differ in the last bits (numerics ${here}, not ${there}); ${advice}`;
}
