// Loading libtensorflow reads through most of its file once: symbol names for the dynamic linker, then the registration of
// every op and kernel there is. The 250 MB of pages stay mapped, and count as the process's own resident memory, though
// training comes back to a third of them at most.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Linux, <asm-generic/mman-common.h>. */
const MADV_DONTNEED = 4;

/** A mapping's first line in /proc/PID/smaps (proc(5)) where it is private, never written and has a file; then its figures. */
const READ_ONLY_FILE = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +\/.*\n((?:[A-Z].*\n)*)/gm;

/**
 * Gives mapped pages of files back to the system, which keeps them in its file cache: what is needed again is mapped again
 * at a touch. Only mappings without a page of their own are taken (`Anonymous`), for there alone nothing is lost; what the
 * dynamic linker has written its addresses into is not among them. Does nothing where there is no /proc or no madvise(2).
 */
export function releaseStartUpPages(): void {
  let smaps: string;
  let madvise: (address: bigint, bytes: bigint, advice: number) => number;
  try {
    smaps = readFileSync("/proc/self/smaps", "latin1");
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    madvise = koffi.load(null).func("int madvise(uintptr_t address, size_t bytes, int advice)");
  } catch {
    return;
  }
  for (const [, from, to, figures] of smaps.matchAll(READ_ONLY_FILE)) {
    if (!/^Anonymous: +0 kB$/m.test(figures!)) continue;
    const start = BigInt(`0x${from}`);
    madvise(start, BigInt(`0x${to}`) - start, MADV_DONTNEED);
  }
}
