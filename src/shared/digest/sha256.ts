// Synchronous SHA-256. Browsers have none (crypto.subtle is asynchronous, and only available on secure pages). Node's own is
// faster; node-digests.ts installs it.
import { sha256 as sha256InScript } from "@noble/hashes/sha2";

/** An incremental digest. */
export interface Sha256 {
  update(bytes: Uint8Array): unknown;
  /** 32 bytes. Call it once. */
  digest(): Uint8Array;
}

let create: () => Sha256 = () => sha256InScript.create();

/** Installs another implementation. */
export function useSha256(implementation: () => Sha256): void {
  create = implementation;
}

export function createSha256(): Sha256 {
  return create();
}

/** @returns the 32 bytes of the digest of the text as UTF-8 */
export function sha256OfText(text: string): Uint8Array {
  const digest = create();
  digest.update(new TextEncoder().encode(text));
  return digest.digest();
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
