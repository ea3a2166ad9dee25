// The system's Chromium, for tests and screenshots of the page.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Undefined if there is none. TANDEM_BROWSER gives the path of one that is elsewhere. */
export const browserPath =
  process.env["TANDEM_BROWSER"] ?? PLACES.find((place) => existsSync(place));

/** @returns {Promise<import("playwright-core").Browser>} */
export async function openBrowser() {
  if (browserPath === undefined)
    throw new Error("no Chromium found; set TANDEM_BROWSER to its path");
  // Chromium's sandbox does not work for root, as in a container.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: browserPath, args });
}
