// The script of a Web Worker: one worker of a run in a browser tab (browser-worker.ts), started and monitored by the join page. It
// is bundled into dist/page/join-worker.js and runs under `script-src 'self' 'wasm-unsafe-eval'`.
import "./browser-schemas.js";
import { messageOf } from "../shared/errors.js";
import type { Engine } from "../shared/engine/engine.js";
import { openWasm } from "../shared/engine/wasm/engine.js";
import { webAssembly } from "../shared/engine/wasm/webassembly.js";
import type { FromBrowserWorker, ToBrowserWorker } from "../shared/protocol/browser-messages.js";
import { missingFeature } from "./browser-features.js";
import type { BrowserSocket } from "./browser-transport.js";
import { runBrowserWorker } from "./browser-worker.js";

/** The part of a dedicated Web Worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: { readonly data: ToBrowserWorker }) => void) | null;
  postMessage(message: FromBrowserWorker): void;
  close(): void;
  readonly WebSocket: new (url: string) => BrowserSocket;
}

/** Browsers do not report how much memory a tab may use, so a tab refuses networks that need more than this. */
const MEMORY_BYTES = 2 ** 31;

const scope = globalThis as unknown as WorkerScope;
const stop = new AbortController();
let isStarted = false;

/** @throws Error if the module cannot be fetched or compiled */
async function loadEngine(kernelsUrl: string): Promise<Engine> {
  const response = await fetch(kernelsUrl);
  if (!response.ok) throw new Error(`HTTP ${response.status} for the engine's module`);
  return openWasm(new webAssembly.Module(new Uint8Array(await response.arrayBuffer())));
}

async function work(start: ToBrowserWorker & { type: "start" }): Promise<void> {
  const missing = missingFeature();
  if (missing === undefined) {
    await runBrowserWorker(
      start,
      {
        openSocket: (url) => new scope.WebSocket(url),
        loadEngine,
        memoryBytes: MEMORY_BYTES,
        post: (message) => scope.postMessage(message),
      },
      stop.signal,
    );
  } else {
    scope.postMessage({ type: "failed", reason: missing });
  }
  scope.close();
}

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      if (isStarted) return;
      isStarted = true;
      work(data).catch((error: unknown) => {
        scope.postMessage({ type: "failed", reason: messageOf(error) });
        scope.close();
      });
      return;
    case "stop":
      stop.abort();
      return;
    default:
      data satisfies never;
  }
};
