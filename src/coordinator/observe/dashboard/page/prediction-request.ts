// Asks the coordinator for a prediction, no more often than it allows.
import type { Prediction } from "../dashboard.js";

const TOO_MANY_REQUESTS = 429;
const RETRY_MS = 300;
/** The coordinator answers ten requests per second from all pages together. */
const PAUSE_MS = 120;

/** @param pixels is called for each attempt */
export async function requestPrediction(
  pixels: () => Uint8Array<ArrayBuffer>,
): Promise<Prediction> {
  for (;;) {
    const response = await fetch("predict", {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: pixels(),
    });
    if (response.status === TOO_MANY_REQUESTS) {
      await wait(RETRY_MS);
      continue;
    }
    if (!response.ok) throw new Error(await response.text());
    const prediction = (await response.json()) as Prediction;
    await wait(PAUSE_MS);
    return prediction;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
