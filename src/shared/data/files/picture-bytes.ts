// A picture's file in memory, and what tells whether it is still the same file.
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { MAX_PICTURE_BYTES } from "./picture-kinds.js";

export interface PictureBytes {
  bytes: Uint8Array;
  /** The same for the same content: device, file, length and time of the last change. */
  identity: string;
}

/** @throws the system's error, or that it is no regular file or a too large one */
export async function readPictureBytes(path: string): Promise<PictureBytes> {
  // A named pipe would wait for somebody to write to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await file.stat({ bigint: true });
    if (!status.isFile()) throw new Error("it is no regular file");
    if (status.size > MAX_PICTURE_BYTES) throw new Error(`it has ${status.size} bytes`);
    const { dev, ino, size, mtimeNs } = status;
    return { bytes: await file.readFile(), identity: [dev, ino, size, mtimeNs].join(":") };
  } finally {
    await file.close();
  }
}
