// The page's files, which the build puts beside this one (scripts/setup/compile.mjs).
import { readFileSync } from "node:fs";
import type { Line } from "./lines.js";

const FOLDER = new URL("../../../dist/page/", import.meta.url);

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

const read = new Map<string, Buffer>();

export function pageFile(name: string): { bytes: Buffer; type: string } {
  let bytes = read.get(name);
  if (!bytes) {
    bytes = readFileSync(new URL(name, FOLDER));
    read.set(name, bytes);
  }
  return { bytes, type: TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream" };
}

/** One or more runs, each with its name. */
export interface ShownRun {
  name: string;
  lines: Line[];
}

/** The page with everything that it needs inside: script, style and the runs. */
export function selfContainedPage(runs: readonly ShownRun[]): string {
  // Texts in a run are others' (names, reasons). Without a "<" nothing in them can end the script or begin a comment.
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

/** The file as a URL: in base64 there is nothing that HTML could take for markup. */
function dataUrl(name: string): string {
  const { bytes, type } = pageFile(name);
  return `data:${type.replace(" ", "")};base64,${bytes.toString("base64")}`;
}
