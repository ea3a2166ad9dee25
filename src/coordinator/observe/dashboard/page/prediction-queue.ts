// One prediction request at a time. If the sample changes meanwhile, the next request is for the new one.
import type { Prediction } from "../dashboard.js";
import { requestPrediction } from "./prediction-request.js";

export type SampleBytes = Uint8Array<ArrayBuffer>;

export class PredictionQueue {
  private readonly onAnswer: (prediction: Prediction) => void;
  private readonly onFailure: (reason: string) => void;
  private isAsking = false;
  /** Called for each attempt: returns what to predict next. undefined: nothing. */
  private next: (() => SampleBytes) | undefined;
  /** Increased by `drop`, so that an answer that is no longer wanted is not shown. */
  private generation = 0;

  constructor(onAnswer: (prediction: Prediction) => void, onFailure: (reason: string) => void) {
    this.onAnswer = onAnswer;
    this.onFailure = onFailure;
  }

  ask(sample: () => SampleBytes): void {
    this.next = sample;
    void this.work();
  }

  /** Forgets the current request. */
  drop(): void {
    this.next = undefined;
    this.generation++;
  }

  private async work(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      while (this.next) {
        const sample = this.next;
        const { generation } = this;
        this.next = undefined;
        const prediction = await requestPrediction(sample);
        if (generation === this.generation) this.onAnswer(prediction);
      }
    } catch (error) {
      this.onFailure(error instanceof Error ? error.message.trim() : String(error));
    } finally {
      this.isAsking = false;
    }
  }
}
