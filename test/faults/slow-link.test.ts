// A worker over 20 Mbit/s used to be disconnected as silent after 10 s, repeatedly, while its state of 39 MB was in transit.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/slow-link.mjs", import.meta.url));
const run = promisify(execFile);

test("a worker over 20 Mbit/s and TLS joins, and is not disconnected while it is sent its state", async () => {
  const { stdout } = await run(process.execPath, [SCRIPT, "--rate", "20mbit", "--tls"]);
  expect(stdout).toMatch(/times cut off +0\n|skipped/);
}, 180_000);
