// The page's files, as the build leaves them in dist/page (scripts/setup/compile.mjs), and the page as a single file.
import { readFileSync } from "node:fs";
import type { PageUpdate } from "./page-update.js";

const DIST = new URL("../../../../dist/", import.meta.url);
/** The wasm engine's module, which the page /join fetches, is where Node's workers read it too. */
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

/** The page in one file, with its script, its style and the runs. */
export function selfContainedPage(runs: readonly ShownRun[]): string {
  // Names and reasons in a run come from others. Without a "<" nothing in them can end the script or begin a comment.
  const data = JSON.stringify(runs).replaceAll("<", "\\u003c");
  return pageFile("index.html")
    .bytes.toString()
    .replace(
      '<link rel="stylesheet" href="page.css" />',
      () => `<link rel="stylesheet" href="${dataUrl("page.css")}" />`,
    )
    .replace(
      '<script type="module" src="page.js"></script>',
      () =>
        `<script type="application/json" id="runs">${data}</script>\n<script type="module" src="${dataUrl("page.js")}"></script>`,
    );
}

/** The file as a URL: base64 contains nothing that HTML would read as markup. */
function dataUrl(name: string): string {
  const { bytes, type } = pageFile(name);
  return `data:${type.replace(" ", "")};base64,${bytes.toString("base64")}`;
}
