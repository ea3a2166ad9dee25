// What the page says: derives a single state and its texts from what is known about the run, the connection to the coordinator
// and the Web Workers here. Pure.
import type { RefusalCause } from "../../../../../shared/protocol/browser-messages.js";
import { countText } from "../../../number-text.js";

/** `unknown`: not asked yet. `token`: it is missing or wrong. `unreachable`: no answer, or not a usable one. */
export type Access = "unknown" | "open" | "token" | "unreachable";

/** What the user asked for: nothing yet, to compute, or to stop. */
export type Wish = "none" | "compute" | "leave";

export interface JoinFacts {
  access: Access;
  wish: Wish;
  run: {
    /** Undefined until the coordinator has said it. */
    engine: string | undefined;
    step: number;
    steps: number;
    /** Test accuracy or, if the targets are values, test loss, once the run is over. */
    end: { testAccuracy?: number; testLoss: number } | undefined;
    /** What the run is waiting for. */
    waiting: string | undefined;
  };
  workers: {
    connected: number;
    /** Number of Web Workers between two connections. */
    waiting: number;
    /** Number that are loading or have not been accepted yet. */
    starting: number;
    /** Number that stopped by themselves while others continue. */
    ended: number;
  };
  /** If none of the Web Workers continues, the reason. */
  outcome:
    | { kind: "ended"; reason: string }
    | { kind: "refused"; cause: RefusalCause; reason: string }
    | { kind: "failed"; reason: string }
    | undefined;
  /** Whether the page was suspended since its workers were last connected. */
  hasSlept: boolean;
  keepsScreenOn: boolean;
  shards: number;
  /** Between 0 and 1. */
  share: number | undefined;
}

export type StateName =
  | "connecting"
  | "unreachable"
  | "ready"
  | "token"
  | "engine"
  | "joining"
  | "working"
  | "hidden"
  | "lost"
  | "refused"
  | "failed"
  | "finished"
  | "over"
  | "left";

export interface JoinState {
  name: StateName;
  /** A class of join.css, for colour and mark. */
  tone: "ready" | "good" | "joining" | "paused" | "lost" | "finished";
  word: string;
  message: string;
  /** What is shown below the message, and what the button does. */
  action:
    | { kind: "button"; text: string; does: ButtonAction; isEnabled: boolean }
    | { kind: "token" }
    | { kind: "engine" }
    | { kind: "none" };
}

export type ButtonAction = "start" | "leave" | "reconnect" | "reload";

export function stateOf(facts: JoinFacts): JoinState {
  const { access, wish, run, workers, outcome } = facts;
  if (run.end) return finishedState(facts);
  if (outcome) return outcomeState(outcome, facts);
  if (access === "token" && workers.connected === 0) return STATES.token;
  if (run.engine !== undefined && run.engine !== "wasm") return STATES.engine;
  if (wish === "leave") return STATES.left;
  if (wish === "none") {
    if (access === "unknown") return STATES.connecting;
    return access === "open" ? STATES.ready : STATES.unreachable;
  }
  if (workers.connected > 0) return workingState(facts);
  if (workers.waiting > 0) return facts.hasSlept ? STATES.hidden : STATES.lost;
  return STATES.joining;
}

function button(text: string, does: ButtonAction, isEnabled = true): JoinState["action"] {
  return { kind: "button", text, does, isEnabled };
}

const STATES = {
  connecting: {
    name: "connecting",
    tone: "joining",
    word: "Connecting",
    message: "Asking the coordinator about its run.",
    action: button("Start computing", "start", false),
  },
  unreachable: {
    name: "unreachable",
    tone: "lost",
    word: "No answer",
    message:
      "The coordinator does not answer. This page keeps trying. Is this device on the same network?",
    action: button("Start computing", "start", false),
  },
  ready: {
    name: "ready",
    tone: "ready",
    word: "Ready",
    message:
      "While this page is open, this device computes shards of each batch. Leave at any time: the result stays the same.",
    action: button("Start computing", "start"),
  },
  token: {
    name: "token",
    tone: "paused",
    word: "Token needed",
    message:
      "This run requires a token. It is in the file that was given with --token-file when the run was started.",
    action: { kind: "token" },
  },
  engine: {
    name: "engine",
    tone: "lost",
    word: "Not possible in a browser",
    message:
      "This run uses the TensorFlow engine, which needs Node. Browsers can join runs that use the wasm engine.",
    action: { kind: "engine" },
  },
  joining: {
    name: "joining",
    tone: "joining",
    word: "Joining",
    message: "Loading the engine and receiving the weights.",
    action: button("Leave", "leave"),
  },
  hidden: {
    name: "hidden",
    tone: "paused",
    word: "Paused",
    message:
      "The browser suspended this page while it was hidden. Its shards were reassigned; nothing is lost. Reconnecting.",
    action: button("Continue", "reconnect"),
  },
  lost: {
    name: "lost",
    tone: "lost",
    word: "Connection lost",
    message:
      "Reconnecting automatically every few seconds. Shards that are already done still count.",
    action: button("Reconnect now", "reconnect"),
  },
  left: {
    name: "left",
    tone: "ready",
    word: "Left",
    message: "This device has left the run. The shards that it computed still count.",
    action: button("Join again", "start"),
  },
} as const satisfies Record<string, JoinState>;

