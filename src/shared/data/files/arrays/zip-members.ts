// Opens members of a zip archive. Stored members stay in the file; deflated members are unpacked in memory, up to the length in the
// archive's directory. yauzl reads the archive's structure; it supports zip64 and refuses names that lead out of a folder.
import { closeSync, openSync } from "node:fs";
import { type Entry, fromFdPromise, type ZipFile } from "yauzl";
import { messageOf, TandemError } from "../../../errors.js";
import { damagedArray } from "./array-header.js";
import { type ByteSource, DiskBytes, type DiskFile, MemoryBytes } from "../byte-source.js";
import { pathText } from "../data-place.js";
import { ARRAY_HEADER_BYTES, MAX_DEFLATE_RATIO, MAX_UNPACKED_BYTES } from "./stored-array.js";

/** An archive of arrays has only a few. */
const MAX_MEMBERS = 1000;

const STORED = 0;
const DEFLATED = 8;

/** @throws if a member with this beginning and length is invalid */
export type CheckBeginning = (name: string, beginning: Uint8Array, byteLength: number) => void;

/**
 * @param choose receives the names of all members, and returns those to open
 * @param check called before a packed member is unpacked beyond its first `ARRAY_HEADER_BYTES`
 * @returns by name
 * @throws TandemError `data-file-damaged`, `data-format`, naming archive and member
 */
export async function readZipMembers(
  file: DiskFile,
  choose: (names: readonly string[]) => readonly string[],
  check: CheckBeginning,
): Promise<ReadonlyMap<string, ByteSource>> {
  const archive = pathText(file.path);
  let zip: ZipFile | undefined;
  try {
    zip = await openZip(file.path);
    const entries = await listEntries(zip, archive);
    const members = new Map<string, ByteSource>();
    let unpackedBytes = 0;
    for (const name of choose([...entries.keys()])) {
      const entry = entries.get(name);
      if (!entry) continue;
      if (entry.compressionMethod !== STORED) unpackedBytes += entry.uncompressedSize;
      checkEntry(archive, entry, unpackedBytes);
      members.set(name, await readMember(zip, file, entry, check));
    }
    return members;
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw damagedArray(archive, `it cannot be read as a zip archive (${messageOf(error)})`, error);
  } finally {
    zip?.close();
  }
}

/** Uses a separate descriptor, which yauzl closes, because the file's own stays open longer. */
async function openZip(path: string): Promise<ZipFile> {
  const fd = openSync(path, "r");
  try {
    return await fromFdPromise(fd, { autoClose: false, strictFileNames: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function listEntries(zip: ZipFile, archive: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  if (zip.entryCount > MAX_MEMBERS) {
    throw damagedArray(archive, `${zip.entryCount} members; at most ${MAX_MEMBERS} are read`);
  }
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) {
      throw damagedArray(archive, `it has two members with the name ${pathText(entry.fileName)}`);
    }
    entries.set(entry.fileName, entry);
  }
  return entries;
}

function checkEntry(archive: string, entry: Entry, unpackedBytes: number): void {
  const { compressionMethod, compressedSize, uncompressedSize } = entry;
  const name = nameOf(archive, entry.fileName);
  if (entry.isEncrypted()) {
    throw new TandemError("data-format", `${name}: it is encrypted. Save it without a password.`);
  }
  if (compressionMethod === STORED) return;
  if (compressionMethod !== DEFLATED) {
    throw new TandemError(
      "data-format",
      `${name}: it is packed with method ${compressionMethod}. Use np.savez or np.savez_compressed.`,
    );
  }
  if (uncompressedSize > MAX_DEFLATE_RATIO * compressedSize) {
    throw damagedArray(name, `${compressedSize} bytes cannot unpack to ${uncompressedSize}`);
  }
  if (unpackedBytes > MAX_UNPACKED_BYTES) {
    throw new TandemError(
      "data-format",
      `${name}: the arrays of this archive unpack to more than ${MAX_UNPACKED_BYTES} bytes, which is too much for memory. Save them with np.savez, which does not pack, or as .npy files.`,
    );
  }
}

async function readMember(
  zip: ZipFile,
  file: DiskFile,
  entry: Entry,
  check: CheckBeginning,
): Promise<ByteSource> {
  const name = nameOf(pathText(file.path), entry.fileName);
  const { crc32, uncompressedSize } = entry;
  if (entry.compressionMethod === STORED) {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    return new DiskBytes(file, {
      ...{ name, crc32 },
      ...{ from: fileDataStart, byteLength: uncompressedSize },
    });
  }
  // The stream fails if its length is not the one in the archive's directory.
  const bytes = new Uint8Array(uncompressedSize);
  const headerBytes = Math.min(ARRAY_HEADER_BYTES, uncompressedSize);
  let count = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    const isHeaderDue = count < headerBytes && count + chunk.length >= headerBytes;
    bytes.set(chunk, count);
    count += chunk.length;
    if (isHeaderDue) check(name, bytes.subarray(0, headerBytes), uncompressedSize);
  }
  return Object.assign(new MemoryBytes(name, bytes), { crc32 });
}

function nameOf(archive: string, member: string): string {
  return `${archive} (${pathText(member)})`;
}
