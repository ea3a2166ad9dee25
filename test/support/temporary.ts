// All that tests and the processes they start put into the temporary folder goes into one folder, removed at the end of the
// run, whatever fails.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { hasTensorFlow } from "./engines.js";

const PREFIX = "tandem-test-";

/** Run by vitest before all tests, once for each project; what it returns, after them. */
export default function setUp(): (() => void) | undefined {
  // One folder, not one in the other: sockets of daemons that are tested lie in it, and their paths have 107 characters at most.
  if (basename(tmpdir()).startsWith(PREFIX)) return undefined;
  if (!hasTensorFlow) {
    process.stderr.write(
      "The tensorflow engine is not installed (npx tandem setup): its tests are skipped, and the others use the wasm engine.\n",
    );
  }
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // What os.tmpdir() gives, here and in every process that is started from here.
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
