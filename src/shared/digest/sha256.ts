// SHA-256 as a function that returns at once, which browsers do not have (crypto.subtle answers later, and only on secure
// pages). Node's own is faster, and node-digests.ts puts it in the place of this one.
import { sha256 as sha256InScript } from "@noble/hashes/sha2";

/** A digest that grows with each update. */
export interface Sha256 {
  update(bytes: Uint8Array): unknown;
  /** 32 bytes; to be called once. */
  digest(): Uint8Array;
}

let create: () => Sha256 = () => sha256InScript.create();

/** Another implementation of the same function. */
export function useSha256(implementation: () => Sha256): void {
  create = implementation;
}

export function createSha256(): Sha256 {
  return create();
}

/** @returns 32 bytes. @param text is digested as UTF-8 */
export function sha256OfText(text: string): Uint8Array {
  const digest = create();
  digest.update(new TextEncoder().encode(text));
  return digest.digest();
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
