// Imported for its side effect: makes checksums and digests use Node's own functions, which are faster.
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { useCrc32 } from "./crc32.js";
import { useSha256 } from "./sha256.js";

useCrc32(crc32);
useSha256(() => createHash("sha256"));
