// The system's own Chromium, where there is one.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const browserPath =
  process.env["TANDEM_BROWSER"] ?? PLACES.find((place) => existsSync(place));

export function openBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error("no browser");
  // Root, as in a container, has no sandbox of Chromium's.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: browserPath, args });
}
