// Set-up uses a downloaded file only if it has the expected digest.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { TandemError } from "../shared/errors.js";

const READ_BYTES = 1 << 20;

export interface KnownDigest {
  algorithm: "sha256" | "sha512";
  encoding: "hex" | "base64";
  value: string;
}

/** @param origin where the file came from, for the message @throws TandemError `setup` */
export async function checkDigest(file: string, known: KnownDigest, origin: string): Promise<void> {
  const hash = createHash(known.algorithm);
  const stream = createReadStream(file, { highWaterMark: READ_BYTES });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  const digest = hash.digest(known.encoding);
  if (digest === known.value) return;
  throw new TandemError(
    "setup",
    `${basename(file)} from ${origin} is not the expected file (${known.algorithm} ${digest}, expected ${known.value}) and was deleted. Check which server ${origin} is on this machine.`,
  );
}
