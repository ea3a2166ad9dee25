// Events as sentences for people. The sinks decide where and in which colours they are written.
import type { ReportedEvent, RunEvent } from "../../../shared/run-event.js";
import { sanitizeText } from "../../../shared/text.js";
import { LOSS_NAMES } from "../loss-names.js";
import { countText, shortNumber } from "../number-text.js";
import { describeRun } from "../run-description.js";

export const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

export interface Sentence {
  /** `result`: a metric; always written. */
  level: Level | "result";
  text: string;
}

export function isWritten(level: Sentence["level"], threshold: Level): boolean {
  return level === "result" || LEVELS.indexOf(level) <= LEVELS.indexOf(threshold);
}

const MAX_NAME_LENGTH = 100;
const MAX_REASON_LENGTH = 400;
const MAX_TEXT_LENGTH = 1000;
const MAX_LAYERS_LISTED = 12;

/** The event, but texts that others wrote (names, reasons) are on one line, harmless to a terminal and bounded in length. */
export function withSafeText<E extends ReportedEvent>(event: E): E {
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
  /** Part of the page's address that logs the page in. Only for the terminal of whoever started the run. */
  pageKey?: string;
}

/** @returns undefined if the event is not worth a sentence */
export function sentenceOf(
  unsafe: ReportedEvent,
  { pageKey }: NarrationOptions = {},
): Sentence | undefined {
  const say = (level: Sentence["level"], text: string): Sentence => ({ level, text });
  const event = withSafeText(unsafe);
  switch (event.event) {
    case "listening":
      return say("info", listeningText(event, pageKey));
    case "recipe":
      return say("info", recipeText(event));
    case "data":
      return say("info", `data: ${sanitizeText(event.description, MAX_TEXT_LENGTH)}`);
    case "start":
      return say("info", startText(event));
    case "initial-weights":
      return say("info", initialText(event));
    case "worker": {
      // Every worker leaves when the run ends.
      if (event.state === "left" && event.reason === "finished") return undefined;
      const reason = event.reason ? `: ${event.reason}` : "";
      const level = event.state === "joined" ? "info" : "warn";
      const where = event.kind === "browser" ? " in a browser" : "";
      const who = event.kind === "relay" ? "relay" : "worker";
      return say(level, `${who} ${event.name} ${event.state}${where}${reason}`);
    }
    case "backup":
      return say(
        "warn",
        `step ${event.step}: ${event.task} is late; ${event.worker} got a backup task`,
      );
    case "divergence":
      return say(
        "warn",
        `step ${event.step}: the weights of ${event.worker} differ, as on another kind of processor; they are replaced`,
      );
    case "waiting":
      return say("warn", waitingText(event.reason, event.deadlineSeconds, new Date()));
    case "step":
      return say("debug", `step ${event.step}, loss ${shortNumber(event.loss)}`);
    case "evaluation":
      return say("result", evaluationText(event));
    case "population":
      return say(
        "info",
        `population statistics computed over all ${countText(event.samples, "training sample")}`,
      );
    case "recalibrated":
      return undefined;
    case "checkpoint":
      return say("info", `checkpoint of step ${event.step} written to ${event.path}`);
    case "checkpoint-failed":
      return say(
        "error",
        `the checkpoint of step ${event.step} could not be written to ${event.path}: ${event.reason}`,
      );
    case "checkpoint-kept":
      return say("warn", `the previous ${event.path} was renamed to ${event.previous}`);
    case "degraded":
      return say(
        "error",
        `worker ${event.worker}: ${event.reason}; its results were used in steps ${event.from} to ${event.to}, so the final checkpoint may differ from that of an undisturbed run`,
      );
    case "mixed-numerics":
      return say("warn", mixedNumericsText(event));
    case "observer-failed":
      return say("error", `${event.observer} failed: ${event.reason}; training continues`);
    case "interrupted":
      return say(
        "warn",
        `${event.signal}: finishing step ${event.step} and writing a checkpoint; interrupt again to stop at once`,
      );
    case "end":
      return say("result", endText(event));
    default:
      return event satisfies never;
  }
}

function recipeText({ name, options, overridden }: ReportedEvent & { event: "recipe" }): string {
  const instead = optionTexts(overridden);
  const text = [`recipe ${name}:`, ...optionTexts(options)].join(" ");
  return instead.length === 0 ? text : `${text}; given instead of its own: ${instead.join(" ")}`;
}

