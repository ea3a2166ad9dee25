// Assigns work memory to tensors that only the run itself needs: a tensor's memory is free after its last reader, and an op that
// may overwrite an input reuses its memory if nothing else reads it. Pure.
import { BlockAllocator } from "./block-allocator.js";
import type { Operand } from "./launch.js";
import { overwritableInputs } from "./lower.js";
import { lowerOp, type Slot, type Step, type Storage } from "./plan-steps.js";

/** Sets the offsets of the steps' storages and reservations. @returns the size of the work memory */
export function placeSteps(steps: readonly Step[]): number {
  const allocator = new BlockAllocator(0);
  const readers = countReaders(steps);
  const release = ({ home, offset, byteLength }: Storage) => {
    if (home.kind === "work" && offset !== undefined) allocator.release(offset, byteLength);
  };
  for (const step of steps) {
    const inputs = step.inputs.map(({ storage }) => storage);
    const overwritten = findOverwritten(step, readers);
    for (const [index, { storage }] of step.outputs.entries()) {
      if (storage.home.kind !== "work" || storage.offset !== undefined) continue;
      storage.offset =
        index === 0 && overwritten ? overwritten.offset! : allocator.allocate(storage.byteLength);
    }
    const reservations = measureReservations(step);
    for (const byteLength of reservations) step.reserved.push(allocator.allocate(byteLength));
    step.reserved.forEach((offset, index) => {
      allocator.release(offset, reservations[index]!);
    });
    for (const storage of inputs) {
      const left = readers.get(storage)! - 1;
      readers.set(storage, left);
      if (left === 0 && storage !== overwritten) release(storage);
    }
    for (const { storage } of step.outputs) if (!readers.has(storage)) release(storage);
  }
  return allocator.end;
}

function countReaders(steps: readonly Step[]): Map<Storage, number> {
  const readers = new Map<Storage, number>();
  for (const { storage } of steps.flatMap(({ inputs }) => inputs)) {
    readers.set(storage, (readers.get(storage) ?? 0) + 1);
  }
  return readers;
}

/** The input whose memory the first output reuses, because this step is its last reader. */
function findOverwritten(
  { op, inputs, outputs }: Step,
  readers: ReadonlyMap<Storage, number>,
): Storage | undefined {
  if (op.kind === "copy" || outputs[0]?.storage.home.kind !== "work") return undefined;
  const { byteLength } = outputs[0].storage;
  return overwritableInputs(op)
    .map((index) => inputs[index]!.storage)
    .find((storage) => {
      const uses = inputs.filter((input) => input.storage === storage).length;
      const isLastUse = readers.get(storage) === uses && storage.home.kind === "work";
      return isLastUse && storage.byteLength === byteLength;
    });
}

/** In bytes, in the order of the step's calls of `reserve`. */
function measureReservations(step: Step): number[] {
  const reservations: number[] = [];
  const operand = ({ shape }: Slot): Operand => ({ pointer: 0, shape });
  lowerOp(step.op, {
    inputs: step.inputs.map(operand),
    outputs: step.outputs.map(operand),
    reserve: (byteLength) => {
      reservations.push(byteLength);
      return 0;
    },
  });
  return reservations;
}
