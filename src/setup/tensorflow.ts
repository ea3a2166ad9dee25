// Installs the tensorflow engine into the user's cache: libtensorflow from the tensorflow-cpu wheel, and tfjs-node's binding
// built against it. `tandem setup` and the set-up of a clone (scripts/setup.mjs) call it.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bindingFolder,
  cacheFolder,
  isLibraryComplete,
  isTensorFlowInstalled,
  LIBRARIES,
  libraryFolder,
  WHEEL,
} from "../shared/engine/tensorflow/installation.js";
import { TandemError } from "../shared/errors.js";
import { bindingLoads, installBinding } from "./binding.js";
import { createOnce, prepareCache } from "./cache.js";
import { say } from "./report.js";
import { checkPlatform, checkRequirements } from "./requirements.js";
import { installWheel, megabytes } from "./wheel.js";

/**
 * Takes a second if everything is in place.
 * @returns whether anything had to be installed
 * @throws TandemError `setup`: what is missing, and how to supply it
 */
export async function installTensorFlow(): Promise<boolean> {
  if (isTensorFlowInstalled() && (await bindingLoads())) return false;
  checkPlatform();
  prepareCache();
  const needsLibrary = !isLibraryComplete(libraryFolder());
  const compiler = await checkRequirements(needsLibrary);
  if (needsLibrary) announce();
  await createOnce(libraryFolder(), isLibraryComplete, async (folder) => {
    await installWheel(folder);
    if (!isLibraryComplete(folder)) {
      throw new TandemError("setup", "The wheel does not contain the expected library.");
    }
  });
  // A binding that does not load was built on another system, against another C library.
  if (isTensorFlowInstalled()) rmSync(bindingFolder(), { recursive: true, force: true });
  await installBinding(compiler);
  if (!(await bindingLoads())) {
    throw new TandemError(
      "setup",
      `The binding was built but does not load. The cause: node -e "require('${bindingFolder()}/tfjs_binding.node')"`,
    );
  }
  const note =
    "Created by Tandem's set-up. You can delete this folder; `npx tandem setup` creates it again.\n";
  writeFileSync(join(cacheFolder(), "README"), note);
  return true;
}

function announce(): void {
  const unpackedBytes = Object.values(LIBRARIES).reduce((sum, byteLength) => sum + byteLength, 0);
  say(
    `Installing the tensorflow engine into ${cacheFolder()}, once for all projects: ${megabytes(WHEEL.byteLength)} MB to download with pip, ${megabytes(unpackedBytes)} MB unpacked, and a binding to compile. It takes one to three minutes.`,
  );
}
