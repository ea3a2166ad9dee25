// A worker over 20 Mbit/s was cut off after 10 s as silent, while its state of 39 MB was on the way, again and again.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/slow-link.mjs", import.meta.url));
const run = promisify(execFile);

test("a worker over 20 Mbit/s and TLS joins, and is not cut off while it is sent its state", async () => {
  const { stdout } = await run(process.execPath, [SCRIPT, "--rate", "20mbit", "--tls"]);
  expect(stdout).toMatch(/times cut off +0\n|skipped/);
}, 180_000);
