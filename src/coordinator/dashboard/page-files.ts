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
  const text = (name: string) => pageFile(name).bytes.toString();
  // Within a script, "</" could end it; JSON and JavaScript may write the slash as \\/ in strings, and have it nowhere else.
  const inScript = (content: string) => content.replaceAll("</", "<\\/");
  const data = inScript(JSON.stringify(runs));
  return text("index.html")
    .replace(
      '<link rel="stylesheet" href="page.css" />',
      () => `<style>${text("page.css")}</style>`,
    )
    .replace(
      '<script type="module" src="page.js"></script>',
      () =>
        `<script type="application/json" id="runs">${data}</script>\n<script type="module">${inScript(text("page.js"))}</script>`,
    );
}
