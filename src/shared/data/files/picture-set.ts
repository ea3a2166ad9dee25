// Pictures as samples: all decoded when they are opened where they fit into memory, else decoded when they are gathered, several at
// a time on sharp's threads, with as many kept as fit.
import { messageOf, TandemError } from "../../errors.js";
import { sizeOf } from "../../network/network.js";
import { MemorySet, type SampleSet, type Samples } from "../samples.js";
import type { Refuse } from "./bad-data.js";
import { readPictureBytes } from "./picture-bytes.js";
import { decodePicture } from "./picture-decoder.js";
import type { PictureHeader, PictureShape } from "./picture-kinds.js";
import type { PictureFile } from "./picture-folder.js";
import { Slots } from "./slots.js";

/** Pictures that are decoded at the same time: libuv has four threads, and files are read beside. */
const AT_ONCE = 8;
/** A picture of more pixels (before it is resized) counts as several: some formats can only be decoded in one piece. */
const PIXELS_OF_ONE = 2 ** 23;

/** A picture's file as it was looked at first. */
export interface SeenPicture {
  header: PictureHeader;
  identity: string;
}

/** Of a set that is decoded as a whole: after a damaged picture no more than these are decoded in vain. */
const GROUP_SIZE = 256;

/** Pixels of pictures, decoded again and again or once. */
export class PictureReader {
  readonly shape: PictureShape;
  readonly byteLength: number;
  private readonly refuse: Refuse;
  private bytesLeft: number;
  private readonly slots = new Slots(AT_ONCE);
  private readonly seen: ReadonlyMap<string, SeenPicture>;

  /**
   * @param seen by path, all pictures that are read
   * @param cacheBytes how many bytes of pixels are kept, of all sets together
   */
  constructor(
    shape: PictureShape,
    seen: ReadonlyMap<string, SeenPicture>,
    cacheBytes: number,
    refuse: Refuse,
  ) {
    this.shape = shape;
    this.seen = seen;
    this.byteLength = sizeOf(shape);
    this.bytesLeft = cacheBytes;
    this.refuse = refuse;
  }

  /** Waits while others are decoded. @throws what `refuse` throws, naming the file */
  read({ path }: PictureFile): Promise<Uint8Array> {
    const { header, identity } = this.seen.get(path)!;
    return this.slots.run((header.height * header.width) / PIXELS_OF_ONE, async () => {
      try {
        const file = await readPictureBytes(path);
        if (file.identity !== identity) {
          this.refuse(
            path,
            "it was changed while it was in use. Start again, and leave the data as it is until the run is over.",
          );
        }
        return await decodePicture(file.bytes, this.shape);
      } catch (error) {
        if (error instanceof TandemError) throw error;
        return this.refuse(path, `it is no picture that can be read (${messageOf(error)}).`, error);
      }
    });
  }

  /** Whether a picture may be kept; if so, its place is taken. */
  reserve(): boolean {
    if (this.bytesLeft < this.byteLength) return false;
    this.bytesLeft -= this.byteLength;
    return true;
  }
}

/**
 * Pictures that are decoded when they are needed. The first ones are kept: in an order that is new in each epoch, none is needed
 * sooner than another.
 */
export class PictureSet implements SampleSet {
  private readonly files: readonly PictureFile[];
  private readonly classes: Int32Array;
  private readonly reader: PictureReader;
  private readonly kept = new Map<number, Uint8Array>();

  /** @param classes of the files */
  constructor(files: readonly PictureFile[], classes: Int32Array, reader: PictureReader) {
    this.files = files;
    this.classes = classes;
    this.reader = reader;
  }

  get count(): number {
    return this.files.length;
  }

  /** Of one picture's pixels. */
  get byteLength(): number {
    return this.reader.byteLength;
  }

  async gather(indices: Uint32Array): Promise<Samples> {
    const { byteLength } = this;
    const inputs = new Uint8Array(indices.length * byteLength);
    const place = async (index: number, sample: number) => {
      inputs.set(this.kept.get(index) ?? (await this.decode(index)), sample * byteLength);
    };
    await Promise.all(Array.from(indices, place));
    const targets = Int32Array.from(indices, (index) => this.classes[index]!);
    return { count: indices.length, inputs, targets };
  }

  private async decode(index: number): Promise<Uint8Array> {
    const pixels = await this.reader.read(this.files[index]!);
    if (!this.kept.has(index) && this.reader.reserve()) this.kept.set(index, pixels);
    return pixels;
  }
}

/** All pictures of a set, decoded. @throws as `PictureReader.read` */
export async function decodeAll(set: PictureSet): Promise<MemorySet> {
  const { count, byteLength } = set;
  const inputs = new Uint8Array(count * byteLength);
  const targets = new Int32Array(count);
  for (let from = 0; from < count; from += GROUP_SIZE) {
    const length = Math.min(GROUP_SIZE, count - from);
    const indices = Uint32Array.from({ length }, (_, index) => from + index);
    const group = await set.gather(indices);
    inputs.set(group.inputs, from * byteLength);
    targets.set(group.targets, from);
  }
  return new MemorySet({ count, inputs, targets });
}
