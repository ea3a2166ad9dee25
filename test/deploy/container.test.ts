// The image of deploy/container and the pods of deploy/kubernetes, their processes run in it. It builds an image, which takes
// minutes and some GB, so it runs only on request.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/check/container.mjs", import.meta.url));
const isRequested = (process.env["TANDEM_BUILD_IMAGE"] ?? "") !== "";

test("the image is built, and the pods' processes in it end in the file of `single`", async (context) => {
  context.skip(
    !isRequested,
    "TANDEM_BUILD_IMAGE=1 builds the image (minutes, buildah, debootstrap)",
  );
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT]);
  context.skip(stdout.startsWith("skipped"), stdout.trim());
  expect(stdout).not.toContain("WRONG");
  expect(stdout.match(/^right/gm), stdout).toHaveLength(15);
}, 1_200_000);
