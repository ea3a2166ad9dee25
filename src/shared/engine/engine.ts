// The interface of engines, which execute graphs. An engine knows ops but no layers. Equal inputs give equal bits on all machines
// with the same numerics fingerprint. test/engine/conformance/ compares every engine with float64 references.
import type { Graph, Value } from "../graph/graph.js";

export const ENGINE_NAMES = ["tensorflow", "wasm"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Engine {
  readonly name: EngineName;
  /** @throws TandemError if the engine cannot execute the graph */
  open(graph: Graph): Session;
}

/** A tensor in the engine's memory. */
export interface Tensor {
  readonly shape: readonly number[];
}

export type Feed = readonly [value: Value, tensor: Tensor];

/** A graph ready to run, and its variables, which start at zero. */
export interface Session {
  /** Tensors that `body` creates are freed when it returns or throws, so it must return plain values. */
  scope<T>(body: (scope: TensorScope) => T): T;
  /**
   * For work with interruptions: any number of scopes may be open, and their runs may be interleaved. They must be closed before
   * the session is disposed.
   */
  openScope(): OwnedScope;
  /**
   * Arrays of zeros in memory that the engine can read directly: `keep` and `TensorScope.tensor` need not copy them.
   * @param lengths in values
   */
  allocate(lengths: readonly number[]): Float32Array[];
  /** A tensor that lives until it is freed. @param values must not change until then */
  keep(shape: readonly number[], values: Float32Array): Tensor;
  free(tensor: Tensor): void;
  /** Sets variables by name. @throws RangeError if a length is not the variable's */
  write(variables: readonly { name: string; values: Float32Array }[]): void;
  /** Copies variables into arrays. @throws RangeError if a length is not the variable's */
  read(variables: readonly { name: string; into: Float32Array }[]): void;
  dispose(): void;
}

export interface TensorScope {
  /** @param values must not be changed before the scope ends: the engine may use their memory */
  tensor(shape: readonly number[], values: Float32Array | Int32Array): Tensor;
  /**
   * Computes what the fetches need. The feeds replace the values that they name, which may be variables.
   * @returns one tensor per fetch; that of an effect has no value
   */
  run(feeds: readonly Feed[], fetches: readonly Value[]): Tensor[];
  /** A copy of a float32 tensor's values. */
  floats(tensor: Tensor): Float32Array;
}

/** A scope that its owner ends. */
export interface OwnedScope extends TensorScope {
  /** Frees its tensors. May be called again. */
  close(): void;
}

/** Implements `Session.scope` with `openScope`. */
export function withScope<T>(
  session: Pick<Session, "openScope">,
  body: (scope: TensorScope) => T,
): T {
  const scope = session.openScope();
  try {
    return body(scope);
  } finally {
    scope.close();
  }
}
