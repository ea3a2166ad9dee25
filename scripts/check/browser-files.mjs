// Which files of src/ run in a browser's Web Worker: what its script reaches at run time, as esbuild follows it. The linter
// (eslint.config.js) and the check of imports (.dependency-cruiser.mjs) keep Node out of them.
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
    // What is no file of ours is the check's to judge.
    packages: "external",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "error",
  });
  return Object.keys(metafile.inputs).sort();
}
