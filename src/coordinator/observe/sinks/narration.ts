// Events as sentences for people. Pure: where they are written, and in which colours, is the sinks' affair.
import type { ToldEvent } from "../../../shared/events.js";
import { sanitizeText } from "../../../shared/text.js";

export const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

export interface Sentence {
  /** `result`: what the run is for; always told. */
  level: Level | "result";
  text: string;
}

/** C's %g, for the numbers that are shown: six significant digits, without trailing zeros. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function isLoud(level: Level | "result", threshold: Level): boolean {
  return level === "result" || LEVELS.indexOf(level) <= LEVELS.indexOf(threshold);
}

const MAX_NAME_LENGTH = 100;
const MAX_REASON_LENGTH = 400;

/** The event with the texts in it that others wrote (names, reasons) on one line, harmless to a terminal, and bounded. */
export function withSafeText<E extends ToldEvent>(event: E): E {
  const texts = event as { name?: string; worker?: string; reason?: string };
  return {
    ...event,
    ...(texts.name === undefined ? {} : { name: sanitizeText(texts.name, MAX_NAME_LENGTH) }),
    ...(texts.worker === undefined ? {} : { worker: sanitizeText(texts.worker, MAX_NAME_LENGTH) }),
    ...(texts.reason === undefined
      ? {}
      : { reason: sanitizeText(texts.reason, MAX_REASON_LENGTH) }),
  };
}

export interface NarrationOptions {
  /** Opens the page; shown as a part of its address. Only for the terminal of who started the run. */
  pageKey?: string;
}

/** @returns undefined where there is nothing to say */
export function sentenceOf(
  unsafe: ToldEvent,
  { pageKey }: NarrationOptions = {},
): Sentence | undefined {
  const say = (level: Sentence["level"], text: string): Sentence => ({ level, text });
  const event = withSafeText(unsafe);
  switch (event.event) {
    case "listening":
      return say("info", listeningText(event, pageKey));
    case "start": {
      const { shards, threads, batchSize } = event.config;
      const from = event.step > 0 ? `, from step ${event.step} on` : "";
      return say(
        "info",
        `${event.parameterCount.toLocaleString("en")} parameters, ${event.steps} steps of ${batchSize} in ${shards} shard${shards === 1 ? "" : "s"}, ${threads} thread${threads === 1 ? "" : "s"} a process${from}`,
      );
    }
    case "worker": {
      // That everyone leaves when the run is over goes without saying.
      if (event.state === "left" && event.reason === "finished") return undefined;
      const reason = event.reason ? `: ${event.reason}` : "";
      const level = event.state === "joined" ? "info" : "warn";
      return say(level, `worker ${event.name} ${event.state}${reason}`);
    }
    case "repeat":
      return say(
        "warn",
        `step ${event.step}: ${event.task} is overdue and goes to ${event.worker} as well`,
      );
    case "drift":
      return say(
        "warn",
        `step ${event.step}: ${event.worker} had come to other weights, as another kind of processor may; it is sent the right ones`,
      );
    case "waiting":
      return say("warn", waitingText(event.reason, event.deadlineSeconds, new Date()));
    case "step":
      return say("debug", `step ${event.step}, loss ${shortNumber(event.loss)}`);
    case "evaluation":
      return say(
        "result",
        `step ${event.step}, training accuracy ${shortNumber(event.trainAccuracy)}, test accuracy ${shortNumber(event.testAccuracy)}`,
      );
    case "checkpoint":
      return say("info", `checkpoint of step ${event.step} written to ${event.path}`);
    case "checkpoint-failed":
      return say(
        "error",
        `checkpoint of step ${event.step} could NOT be written to ${event.path}: ${event.reason}`,
      );
    case "checkpoint-kept":
      return say("warn", `the previous ${event.path} is kept as ${event.previous}`);
    case "degraded":
      return say(
        "error",
        `worker ${event.worker}: ${event.reason}; its results were used in steps ${event.from} to ${event.to}, so this run may not end in the file that its configuration stands for`,
      );
    case "observer-failed":
      return say("error", `${event.observer} failed: ${event.reason}; the training goes on`);
    case "interrupted":
      return say(
        "warn",
        `${event.signal}: finishing step ${event.step}, then a checkpoint; once more ends at once`,
      );
    case "end":
      return say("result", `test accuracy ${shortNumber(event.testAccuracy)}`);
    default:
      return event satisfies never;
  }
}

/** The addresses, and where other machines can reach them, the command to start a worker there. */
function listeningText(
  { url, urls, needsToken }: ToldEvent & { event: "listening" },
  pageKey?: string,
): string {
  const first = `listening on ${url}; to watch: ${pageUrl(url, pageKey)}`;
  const others = urls.filter((other) => other !== url);
  const [other] = others;
  if (other === undefined) return first;
  return [
    first,
    ...others.map((each) => `  from other machines: ${each}; to watch: ${pageUrl(each, pageKey)}`),
    `  to start a worker there: npx tandem worker ${other}${needsToken ? " --token-file token.txt" : ""}`,
  ].join("\n");
}

/** What is waited for, since when and until when at most. */
export function waitingText(reason: string, deadlineSeconds: number, since: Date): string {
  const until = new Date(since.getTime() + 1000 * deadlineSeconds);
  return `${reason}, since ${clock(since)}, until ${clock(until)} at most`;
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

/**
 * ws://HOST:PORT → http://HOST:PORT/
 * @param key logs the page in. It goes into the fragment, which browsers send to no server and in no referrer
 */
export function pageUrl(url: string, key?: string): string {
  const page = `${url.replace(/^ws/, "http")}/`;
  return key === undefined ? page : `${page}#key=${encodeURIComponent(key)}`;
}
