// A best-fit allocator for an address range that grows at its end. Adjacent free blocks are merged. Equal sequences of calls give
// equal addresses. Pure.

/** All addresses and sizes are multiples of this: a cache line, or four vectors. */
export const ALIGNMENT = 64;

export function alignUp(byteLength: number): number {
  return Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
}

interface FreeBlock {
  at: number;
  end: number;
}

export class BlockAllocator {
  private top: number;
  /** Sorted by address. */
  private readonly free: FreeBlock[] = [];

  /** @param start the range's first address */
  constructor(start: number) {
    this.top = alignUp(start);
  }

  /** One past the last byte that has ever been used. */
  get end(): number {
    return this.top;
  }

  /** @returns the address; an empty block has one too */
  allocate(byteLength: number): number {
    const needed = sizeOfBlock(byteLength);
    let best: FreeBlock | undefined;
    for (const block of this.free) {
      const length = block.end - block.at;
      if (length >= needed && (!best || length < best.end - best.at)) best = block;
    }
    return best ? this.take(best, needed) : this.extend(needed);
  }

  /** @param byteLength as it was allocated */
  release(at: number, byteLength: number): void {
    let index = this.free.findIndex((block) => block.at > at);
    if (index < 0) index = this.free.length;
    this.free.splice(index, 0, { at, end: at + sizeOfBlock(byteLength) });
    this.joinWithNext(index);
    if (index > 0) this.joinWithNext(index - 1);
  }

  private take(block: FreeBlock, byteLength: number): number {
    const { at } = block;
    block.at += byteLength;
    if (block.at === block.end) this.free.splice(this.free.indexOf(block), 1);
    return at;
  }

  /** Extends the range. If its last block is free, that is used too. */
  private extend(byteLength: number): number {
    const last = this.free.at(-1);
    const at = last?.end === this.top ? last.at : this.top;
    if (at < this.top) this.free.pop();
    this.top = at + byteLength;
    return at;
  }

  private joinWithNext(index: number): void {
    const block = this.free[index]!;
    const next = this.free[index + 1];
    if (block.end !== next?.at) return;
    block.end = next.end;
    this.free.splice(index + 1, 1);
  }
}

/** Empty blocks have distinct addresses, so that each can be released. */
function sizeOfBlock(byteLength: number): number {
  return Math.max(ALIGNMENT, alignUp(byteLength));
}
