// Allocates a thread's scratch memory, from its start on.

const ALIGNMENT: usize = 64;

@unmanaged
export class Scratch {
  /** The first free byte. */
  private next: usize;

  /** @param start a multiple of 64; the first 64 bytes hold this object */
  // @ts-ignore: decorator
  @inline
  static at(start: usize): Scratch {
    const scratch = changetype<Scratch>(start);
    scratch.next = start + ALIGNMENT;
    return scratch;
  }

  /** @returns the address of `byteLength` free bytes, a multiple of 64 */
  take(byteLength: usize): usize {
    const start = this.next;
    this.next = start + ((byteLength + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
    return start;
  }
}
