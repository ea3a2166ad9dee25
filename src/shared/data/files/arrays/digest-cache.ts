// Caches the digests of large data sets, so that a set of 20 GB is not read completely before every run. Entries are small JSON
// files in Tandem's folder in the user's cache. An entry is valid if device, inode, length and modification time of all files are
// the same. Otherwise, or if an entry is damaged, the digest is computed again.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { cacheFolder } from "../../../cache-folder.js";
import { writeAtomically } from "../../../checkpoint/atomic-write.js";
import type { DiskFile } from "../byte-source.js";

const FORMAT = "tandem-data-digest/1";

/**
 * File systems round times, so a file that was changed shortly before it was read may have been changed again without a new
 * modification time (Git calls such files racily clean).
 */
const SETTLED_MS = 3_000;

const entrySchema = z.strictObject({
  format: z.literal(FORMAT),
  files: z
    .array(z.strictObject({ path: z.string(), identity: z.string() }))
    .min(1)
    .max(8),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

type Entry = z.infer<typeof entrySchema>;

/**
 * @param files all files of the set, open
 * @param compute reads and checks them
 * @param nowMs the wall-clock time before `compute`
 */
export async function cachedDigest(
  files: readonly DiskFile[],
  compute: () => Promise<string>,
  nowMs = Date.now(),
): Promise<string> {
  const identities = files.map(({ path, identity }) => ({ path: resolve(path), identity }));
  const file = entryFile(identities);
  const known = readEntry(file);
  if (known && JSON.stringify(known.files) === JSON.stringify(identities)) return known.digest;
  const digest = await compute();
  for (const each of files) each.checkUnchanged();
  if (files.every(({ changedAtMs }) => changedAtMs < nowMs - SETTLED_MS)) {
    await writeEntry(file, { format: FORMAT, files: identities, digest });
  }
  return digest;
}

/** Named after the paths, so that a changed set replaces its entry. */
function entryFile(files: Entry["files"]): string {
  const paths = JSON.stringify(files.map(({ path }) => path));
  const name = createHash("sha256").update(paths).digest("hex").slice(0, 32);
  return join(cacheFolder(), "data", `${name}.json`);
}

function readEntry(file: string): Entry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

async function writeEntry(file: string, entry: Entry): Promise<void> {
  try {
    mkdirSync(join(cacheFolder(), "data"), { recursive: true });
    await writeAtomically(file, [new TextEncoder().encode(`${JSON.stringify(entry)}\n`)]);
  } catch {
    // Without a cache entry, the set is read again.
  }
}
