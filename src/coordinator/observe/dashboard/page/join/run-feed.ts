// What the page learns about the run: the coordinator's feed, requested again whenever it breaks, and whether access is allowed.
import type { PageUpdate } from "../../page-update.js";
import type { Run } from "../run.js";
import { thinOut } from "../series.js";
import type { Access } from "./join-state.js";

const RETRY_MS = 2_000;
/** Steps in the curve: more than a phone has pixels. */
const MAX_STEPS = 2_000;
const FEED = "join/live";

export class RunFeed {
  access: Access = "unknown";
  /** What the run is waiting for, until its next step. */
  waiting: string | undefined;
  private readonly run: Run;
  private readonly onChange: () => void;
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: Run, onChange: () => void) {
    this.run = run;
    this.onChange = onChange;
  }

  /** Asks first, because an event stream does not say why it was refused. */
  async open(): Promise<void> {
    clearTimeout(this.timer);
    this.source?.close();
    const access = await askAccess();
    this.setAccess(access);
    if (access === "open") this.listen();
    // If the token is missing, entering it opens the feed again.
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
      // Otherwise the browser reconnects by itself.
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
 * Sends the token to the coordinator, which answers with a cookie for this page and its Web Workers' connections. It is sent in
 * the request body, so it appears neither in addresses nor in logs.
 */
export async function logIn(token: string): Promise<"ok" | "wrong" | "too-many" | "unreachable"> {
  try {
    const body = new URLSearchParams({ token });
    // The answer to a correct token redirects to the dashboard; the redirect is not followed.
    const { type, status } = await fetch("login", { method: "POST", body, redirect: "manual" });
    if (type === "opaqueredirect") return "ok";
    if (status === 401) return "wrong";
    return status === 429 ? "too-many" : "unreachable";
  } catch {
    return "unreachable";
  }
}
