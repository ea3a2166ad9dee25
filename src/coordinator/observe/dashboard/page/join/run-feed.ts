// What the page hears of the run: the coordinator's feed, asked for again whenever it breaks, and whether this page may have it.
import type { PageUpdate } from "../../page-update.js";
import type { Run } from "../run.js";
import { thinOut } from "../series.js";
import type { Access } from "./join-state.js";

const RETRY_MS = 2_000;
/** Steps of the curve: more than a phone has pixels. */
const MAX_STEPS = 2_000;
const FEED = "join/live";

export class RunFeed {
  access: Access = "unknown";
  /** What the run waits for, until its next step. */
  waiting: string | undefined;
  private readonly run: Run;
  private readonly onChange: () => void;
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: Run, onChange: () => void) {
    this.run = run;
    this.onChange = onChange;
  }

  /** Asks first: a stream of events does not say why it was refused. */
  async open(): Promise<void> {
    clearTimeout(this.timer);
    this.source?.close();
    const access = await askAccess();
    this.setAccess(access);
    if (access === "open") this.listen();
    // With a token missing, whoever enters it opens the feed again.
    else if (access !== "token") this.retry();
  }

  private listen(): void {
    const source = new EventSource(FEED);
    this.source = source;
    source.onmessage = ({ data }: MessageEvent<string>) => {
      this.take(JSON.parse(data) as PageUpdate);
      this.setAccess("open");
    };
    source.onerror = () => {
      if (this.source !== source) return;
      if (this.run.end) source.close();
      else if (source.readyState === EventSource.CLOSED) this.retry();
      // Else the browser connects again by itself.
      if (!this.run.end) this.setAccess("unreachable");
    };
  }

  private take(update: PageUpdate): void {
    if (update.kind === "mark") this.waiting = update.text;
    if (update.kind === "steps") this.waiting = undefined;
    this.run.add(update);
    for (const series of [this.run.loss, this.run.durationMs]) thinOut(series, MAX_STEPS);
  }

  private retry(): void {
    this.timer = setTimeout(() => void this.open(), RETRY_MS);
  }

  private setAccess(access: Access): void {
    this.access = access;
    this.onChange();
  }
}

async function askAccess(): Promise<Access> {
  try {
    const { ok, status } = await fetch(FEED, { method: "HEAD" });
    if (ok) return "open";
    return status === 401 ? "token" : "unreachable";
  } catch {
    return "unreachable";
  }
}

/**
 * Gives the token to the coordinator, which answers with a cookie for this page and its Web Workers' connections. It is in the
 * body of the request, and neither in an address nor in a log.
 */
export async function logIn(token: string): Promise<"ok" | "wrong" | "too-many" | "unreachable"> {
  try {
    const body = new URLSearchParams({ token });
    // A right token is answered with the way to the dashboard, which is not followed.
    const { type, status } = await fetch("login", { method: "POST", body, redirect: "manual" });
    if (type === "opaqueredirect") return "ok";
    if (status === 401) return "wrong";
    return status === 429 ? "too-many" : "unreachable";
  } catch {
    return "unreachable";
  }
}
