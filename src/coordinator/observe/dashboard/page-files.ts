// The page's files as built into dist/page (scripts/setup/compile.mjs), and the page as a single file.
import { readFileSync } from "node:fs";
import type { PageUpdate } from "./page-update.js";

const DIST = new URL("../../../../dist/", import.meta.url);
/** The wasm engine's module, which the page /join fetches. It is not in dist/page, because workers in Node read it too. */
const KERNELS = "kernels.wasm";

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  wasm: "application/wasm",
};

const files = new Map<string, Buffer>();

export function pageFile(name: string): { bytes: Buffer; type: string } {
  let bytes = files.get(name);
  if (!bytes) {
    const folder = name === KERNELS ? "shared/engine/wasm/" : "page/";
    bytes = readFileSync(new URL(folder + name, DIST));
    files.set(name, bytes);
  }
  return { bytes, type: TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream" };
}

/** A finished run. */
export interface ShownRun {
  name: string;
  updates: PageUpdate[];
}

/** The page of one run, or the page that compares several, as one file with its script, its style and the runs. */
export function selfContainedPage(runs: readonly ShownRun[]): string {
  if (runs.length > 1) {
    // The page of each run can be opened from it.
    const parts = inline("index", RUNS_ID, SEPARATOR).split(SEPARATOR);
    return inline("compare", RUNS_ID, jsonText(runs), ["run-page", jsonText(parts)]);
  }
  return inline("index", RUNS_ID, jsonText(runs));
}

const RUNS_ID = "runs";
/** Occurs in no file of the page. */
const SEPARATOR = "\u0000";
const SCRIPTS = { index: "page", compare: "compare" };

/** A page with its style and script in it as data URLs, and data in elements before the script. */
function inline(
  page: keyof typeof SCRIPTS,
  id: string,
  data: string,
  ...more: (readonly [id: string, data: string])[]
): string {
  const script = SCRIPTS[page];
  const elements = [[id, data] as const, ...more].map(([each, text]) => {
    return `<script type="application/json" id="${each}">${text}</script>\n`;
  });
  return pageFile(`${page}.html`)
    .bytes.toString()
    .replace(
      `<link rel="stylesheet" href="${script}.css" />`,
      () => `<link rel="stylesheet" href="${dataUrl(`${script}.css`)}" />`,
    )
    .replace(
      `<script type="module" src="${script}.js"></script>`,
      () => `${elements.join("")}<script type="module" src="${dataUrl(`${script}.js`)}"></script>`,
    );
}

/** Names and reasons in a run come from other people. Without a "<", nothing in them can end the script or begin a comment. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** The file as a data URL: base64 contains nothing that HTML would read as markup. */
function dataUrl(name: string): string {
  const { bytes, type } = pageFile(name);
  return `data:${type.replace(" ", "")};base64,${bytes.toString("base64")}`;
}
