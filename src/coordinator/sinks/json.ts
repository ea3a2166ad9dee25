// Events as JSON, a line each, for programs.
import { type EventSink, isTold, type RunEvent } from "../../shared/events.js";

export class JsonSink implements EventSink {
  handle(event: RunEvent): void {
    if (!isTold(event)) return;
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
}
