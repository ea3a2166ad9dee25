// Which step the timeline shows: the newest, the slowest of the last 100, or one that is held.
import type { StepTrace } from "../page-update.js";
import { byId } from "./dom.js";
import type { Run } from "./run.js";

export class StepChoice {
  private isSlowest = false;
  private isHeld = false;
  private shown: StepTrace | undefined;
  private readonly hold = byId("hold", HTMLButtonElement);
  private readonly choices = document.querySelectorAll<HTMLInputElement>('input[name="which"]');

  /** @param onChange called when another step should be shown */
  constructor(onChange: () => void) {
    for (const input of this.choices) {
      input.addEventListener("change", () => {
        this.isSlowest = input.value === "slowest";
        this.setHeld(false);
        onChange();
      });
    }
    this.hold.addEventListener("click", () => {
      this.setHeld(!this.isHeld);
      onChange();
    });
  }

  /** @returns undefined if there is no step yet */
  choose({ trace }: Run): StepTrace | undefined {
    // Logs of earlier versions contain only the newest step.
    for (const input of this.choices) {
      if (input.value === "slowest") input.disabled = trace !== undefined && !trace.slowest;
    }
    this.hold.disabled = trace === undefined;
    if (!this.isHeld || !this.shown) {
      this.shown = this.isSlowest ? (trace?.slowest ?? trace) : trace;
    }
    return this.shown;
  }

  private setHeld(isHeld: boolean): void {
    this.isHeld = isHeld;
    this.hold.setAttribute("aria-pressed", String(isHeld));
  }
}
