// Checks first that a browser has the features that computing needs, so that a missing one is reported in plain words.
import { webAssembly } from "../shared/engine/wasm/webassembly.js";

/** (func (result v128) (i32x4.splat (i32.const 0))), in the binary format of WebAssembly (section 5). */
const SIMD_MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Type section: one function type, () → v128.
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
  // Function section: one function of this type.
  ...[0x03, 0x02, 0x01, 0x00],
  // Code section: i32.const 0, i32x4.splat, end.
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x11, 0x0b],
);

/** @returns a sentence about the missing feature; undefined if nothing is missing */
export function missingFeature(): string | undefined {
  if (!isLittleEndian()) {
    return "This machine stores numbers with the highest byte first (big-endian); Tandem computes on little-endian machines only.";
  }
  if (typeof webAssembly !== "object") {
    return "This browser has no WebAssembly, or it is switched off.";
  }
  try {
    new webAssembly.Module(SIMD_MODULE);
  } catch {
    return "This browser has no WebAssembly SIMD, or the page may not use it. Update the browser: Chrome 91, Firefox 89 and Safari 16.4 have it.";
  }
  return undefined;
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
}
