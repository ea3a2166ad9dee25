// The bytes of a file or of a part of it, on disk or in memory.
import {
  close as closeFd,
  constants,
  fstatSync,
  open as openFd,
  type BigIntStats,
  read as readFd,
} from "node:fs";
import { promisify } from "node:util";
import { messageOf, TandemError } from "../../errors.js";
import { pathText } from "./data-place.js";

/** Read with one call when a source is read completely. */
const CHUNK_BYTES = 4 * 2 ** 20;

export interface ByteSource {
  /** For messages: the file, and the part. */
  readonly name: string;
  readonly byteLength: number;
  /** If all of it is in memory. */
  readonly bytes?: Uint8Array;
  /** Of all of it, if its container stores one. */
  readonly crc32?: number;
  /** Fills `target`. @throws TandemError `data-file-damaged`, `data-file-missing` */
  read(target: Uint8Array, offset: number): Promise<void>;
  /** Fills several arrays from several offsets, in any order. Rejects like `read`. */
  readAll(parts: readonly ReadPart[]): Promise<void>;
}

export interface ReadPart {
  target: Uint8Array;
  offset: number;
}

export class MemoryBytes implements ByteSource {
  readonly name: string;
  readonly bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  read(target: Uint8Array, offset: number): Promise<void> {
    target.set(this.bytes.subarray(offset, offset + target.length));
    return Promise.resolve();
  }

  async readAll(parts: readonly ReadPart[]): Promise<void> {
    for (const { target, offset } of parts) await this.read(target, offset);
  }
}

/** An open file. It must not be changed while it is open. */
export class DiskFile {
  readonly path: string;
  private readonly fd: number;
  private readonly opened: BigIntStats;
  private isOpen = true;
  private openReads = 0;
  private onIdle: () => void = () => undefined;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
    this.opened = fstatSync(fd, { bigint: true });
  }

  /** @throws TandemError `data-file-missing` */
  static async open(path: string): Promise<DiskFile> {
    try {
      // Otherwise opening a named pipe would wait for a writer.
      const fd = await promisify(openFd)(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const file = new DiskFile(path, fd);
      if (file.opened.isFile()) return file;
      await file.close();
      throw new Error("it is not a regular file");
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  get byteLength(): number {
    return Number(this.opened.size);
  }

  /** The same for the same content: device, inode, length and modification time. */
  get identity(): string {
    const { dev, ino, size, mtimeNs } = this.opened;
    return [dev, ino, size, mtimeNs].join(":");
  }

  get changedAtMs(): number {
    return Number(this.opened.mtimeMs);
  }

  /** @throws TandemError `data-file-damaged` if the file was written to since it was opened */
  checkUnchanged(): void {
    if (!this.isOpen) throw closed(this.path);
    const { size, mtimeNs } = fstatSync(this.fd, { bigint: true });
    if (size === this.opened.size && mtimeNs === this.opened.mtimeNs) return;
    throw new TandemError(
      "data-file-damaged",
      `${pathText(this.path)} was changed while it was in use. Start again, and do not change the data until the run is over.`,
    );
  }

  /** Starts all reads at the same time: the operating system sorts them, and libuv runs four at a time. */
  readAll(parts: readonly ReadPart[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let openCount = parts.length;
      if (openCount === 0) resolve();
      const done = (error?: Error) => {
        if (error) reject(error);
        else if (--openCount === 0) resolve();
      };
      for (const { target, offset } of parts) this.readPart(target, offset, done);
    });
  }

  /** Waits for the reads in progress, as a closed descriptor may be reused for another file. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.openReads > 0) await new Promise<void>((resolve) => (this.onIdle = resolve));
    await promisify(closeFd)(this.fd);
  }

  private readPart(target: Uint8Array, position: number, done: (error?: Error) => void): void {
    if (!this.isOpen) {
      done(closed(this.path));
      return;
    }
    this.openReads++;
    readFd(this.fd, target, 0, target.length, position, (error, count) => {
      if (--this.openReads === 0 && !this.isOpen) this.onIdle();
      if (error) done(unreadable(this.path, error));
      else if (count === target.length) done();
      else if (count === 0) done(cutShort(this.path));
      else this.readPart(target.subarray(count), position + count, done);
    });
  }
}

/** A part of an open file. */
export class DiskBytes implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly file: DiskFile;
  readonly crc32?: number;
  private readonly from: number;

  constructor(
    file: DiskFile,
    part: { name?: string; from?: number; byteLength?: number; crc32?: number } = {},
  ) {
    this.file = file;
    this.name = part.name ?? pathText(file.path);
    this.from = part.from ?? 0;
    this.byteLength = part.byteLength ?? file.byteLength - this.from;
    if (part.crc32 !== undefined) this.crc32 = part.crc32;
  }

  read(target: Uint8Array, offset: number): Promise<void> {
    return this.readAll([{ target, offset }]);
  }

  async readAll(parts: readonly ReadPart[]): Promise<void> {
    this.file.checkUnchanged();
    await this.file.readAll(
      parts.map(({ target, offset }) => ({ target, offset: this.from + offset })),
    );
  }
}

/** Loads a source into memory. A checksum of its container is not checked. */
export async function loadBytes(source: ByteSource): Promise<ByteSource> {
  if (source.bytes) return source;
  const bytes = new Uint8Array(source.byteLength);
  await source.readAll(
    chunksOf(0, bytes.length).map(({ from, to }) => {
      return { target: bytes.subarray(from, to), offset: from };
    }),
  );
  const { crc32 } = source;
  const loaded = new MemoryBytes(source.name, bytes);
  return crc32 === undefined ? loaded : Object.assign(loaded, { crc32 });
}

/**
 * Reads from `offset` to the end in chunks of a multiple of 8 bytes; each is read while the previous one is processed. A chunk is
 * valid until the next one is requested.
 */
export async function* readChunks(source: ByteSource, offset: number): AsyncGenerator<Uint8Array> {
  const parts = chunksOf(offset, source.byteLength);
  if (source.bytes) {
    for (const { from, to } of parts) yield source.bytes.subarray(from, to);
    return;
  }
  const buffers = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  const begin = async (index: number) => {
    const part = parts[index];
    if (!part) return new Uint8Array();
    const chunk = buffers[index % 2]!.subarray(0, part.to - part.from);
    await source.read(chunk, part.from);
    return chunk;
  };
  let next = begin(0);
  for (let index = 0; index < parts.length; index++) {
    const chunk = await next;
    next = begin(index + 1);
    // It is awaited above. If the caller stops earlier, its failure is ignored.
    next.catch(() => undefined);
    yield chunk;
  }
}

function chunksOf(from: number, to: number): { from: number; to: number }[] {
  return Array.from({ length: Math.ceil((to - from) / CHUNK_BYTES) }, (_, index) => {
    const begin = from + index * CHUNK_BYTES;
    return { from: begin, to: Math.min(begin + CHUNK_BYTES, to) };
  });
}

function unreadable(path: string, error: unknown): TandemError {
  return new TandemError(
    "data-file-missing",
    `${pathText(path)} cannot be read (${messageOf(error)}). Check its permissions and the disk.`,
    { cause: error },
  );
}

function closed(path: string): TandemError {
  return new TandemError(
    "data-file-missing",
    `${pathText(path)} was closed with its data source. Open the data again.`,
  );
}

function cutShort(path: string): TandemError {
  return new TandemError(
    "data-file-damaged",
    `${pathText(path)} has become shorter while it was read. Start again, and do not change the data until the run is over.`,
  );
}
