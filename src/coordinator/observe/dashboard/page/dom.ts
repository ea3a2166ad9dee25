// Shared by the parts of the page: finding and creating elements, numbers as text, colours, packed arrays.

export function byId<T extends HTMLElement>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}

/** The content is only ever text: nothing that arrives over the network becomes markup. */
export function createElement<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: { class?: string; text?: string; title?: string } = {},
  children: readonly Node[] = [],
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (options.class) element.className = options.class;
  if (options.text !== undefined) element.textContent = options.text;
  if (options.title !== undefined) element.title = options.title;
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function createSvg(
  tag: string,
  attributes: Record<string, string | number>,
  children: readonly (Node | string)[] = [],
): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A colour of tokens.css, in the current light or dark scheme. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function onThemeChange(redraw: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** With a number of significant digits. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return String(Number(value.toPrecision(digits)));
}

/** For axes, which have little room: `27.6K` */
export function shortText(value: number): string {
  if (Math.abs(value) < 10_000) return formatNumber(value, 3);
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });
}

/** A ratio as `98.94 %`. */
export function formatPercent(ratio: number | null | undefined, digits = 2): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return "–";
  return `${(100 * ratio).toFixed(digits)} %`;
}

/** `6,412` */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${formatNumber(value, 3)} ${units[unit] ?? ""}`;
}

/** From base64 of little-endian float32 values. */
export function unpackFloats(text: string): Float32Array {
  const view = new DataView(unpackBytes(text).buffer);
  const length = view.byteLength / 4;
  return Float32Array.from({ length }, (_, index) => view.getFloat32(4 * index, true));
}

export function unpackBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
