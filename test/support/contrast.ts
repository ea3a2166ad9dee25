// Texts of a page whose contrast with what is behind them is below AA (WCAG 2.2, success criterion 1.4.3).
import type { Page } from "playwright-core";

/** Runs in the page: relative luminance and contrast ratio by WCAG's definitions. */
const FIND = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgbaOf = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgbaOf(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgbaOf("white");
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest("script, style, :disabled")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(rgbaOf(style.color)), luminance(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(node.data.trim() + ": " + ratio.toFixed(2));
  }
  return found;
})()`;

export function findLowContrast(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(FIND);
}
