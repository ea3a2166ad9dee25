// Finds the files of src/ that are pure: their results depend only on their arguments, so they use no socket, file, clock, timer
// or engine. The linter (eslint.config.js) and the check of imports (.dependency-cruiser.mjs) both use this list.
// A file is pure if it is in one of these places or its opening comment says so ("Pure." or "Pure: the time is passed in").
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PURE_PLACES = [
  /^src\/shared\/(statistics|network|graph|optimizer)\//,
  /^src\/shared\/digest\//,
  /^src\/shared\/(concat|config|errors|evaluation|protobuf|random|run-layout|text)\.ts$/,
  /^src\/shared\/data\/(augment\w*|files\/arrays\/idx|sampler|samples|table)\.ts$/,
  /^src\/shared\/protocol\/(?!(ws-)?transport)/,
  /^src\/shared\/engine\/wasm\/(launch|lower[\w-]*|plan)\.ts$/,
  /^src\/shared\/engine\/tensorflow\/(graph-def|lower[\w-]*)\.ts$/,
  /^src\/coordinator\/(aggregate|step-plan)\.ts$/,
  /^src\/coordinator\/workers\/(schedule|tasks)\.ts$/,
];

/** The lines at the start of a file in which it may call itself pure. */
const OPENING_LINES = 12;

/** @param {string} text */
function callsItselfPure(text) {
  const opening = text.split("\n").slice(0, OPENING_LINES);
  return opening.some((line) => line.startsWith("//") && /\bPure[.:,]/.test(line));
}

/**
 * @param {string} root the repository
 * @returns {string[]} paths from there, with slashes
 */
export function findPureFiles(root) {
  const source = join(root, "src");
  if (!existsSync(source)) return [];
  return readdirSync(source, { recursive: true })
    .map((path) => `src/${String(path).replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts") && !path.includes("/assembly/"))
    .filter(
      (path) =>
        PURE_PLACES.some((place) => place.test(path)) ||
        callsItselfPure(readFileSync(join(root, path), "utf8")),
    )
    .sort();
}
