// The kernels of an instance in a fixed order, so that threads can refer to them by number. Pure.
import type { Kernel } from "./executor.js";

export function kernelsOf(
  exports: Readonly<Record<string, unknown>>,
): { name: string; kernel: Kernel }[] {
  return Object.keys(exports)
    .sort()
    .filter((name) => typeof exports[name] === "function")
    .map((name) => ({ name, kernel: exports[name] as Kernel }));
}