function workingState({ run, workers, keepsScreenOn }: JoinFacts): JoinState {
  const others = workers.waiting + workers.starting + workers.ended;
  const missing =
    others === 0 ? "" : ` ${workers.connected} of ${workers.connected + others} cores connected.`;
  const progress =
    run.waiting === undefined
      ? `Step ${countOf(run.step)} of ${countOf(run.steps)}.`
      : `Connected. The run is ${run.waiting}.`;
  const screen = keepsScreenOn
    ? "Keep this page in the foreground; it keeps the screen on."
    : "Keep this page in the foreground and the screen on.";
  return {
    name: "working",
    tone: "good",
    word: "Working",
    message: `${progress}${missing} ${screen}`,
    action: button("Leave", "leave"),
  };
}

function finishedState({ run, shards, share }: JoinFacts): JoinState {
  const result = run.end === undefined ? "The run has finished." : `${resultText(run.end)}.`;
  const part =
    share === undefined ? "" : `, ${shareDigits(share)}\u202f% of the work since it joined`;
  const thanks =
    shards === 0 ? "" : ` This device computed ${countText(shards, "shard")}${part}. Thank you.`;
  return {
    name: "finished",
    tone: "finished",
    word: "Finished",
    message: result + thanks,
    action: { kind: "none" },
  };
}

function outcomeState(outcome: NonNullable<JoinFacts["outcome"]>, facts: JoinFacts): JoinState {
  if (outcome.kind === "ended") {
    if (outcome.reason === "finished") return finishedState(facts);
    return {
      name: "over",
      tone: "paused",
      word: "Run stopped",
      message: `The coordinator ended the run at step ${countOf(facts.run.step)} (${outcome.reason}). When it is resumed, this device can join again.`,
      action: button("Join again", "start"),
    };
  }
  if (outcome.kind === "failed") {
    return {
      name: "failed",
      tone: "lost",
      word: "Cannot compute here",
      message: sentenceOf(outcome.reason),
      action: button("Try again", "start"),
    };
  }
  if (outcome.cause === "engine") return STATES.engine;
  return {
    name: "refused",
    tone: "lost",
    word: "Cannot take part",
    message: refusalText(outcome.cause, outcome.reason),
    action:
      outcome.cause === "version"
        ? button("Reload the page", "reload")
        : button("Try again", "start"),
  };
}

function refusalText(cause: Exclude<RefusalCause, "engine">, reason: string): string {
  switch (cause) {
    case "numerics":
      return "This browser's arithmetic differs in the last digits, which would change the result. Please try another browser.";
    case "version":
      return "This page's version differs from the coordinator's.";
    case "memory":
    case "other":
      return sentenceOf(reason);
    default:
      return cause satisfies never;
  }
}

/** `Test accuracy 99.04 %`. */
function resultText({ testAccuracy, testLoss }: { testAccuracy?: number; testLoss: number }) {
  return testAccuracy === undefined
    ? `Test loss ${Number(testLoss.toPrecision(4))}`
    : `Test accuracy ${(100 * testAccuracy).toFixed(2)}\u202f%`;
}

/** 6,412 */
export function countOf(value: number): string {
  return value.toLocaleString("en");
}

/** In percent, with one decimal unless all the work is this device's. */
export function shareDigits(share: number): string {
  return share > 0.9995 ? "100" : (100 * share).toFixed(1);
}

function sentenceOf(reason: string): string {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
