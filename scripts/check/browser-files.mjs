// Finds the files of src/ that run in a browser's Web Worker: those that its script loads at run time, according to esbuild. The
// linter (eslint.config.js) and the check of imports (.dependency-cruiser.mjs) keep Node out of them.
import { buildSync } from "esbuild";

export const BROWSER_WORKER = "src/worker/browser.ts";

/**
 * @param {string} root the repository
 * @returns {string[]} paths from there, with slashes
 */
export function findBrowserFiles(root) {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [BROWSER_WORKER],
    bundle: true,
    // Files that are not ours are left to the check of imports.
    packages: "external",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "error",
  });
  return Object.keys(metafile.inputs).sort();
}
