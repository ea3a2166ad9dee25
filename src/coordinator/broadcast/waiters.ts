// Callbacks waiting for one event, such as a state to send. Each is called at most once and can be cancelled. Pure.

export class Waiters {
  private readonly callbacks = new Set<() => void>();

  get isEmpty(): boolean {
    return this.callbacks.size === 0;
  }

  /** @returns a function that cancels the callback */
  add(callback: () => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  /** Callbacks added during this call wait for the next one. */
  callAll(): void {
    for (const callback of [...this.callbacks]) if (this.callbacks.delete(callback)) callback();
  }
}
