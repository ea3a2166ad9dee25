// Callbacks that wait for one thing, such as a state to send. Each is called once, unless it is withdrawn before. Pure.

export class Waiters {
  private readonly callbacks = new Set<() => void>();

  get isEmpty(): boolean {
    return this.callbacks.size === 0;
  }

  /** @returns a function that withdraws the callback */
  add(callback: () => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  /** Those that are added meanwhile wait for the next time. */
  callAll(): void {
    for (const callback of [...this.callbacks]) if (this.callbacks.delete(callback)) callback();
  }
}
