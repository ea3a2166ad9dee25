// Events as JSON, a line each, for programs.
import type { EventSink, RunEvent } from "../../shared/events.js";

export class JsonSink implements EventSink {
  handle(event: RunEvent): void {
    if (event.event === "trace") return;
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
}
