// The addresses at which a worker may join a run, and which one is tried next: relays in turn, and the coordinator after the
// last of them. Pure.

export interface Address {
  url: string;
  /** As it may be printed: without a query, which can hold a secret. */
  shownUrl: string;
}

/** Where all are started at the same time, relays are there a little later than the coordinator. */
const START_ROUNDS = 4;

export class Route {
  private readonly addresses: readonly Address[];
  private index = 0;
  private hasRetried = false;
  /** How often the relays are tried once more before the coordinator. */
  private patience = START_ROUNDS;

  /** @param relays those before the coordinator, in the order in which they are tried */
  constructor(coordinator: Address, relays: readonly Address[] = []) {
    this.addresses = [...relays, coordinator];
  }

  get current(): Address {
    return this.addresses[this.index]!;
  }

  get coordinator(): Address {
    return this.addresses.at(-1)!;
  }

  /** Whether the next failure is one of the coordinator itself. */
  get isAtCoordinator(): boolean {
    return this.index === this.addresses.length - 1;
  }

  /**
   * The connection is lost, or there was none: turns to the next address. One where the worker was of use is tried once more
   * first, as a connection can break while both ends live on. Until one was, the relays are tried several times in turn.
   * @returns whether it begins with the first address again
   */
  advance(wasUseful: boolean): boolean {
    const { length } = this.addresses;
    if (wasUseful) this.patience = 0;
    if (length > 1 && wasUseful && !this.hasRetried) {
      this.hasRetried = true;
      return false;
    }
    this.hasRetried = false;
    this.index = (this.index + 1) % length;
    if (length > 1 && this.isAtCoordinator && this.patience > 0) {
      this.patience--;
      this.index = 0;
    }
    return this.index === 0;
  }
}
