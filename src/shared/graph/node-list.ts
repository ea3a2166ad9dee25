// The nodes of a graph under construction: unique names, scopes, and each node after its inputs. Pure.
import type { Node, Op, Value } from "./graph.js";
import type { OutputType } from "./infer-checks.js";

export class NodeList {
  readonly nodes: Node[] = [];
  private readonly byName = new Map<string, Node>();
  /** The last number appended to each name, so that thousands of equal names do not make the search quadratic. */
  private readonly repeats = new Map<string, number>();
  private scopes: readonly string[] = [];

  /** Nodes that `body` adds have names that begin with `scope/`; TensorBoard folds them. */
  within<T>(scope: string, body: () => T): T {
    return this.inScopes([...this.scopes, scope], body);
  }

  /** Outside of all scopes. */
  atRoot<T>(body: () => T): T {
    return this.inScopes([], body);
  }

  /**
   * @param name within the current scopes; a number is appended if it is taken
   * @throws RangeError if an input belongs to another graph
   */
  add(
    name: string,
    op: Op,
    inputs: readonly Value[],
    after: readonly Value[],
    types: readonly OutputType[],
  ): Node {
    for (const { node } of [...inputs, ...after]) {
      if (this.byName.get(node.name) !== node) {
        throw new RangeError(`${node.name} belongs to another graph`);
      }
    }
    const outputs: Value[] = [];
    const node: Node = { name: this.findFreeName(name), op, inputs, after, outputs };
    types.forEach(({ shape, type }, index) => outputs.push({ node, index, shape, type }));
    this.nodes.push(node);
    this.byName.set(node.name, node);
    return node;
  }

  private inScopes<T>(scopes: readonly string[], body: () => T): T {
    const outer = this.scopes;
    this.scopes = scopes;
    try {
      return body();
    } finally {
      this.scopes = outer;
    }
  }

  private findFreeName(name: string): string {
    const requested = [...this.scopes, name].join("/");
    let free = requested;
    while (this.byName.has(free)) {
      const number = (this.repeats.get(requested) ?? 0) + 1;
      this.repeats.set(requested, number);
      free = `${requested}_${number}`;
    }
    return free;
  }
}
