// The part of WebAssembly's JavaScript interface (webassembly.github.io/spec/js-api) that the engine uses. TypeScript declares
// it only in the DOM library, which Node programs do not load.

/** A compiled module. */
export type WasmModule = object;

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  /** @param pages of PAGE_BYTES @throws RangeError if there is not enough memory */
  grow(pages: number): number;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WebAssemblyInterface {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    exports(module: WasmModule): { name: string; kind: string }[];
  };
  readonly Memory: new (limits: {
    initial: number;
    maximum: number;
    shared?: boolean;
  }) => WasmMemory;
  readonly Instance: new (
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ) => WasmInstance;
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyInterface })
  .WebAssembly;

export const PAGE_BYTES = 65_536;
/** Everything that 32 bits can address, as the module declares (scripts/setup/kernels.mjs). */
export const MAX_PAGES = 65_536;
