// Simple answers and size-limited request bodies for the routes of the dashboard.
import type { IncomingMessage, ServerResponse } from "node:http";
import { pageFile } from "./page-files.js";
import type { PageUpdate } from "./page-update.js";

const BODY_MS = 10_000;

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

export function sendTooMany(response: ServerResponse): void {
  response.setHeader("retry-after", "1");
  sendText(response, 429, "too many requests; try again in a moment");
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

export function sendFile(response: ServerResponse, name: string, status = 200): void {
  const { bytes, type } = pageFile(name);
  response.writeHead(status, { "content-type": type, "content-length": bytes.byteLength });
  response.end(bytes);
}

/** As a server-sent event. */
export function encodeUpdate(update: PageUpdate): string {
  return `data: ${JSON.stringify(update)}\n\n`;
}

/** @returns undefined if it is longer than `maxBytes`; rejects if it takes too long */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let byteLength = 0;
  const timer = setTimeout(() => request.destroy(new Error("the body is too slow")), BODY_MS);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      byteLength += chunk.byteLength;
      if (byteLength > maxBytes) return undefined;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}
