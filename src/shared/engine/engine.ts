// What executes graphs. An engine knows ops and no layers; its results on equal inputs are the same bits in every run on
// machines of one numerics fingerprint. test/engine/conformance/ holds every engine against float64 references.
import type { Graph, Value } from "../graph/graph.js";

export const ENGINE_NAMES = ["tensorflow", "wasm"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Engine {
  readonly name: EngineName;
  /** @throws TandemError where the engine cannot execute the graph */
  open(graph: Graph): Session;
}

/** A tensor in the engine's memory. */
export interface Tensor {
  readonly shape: readonly number[];
}

export type Feed = readonly [value: Value, tensor: Tensor];

/** A graph ready to run, and its variables, which start at zero. */
export interface Session {
  /** Every tensor that `body` makes is freed when it returns or throws; what it returns must be plain values. */
  scope<T>(body: (scope: TensorScope) => T): T;
  /**
   * For work that is interrupted: any number of scopes may be open, and their runs may follow each other in any order. To be
   * closed before the session is disposed.
   */
  openScope(): OwnedScope;
  /**
   * Arrays of zeros in memory that the engine reads where it is: `keep` and `TensorScope.tensor` need not copy them.
   * @param lengths in values
   */
  allocate(lengths: readonly number[]): Float32Array[];
  /** A tensor that outlives scopes until it is freed. @param values must stay as they are until then */
  keep(shape: readonly number[], values: Float32Array): Tensor;
  free(tensor: Tensor): void;
  /** Sets variables by name. @throws RangeError where a length is not the variable's */
  write(variables: readonly { name: string; values: Float32Array }[]): void;
  /** Copies variables to where they are wanted. @throws RangeError where a length is not the variable's */
  read(variables: readonly { name: string; into: Float32Array }[]): void;
  dispose(): void;
}

export interface TensorScope {
  /** @param values must not be changed before the scope ends: the engine may use their memory */
  tensor(shape: readonly number[], values: Float32Array | Int32Array): Tensor;
  /**
   * Computes what the fetches need, with the feeds in the places of the values that they name, variables included.
   * @returns one tensor for each fetch; that of an effect has no value
   */
  run(feeds: readonly Feed[], fetches: readonly Value[]): Tensor[];
  /** A copy of a float32 tensor's values. */
  floats(tensor: Tensor): Float32Array;
}

/** A scope that its owner ends. */
export interface OwnedScope extends TensorScope {
  /** Frees its tensors; the second time there are none. */
  close(): void;
}

/** `Session.scope` of an engine that has `openScope`. */
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
