// How to join the run, for the people who watch it: a link for this device, a QR code for a phone, a command for a machine with
// Node. The code contains only the address, so a photograph of the screen does not reveal the token. After the run, its result.
import { encode } from "uqr";
import type { JoinAddresses } from "../join-addresses.js";
import { byId, createElement, createSvg, formatCount, formatNumber, formatPercent } from "./dom.js";
import type { Run } from "./run.js";

/** Light modules around the code (ISO/IEC 18004, section 9.1). */
const QUIET_ZONE = 4;
/** Name of a checkpoint's file unless --output is given. */
const DEFAULT_FILE = "checkpoint.safetensors";

export class JoinPanel {
  private readonly join = byId("join-section", HTMLElement);
  private readonly result = byId("result-section", HTMLElement);
  private addresses: JoinAddresses | undefined;
  /** Whether it is known if and where workers can join. */
  isSettled = false;

  /** Asks where workers can join. Without an answer, nobody can. */
  async load(): Promise<void> {
    const response = await fetch("join/addresses").catch(() => undefined);
    if (response?.ok) this.addresses = (await response.json()) as JoinAddresses;
    this.settle();
    const url = this.addresses && joinableUrl(this.addresses);
    if (this.addresses && url) this.showWays(url, this.addresses);
  }

  /** To be called if nobody can join, because the run is finished, or once it is known where. */
  settle(): void {
    this.isSettled = true;
  }

  /** How to join and, after the end, the run's result in the same place. */
  show(run: Run): void {
    const canJoin = Boolean(this.addresses?.urls.length);
    const isOver = run.end !== undefined;
    byId("join-slot", HTMLElement).hidden = !canJoin && !isOver;
    this.join.hidden = !canJoin;
    this.join.classList.toggle("away", isOver);
    this.result.classList.toggle("away", !isOver);
    const isForBrowsers = run.description?.engineName === "wasm";
    for (const id of ["join-browser", "join-here"]) byId(id, HTMLElement).hidden = !isForBrowsers;
    byId("join-engine", HTMLElement).hidden = isForBrowsers;
    showResult(run);
  }

  private showWays(url: URL, { needsToken }: JoinAddresses): void {
    const page = new URL("join", url).href;
    const isLoopback = isLoopbackHost(url.hostname);
    byId("join-code", HTMLElement).replaceChildren(...(isLoopback ? [] : [drawCode(page)]));
    byId("join-how", HTMLElement).textContent = isLoopback
      ? "Other devices cannot reach this run, because it listens only on this machine. tandem coordinator --host 0.0.0.0 lets them join."
      : "Scan, or open in a browser on a phone or laptop:";
    byId("join-link", HTMLElement).replaceChildren(...(isLoopback ? [] : [createLink(page)]));
    const socket = `${url.protocol.replace("http", "ws")}//${url.host}`;
    const token = needsToken ? " --token-file token.txt" : "";
    byId("join-command", HTMLElement).textContent = `npx tandem worker ${socket}${token}`;
  }
}

/** The run's checkpoint and how to use it. During the run only its place is kept. */
function showResult({ start, end, metricName }: Run): void {
  const file = end?.file;
  const metric =
    metricName === "accuracy" ? formatPercent(end?.testAccuracy) : formatNumber(end?.testLoss);
  const facts = [
    ["checkpoint", file ?? "–"],
    [`test ${metricName}`, metric],
    ["steps", formatCount(end?.step ?? 0)],
    ["parameters", formatCount(start?.parameterCount ?? 0)],
  ] as const;
  byId("result-facts", HTMLElement).replaceChildren(
    ...facts.map(([name, value]) =>
      createElement("div", {}, [
        createElement("dt", { text: name }),
        createElement("dd", { text: value }),
      ]),
    ),
  );
  const shown = file ?? DEFAULT_FILE;
  byId("evaluate-command", HTMLElement).textContent = `npx tandem evaluate ${shown}`;
  byId("export-command", HTMLElement).textContent =
    `npx tandem export ${shown} --format onnx --output model.onnx`;
}

/** The address of this page if other machines can reach it, else one that they can reach, else this one. */
function joinableUrl({ urls }: JoinAddresses): URL | undefined {
  const pages = urls.map((url) => new URL(`${url.replace(/^ws/, "http")}/`));
  const own = new URL(".", location.href);
  if (!isLoopbackHost(own.hostname)) return own;
  return pages.find(({ hostname }) => !isLoopbackHost(hostname)) ?? pages[0];
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

function createLink(href: string): HTMLAnchorElement {
  const link = createElement("a", { text: href.replace(/^https?:\/\//, "") });
  link.href = href;
  return link;
}

/** Dark on light in both colour schemes: not every reader recognizes inverted codes. */
function drawCode(text: string): SVGElement {
  const { data, size } = encode(text, { border: 0 });
  const path = data
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  const side = size + 2 * QUIET_ZONE;
  return createSvg(
    "svg",
    {
      viewBox: `${-QUIET_ZONE} ${-QUIET_ZONE} ${side} ${side}`,
      role: "img",
      "aria-label": `QR code of ${text}`,
      "shape-rendering": "crispEdges",
    },
    [createSvg("path", { d: path, fill: "#000" })],
  );
}
