// The page /join: after one click, this browser computes for the run. Connects the user's wishes, what the coordinator says about
// the run, and what the Web Workers here report.
import "uplot/dist/uPlot.min.css";
import "./join.css";
import type { JoinAddresses } from "../../join-addresses.js";
import { Run } from "../run.js";
import { Device, type WorkerThread } from "./device.js";
import { deviceName } from "./device-name.js";
import { type JoinState, stateOf, type Wish } from "./join-state.js";
import { LossChart } from "./loss-chart.js";
import { recall, remember } from "./remembered.js";
import { logIn, RunFeed } from "./run-feed.js";
import { ScreenLock } from "./screen-lock.js";
import { SleepWatch } from "./sleep.js";
import { shareOfWork } from "./tally.js";
import { byId } from "../dom.js";
import * as view from "./view.js";

const REDRAW_MS = 500;
/** Limited because each core has a copy of the network and its activations. */
const MAX_CORES = 32;

const { button, cores, name, token, tokenForm } = view.controls;
const coreCount = Math.min(MAX_CORES, navigator.hardwareConcurrency || 1);
const run = new Run("this run");
const feed = new RunFeed(run, update);
const device = new Device({
  createThread: () => new Worker("join-worker.js", { type: "module" }) as WorkerThread,
  url: new URL(".", location.href).href.replace(/^http/, "ws").split(/[?#]/)[0] ?? "",
  kernelsUrl: new URL("kernels.wasm", location.href).href,
  onConnected: () => sleep.connected(),
  onChange: update,
});
const sleep = new SleepWatch(Date.now());
const screenLock = new ScreenLock(update);
let chart: LossChart | undefined;
let wish: Wish = "none";
let joinedStep: number | undefined;
let state: JoinState | undefined;
let drawnVersion = -1;

function share(): number | undefined {
  const shardsPerStep = run.description?.shards;
  if (shardsPerStep === undefined || joinedStep === undefined) return undefined;
  const step = stepsDone();
  return shareOfWork({ shards: device.tally.shards, shardsPerStep, joinedStep, step });
}

/** Number of steps done. A step is reported by its number, counting from 0; the end by the number of steps. */
function stepsDone(): number {
  if (run.end) return run.end.step;
  const last = run.loss.steps.at(-1);
  return last === undefined ? (run.start?.step ?? 0) : last + 1;
}

function update(): void {
  const ownShare = share();
  state = stateOf({
    access: feed.access,
    wish,
    run: {
      engine: run.description?.engineName,
      step: stepsDone(),
      steps: run.start?.steps ?? 0,
      end: run.end,
      waiting: feed.waiting,
    },
    workers: device.counts,
    outcome: device.outcome,
    hasSlept: sleep.hasSlept(Date.now()),
    keepsScreenOn: screenLock.isHeld,
    shards: device.tally.shards,
    share: ownShare,
  });
  screenLock.set(state.name === "working" || state.name === "joining");
  view.showState(state);
}

/** Shows what changes with each shard and step, at a pace that people can read and a phone can draw. */
function draw(): void {
  if (document.hidden) return;
  update();
  view.showTitle(run.description?.network);
  view.showWork(device.tally, share());
  if (run.version === drawnVersion) return;
  drawnVersion = run.version;
  chart ??= new LossChart(byId("loss", HTMLElement), byId("loss-key", HTMLElement));
  chart.show(run.loss, joinedStep);
}

function start(): void {
  wish = "compute";
  joinedStep ??= stepsDone();
  device.start(name.value.trim() || name.placeholder, Number(cores.value));
  save();
  update();
}

function leave(): void {
  wish = "leave";
  device.stop();
  save();
  update();
}

function act(): void {
  if (state?.action.kind !== "button") return;
  switch (state.action.does) {
    case "start":
      start();
      return;
    case "leave":
      leave();
      return;
    case "reconnect":
      device.reconnect();
      return;
    case "reload":
      location.reload();
      return;
    default:
      state.action.does satisfies never;
  }
}

function save(): void {
  const isComputing = wish === "compute";
  remember({ name: name.value, cores: Number(cores.value), isComputing });
}

async function submitToken(given: string): Promise<void> {
  const result = given === "" ? "none" : await logIn(given);
  if (result === "ok") {
    token.value = "";
    view.showTokenNote("");
    await open();
    // Workers that were refused meanwhile do not need to wait for their next attempt.
    if (wish === "compute") device.reconnect();
    return;
  }
  const notes = {
    none: "Enter the token.",
    wrong: "Wrong token.",
    "too-many": "Too many attempts. Try again in a moment.",
    unreachable: "The coordinator does not answer. Try again.",
  };
  view.showTokenNote(notes[result]);
  token.focus();
}

async function open(): Promise<void> {
  await feed.open();
  if (feed.access !== "open") return;
  const { needsToken } = await addresses();
  view.showCommand(new URL(location.href).origin.replace(/^http/, "ws"), needsToken);
}

async function addresses(): Promise<JoinAddresses> {
  try {
    return (await (await fetch("join/addresses")).json()) as JoinAddresses;
  } catch {
    return { urls: [], needsToken: false };
  }
}

function watchSleep(): void {
  setInterval(() => {
    sleep.tick(Date.now());
    draw();
  }, REDRAW_MS);
  document.addEventListener("freeze", () => sleep.freeze(Date.now()));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    sleep.tick(Date.now());
    if (wish === "compute" && device.counts.connected === 0) device.reconnect();
    draw();
  });
}

async function begin(): Promise<void> {
  const known = recall();
  name.placeholder = deviceName(navigator.userAgent, Math.random());
  name.value = known?.name ?? name.placeholder;
  view.prepare(coreCount);
  cores.value = String(known?.cores ?? Math.ceil(coreCount / 2));
  view.showCores(Number(cores.value), coreCount);
  button.addEventListener("click", act);
  cores.addEventListener("input", () => view.showCores(Number(cores.value), coreCount));
  cores.addEventListener("change", () => {
    if (wish === "compute" && !run.end) device.resize(Number(cores.value));
    save();
  });
  name.addEventListener("change", save);
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    void submitToken(token.value);
  });
  // The page is closed or enters the browser's back/forward cache.
  addEventListener("pagehide", () => device.stop());
  addEventListener("pageshow", (event) => {
    if (event.persisted && wish === "compute") start();
  });
  watchSleep();
  // The key that opened the page does not need to stay in the address.
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key !== null) history.replaceState(null, "", location.pathname);
  await open();
  if (key !== null && feed.access === "token") await submitToken(key);
  if (known?.isComputing === true) start();
  draw();
}

void begin();
