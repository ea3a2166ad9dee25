// The system's own Chromium, for tests and pictures of the page.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Undefined where there is none. TANDEM_BROWSER names one that lies elsewhere. */
export const browserPath =
  process.env["TANDEM_BROWSER"] ?? PLACES.find((place) => existsSync(place));

/** @returns {Promise<import("playwright-core").Browser>} */
export async function openBrowser() {
  if (browserPath === undefined) throw new Error("no Chromium here; TANDEM_BROWSER names one");
  // Root, as in a container, has no sandbox of Chromium's.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: browserPath, args });
}
