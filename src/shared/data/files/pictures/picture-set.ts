// Pictures as samples. If they fit into memory, all are decoded when they are opened; otherwise they are decoded when they are
// gathered, several at a time on sharp's threads, and as many as fit are cached.
import { messageOf, TandemError } from "../../../errors.js";
import { sizeOf } from "../../../network/network.js";
import { MemorySet, type SampleSet, type Samples } from "../../samples.js";
import type { Refuse } from "../bad-data.js";
import { readPictureBytes } from "./picture-bytes.js";
import { decodePicture } from "./picture-decoder.js";
import type { PictureHeader, PictureShape } from "./picture-kinds.js";
import type { PictureFile } from "./picture-folder.js";
import { Slots } from "../slots.js";

/** Pictures in progress at the same time: libuv has four threads, and some of the files are being read. */
const AT_ONCE = 8;
/** A picture with more pixels (before it is resized) counts as several, as some formats can only be decoded completely. */
const PIXELS_OF_ONE = 2 ** 23;

/** A picture's header, and the identity of its file, when it was first read. */
export interface SeenPicture {
  header: PictureHeader;
  identity: string;
}

/** When a complete set is decoded: how many pictures at most are decoded in vain after a damaged one. */
const GROUP_SIZE = 256;

/** Decodes pictures, and accounts for the memory of those that are cached. */
export class PictureReader {
  readonly shape: PictureShape;
  readonly byteLength: number;
  private readonly refuse: Refuse;
  private bytesLeft: number;
  private readonly slots = new Slots(AT_ONCE);
  private readonly seen: ReadonlyMap<string, SeenPicture>;

  /**
   * @param seen all pictures, by path
   * @param cacheBytes how many bytes of pixels may be cached, for all sets together
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

  /** Waits until other pictures have been decoded. @throws what `refuse` throws, naming the file */
  read({ path }: PictureFile): Promise<Uint8Array> {
    const { header, identity } = this.seen.get(path)!;
    return this.slots.run((header.height * header.width) / PIXELS_OF_ONE, async () => {
      try {
        const file = await readPictureBytes(path);
        if (file.identity !== identity) {
          this.refuse(
            path,
            "it was changed while it was in use. Start again, and do not change the data until the run is over.",
          );
        }
        return await decodePicture(file.bytes, this.shape);
      } catch (error) {
        if (error instanceof TandemError) throw error;
        return this.refuse(path, `it cannot be read as a picture (${messageOf(error)}).`, error);
      }
    });
  }

  /** Reserves memory to cache a picture. @returns false if there is none left */
  reserve(): boolean {
    if (this.bytesLeft < this.byteLength) return false;
    this.bytesLeft -= this.byteLength;
    return true;
  }
}

/**
 * Pictures that are decoded when they are needed. The first ones are cached: as each epoch has a new order, no picture is needed
 * sooner than another.
 */
export class PictureSet implements SampleSet {
  private readonly files: readonly PictureFile[];
  private readonly classes: Int32Array;
  private readonly reader: PictureReader;
  private readonly cached = new Map<number, Uint8Array>();

  /** @param classes of the files */
  constructor(files: readonly PictureFile[], classes: Int32Array, reader: PictureReader) {
    this.files = files;
    this.classes = classes;
    this.reader = reader;
  }

  get count(): number {
    return this.files.length;
  }

  /** Bytes of one picture's pixels. */
  get byteLength(): number {
    return this.reader.byteLength;
  }

  async gather(indices: Uint32Array): Promise<Samples> {
    const { byteLength } = this;
    const inputs = new Uint8Array(indices.length * byteLength);
    const place = async (index: number, sample: number) => {
      inputs.set(this.cached.get(index) ?? (await this.decode(index)), sample * byteLength);
    };
    await Promise.all(Array.from(indices, place));
    const targets = Int32Array.from(indices, (index) => this.classes[index]!);
    return { count: indices.length, inputs, targets };
  }

  private async decode(index: number): Promise<Uint8Array> {
    const pixels = await this.reader.read(this.files[index]!);
    if (!this.cached.has(index) && this.reader.reserve()) this.cached.set(index, pixels);
    return pixels;
  }
}

/** Decodes all pictures of a set. @throws as `PictureReader.read` */
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
