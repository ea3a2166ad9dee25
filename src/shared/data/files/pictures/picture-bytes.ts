// Reads a picture's file into memory, with an identity that shows later changes.
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { MAX_PICTURE_BYTES } from "./picture-kinds.js";

export interface PictureBytes {
  bytes: Uint8Array;
  /** The same for the same content: device, inode, length and modification time. */
  identity: string;
}

/** @throws the system's error, or if it is not a regular file or too large */
export async function readPictureBytes(path: string): Promise<PictureBytes> {
  // Otherwise opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat({ bigint: true });
    if (!status.isFile()) throw new Error("it is not a regular file");
    if (status.size > MAX_PICTURE_BYTES) throw new Error(`it has ${status.size} bytes`);
    const { dev, ino, size, mtimeNs } = status;
    return { bytes: await file.readFile(), identity: [dev, ino, size, mtimeNs].join(":") };
  } finally {
    await file.close();
  }
}
