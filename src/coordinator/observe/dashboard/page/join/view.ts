// The elements of the page: what it shows and what its controls report. Nothing that arrives over the network becomes markup,
// and no change of state moves what is below it.
import { byId, createElement, formatBytes } from "../dom.js";
import { countOf, type JoinState, shareDigits } from "./join-state.js";
import { type DeviceTally, RECENT_COUNT } from "./tally.js";

const NONE = "–";
const COPIED_MS = 1_500;
/** More ticks would touch on a phone. */
const MAX_TICKS = 9;

export interface Controls {
  button: HTMLButtonElement;
  tokenForm: HTMLFormElement;
  token: HTMLInputElement;
  cores: HTMLInputElement;
  name: HTMLInputElement;
}

export const controls: Controls = {
  button: byId("start", HTMLButtonElement),
  tokenForm: byId("action-token", HTMLFormElement),
  token: byId("token", HTMLInputElement),
  cores: byId("cores", HTMLInputElement),
  name: byId("name", HTMLInputElement),
};

export function prepare(coreCount: number): void {
  byId("host", HTMLElement).textContent = location.host;
  const { cores } = controls;
  cores.max = String(coreCount);
  const stride = Math.ceil((coreCount - 1) / (MAX_TICKS - 1)) || 1;
  const isEven = (coreCount - 1) % stride === 0;
  const ticks = isEven
    ? Array.from({ length: (coreCount - 1) / stride + 1 }, (_, index) => 1 + index * stride)
    : [1, coreCount];
  byId("core-ticks", HTMLElement).replaceChildren(
    ...ticks.map((tick) => createElement("span", { text: String(tick) })),
  );
  byId("recent", HTMLElement).replaceChildren(
    ...Array.from({ length: RECENT_COUNT }, () => createElement("i")),
  );
  const copy = byId("copy", HTMLButtonElement);
  copy.addEventListener("click", () => void copyCommand(copy));
}

export function showState(state: JoinState): void {
  const { action } = state;
  document.body.dataset["state"] = state.name;
  const badge = byId("state", HTMLElement);
  badge.className = `state ${state.tone}`;
  setText(badge, state.word);
  setText(byId("message", HTMLElement), state.message);
  byId("action-start", HTMLElement).hidden = action.kind === "token" || action.kind === "engine";
  controls.tokenForm.hidden = action.kind !== "token";
  byId("action-engine", HTMLElement).hidden = action.kind !== "engine";
  byId("settings", HTMLElement).hidden = action.kind === "token" || action.kind === "engine";
  const { button, cores, name } = controls;
  // It keeps its place.
  button.classList.toggle("gone", action.kind !== "button");
  if (action.kind === "button") {
    setText(button, action.text);
    button.disabled = !action.isEnabled;
    button.classList.toggle("primary", action.does !== "leave");
  } else {
    button.disabled = true;
  }
  const isOver = state.name === "finished";
  cores.disabled = isOver;
  // Workers keep the name with which they joined.
  name.disabled = isOver || (action.kind === "button" && action.does !== "start");
  // The coordinator and its pages end with the run.
  byId("watch", HTMLElement).hidden = isOver;
}

export function showTitle(network: string | undefined): void {
  const name = network ?? "this run";
  setText(byId("title", HTMLElement), `Compute for ${name}`);
  document.title = `Join ${name} · Tandem`;
}

export function showCores(count: number, coreCount: number): void {
  setText(byId("cores-text", HTMLElement), `${count} of ${coreCount}`);
  const note =
    count >= coreCount - 1 && coreCount > 2
      ? "Fast, but the device gets warm and slow to use."
      : count <= 2
        ? "Gentle on the battery."
        : "Leaves room for other work.";
  setText(byId("cores-note", HTMLElement), note);
}

/** @param share of the run's work, between 0 and 1 */
export function showWork(tally: DeviceTally, share: number | undefined): void {
  const { shards, recentMs, medianMs, weightsStep, bytesReceived, bytesSent } = tally;
  showNumber("n-shards", shards === 0 ? undefined : countOf(shards));
  showNumber("n-share", share === undefined ? undefined : shareDigits(share), "%");
  showNumber("n-ms", medianMs === undefined ? undefined : msText(medianMs));
  showRecent(recentMs);
  const isBegun = weightsStep >= 0;
  setText(byId("received", HTMLElement), isBegun ? formatBytes(bytesReceived) : NONE);
  setText(byId("sent", HTMLElement), isBegun ? formatBytes(bytesSent) : NONE);
  setText(byId("weights", HTMLElement), isBegun ? `of step ${countOf(weightsStep)}` : NONE);
}

/** For people who have Node: how to start a worker in a terminal. */
export function showCommand(url: string, needsToken: boolean): void {
  const words = ["npx tandem worker", url, ...(needsToken ? ["--token-file token.txt"] : [])];
  byId("command", HTMLElement).replaceChildren(
    ...words.flatMap((text) => [createElement("span", { text }), document.createTextNode(" ")]),
  );
}

export function showTokenNote(text: string): void {
  setText(byId("token-note", HTMLElement), text);
  if (text === "") controls.token.removeAttribute("aria-invalid");
  else controls.token.setAttribute("aria-invalid", "true");
}

function showRecent(recentMs: readonly number[]): void {
  const longest = Math.max(...recentMs, 0);
  const bars = byId("recent", HTMLElement).children;
  for (let index = 0; index < bars.length; index++) {
    const ms = recentMs[index];
    const bar = bars[index] as HTMLElement;
    bar.style.height = ms === undefined ? "0" : `${Math.max(4, (100 * ms) / (longest || 1))}%`;
  }
  const text = recentMs.length === 0 ? "none yet" : `longest ${msText(longest)} ms`;
  setText(byId("recent-note", HTMLElement), text);
}

function showNumber(id: string, text: string | undefined, unit?: string): void {
  const element = byId(id, HTMLElement);
  const shown = text ?? NONE;
  if (element.dataset["shown"] === shown) return;
  element.dataset["shown"] = shown;
  element.classList.toggle("none", text === undefined);
  element.textContent = shown;
  if (text !== undefined && unit !== undefined) {
    element.append(createElement("span", { class: "unit", text: unit }));
  }
}

function msText(ms: number): string {
  return ms < 100 ? ms.toFixed(1) : countOf(Math.round(ms));
}

/** Writes only changes, because a screen reader reads each one aloud. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

async function copyCommand(button: HTMLButtonElement): Promise<void> {
  const command = byId("command", HTMLElement);
  const isCopied = await copyText(command.textContent.trim());
  // Without a clipboard, the text can be copied by hand.
  if (!isCopied) getSelection()?.selectAllChildren(command);
  const label = button.textContent;
  button.textContent = isCopied ? "Copied" : "Selected";
  setTimeout(() => (button.textContent = label), COPIED_MS);
}

/** Browsers offer the clipboard only on pages served over TLS or from this machine. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
