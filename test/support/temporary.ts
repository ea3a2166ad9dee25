// All that tests and the processes they start put into the temporary folder goes into one folder, removed at the end of the
// run, whatever fails.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Run by vitest before all tests; what it returns, after them. */
export default function setUp(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "tandem-test-"));
  // What os.tmpdir() gives, here and in every process that is started from here.
  process.env["TMPDIR"] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