/** As on the command line. */
function optionTexts(options: Readonly<Record<string, string | number>>): string[] {
  const toOption = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.entries(options).map(([name, value]) => `--${toOption(name)} ${value}`);
}

function startText(event: ReportedEvent & { event: "start" }): string {
  const { network, loss, optimizer, learningRate, schedule, batchSize, shards, ...more } =
    describeRun(event.config);
  const { batchNorm, population, augmentation, engine } = more;
  return [
    `${network}, ${event.parameterCount.toLocaleString("en")} parameters`,
    LOSS_NAMES[loss],
    `${optimizer} ${learningRate}${schedule === "constant" ? "" : ` ${schedule}`}`,
    `${countText(event.steps, "step")} of ${batchSize} in ${countText(shards, "shard")}`,
    ...(batchNorm === undefined ? [] : [`batch norm ${batchNorm}`]),
    ...(population === undefined ? [] : [`population ${population}`]),
    ...(augmentation === undefined ? [] : [`augmented by ${augmentation}`]),
    `engine ${engine}${event.step > 0 ? `, from step ${event.step} on` : ""}`,
  ].join(", ");
}

function initialText(event: ReportedEvent & { event: "initial-weights" }): string {
  const { file, taken, drawn, unused } = event;
  const parts = [
    [taken, "taken"],
    [drawn, "drawn"],
    [unused, "not used"],
  ] as const;
  const texts = parts.flatMap(([layers, what]) =>
    layers.length === 0 ? [] : [`${what}: ${layerList(layers)}`],
  );
  return sanitizeText(`initial weights from ${file}; ${texts.join("; ")}`, MAX_TEXT_LENGTH);
}

function layerList(names: readonly string[]): string {
  const listed = names.slice(0, MAX_LAYERS_LISTED).join(", ");
  const others = names.length - MAX_LAYERS_LISTED;
  return others > 0 ? `${listed} and ${others} more` : listed;
}

/** Losses if the targets are values. */
function evaluationText(event: ReportedEvent & { event: "evaluation" }): string {
  const { step, trainAccuracy, testAccuracy, trainLoss, testLoss } = event;
  const [metric, train, test] =
    trainAccuracy === undefined || testAccuracy === undefined
      ? (["loss", trainLoss, testLoss] as const)
      : (["accuracy", trainAccuracy, testAccuracy] as const);
  return `step ${step}, training ${metric} ${shortNumber(train)}, test ${metric} ${shortNumber(test)}`;
}

export function mixedNumericsText({
  worker,
  numerics,
  since,
}: Omit<ReportedEvent & { event: "mixed-numerics" }, "event">): string {
  const machine = worker === undefined ? "this machine" : `worker ${worker}`;
  const what =
    numerics === undefined
      ? "machines took part whose results differ in the last bits"
      : `the results of ${machine} differ in the last bits (numerics ${numerics.slice(0, 8)})`;
  return `from step ${since} on, ${what}: another run of this configuration may end in another checkpoint`;
}

function endText({ testAccuracy, testLoss }: ReportedEvent & { event: "end" }): string {
  if (testAccuracy === undefined) return `test loss ${shortNumber(testLoss)}`;
  return `test accuracy ${shortNumber(testAccuracy)}`;
}

/** The addresses and, if other machines can reach one of them, the command that starts a worker there. */
function listeningText(
  { url, urls, needsToken }: ReportedEvent & { event: "listening" },
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

/** For live displays. */
export function progressText({
  activity,
  done,
  total,
}: Omit<RunEvent & { event: "progress" }, "event">): string {
  const what = activity === "evaluation" ? "evaluating" : "population statistics";
  return `${what}, ${done} of ${total}`;
}

/** What the run is waiting for, since when, and until when at most. */
export function waitingText(reason: string, deadlineSeconds: number, since: Date): string {
  const until = new Date(since.getTime() + 1000 * deadlineSeconds);
  return `${reason}, since ${timeOfDay(since)}, until ${timeOfDay(until)} at most`;
}

function timeOfDay(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

/**
 * ws://HOST:PORT → http://HOST:PORT/
 * @param key logs the page in. It is in the fragment, which browsers send neither to servers nor in referrers
 */
export function pageUrl(url: string, key?: string): string {
  const page = `${url.replace(/^ws/, "http")}/`;
  return key === undefined ? page : `${page}#key=${encodeURIComponent(key)}`;
}
