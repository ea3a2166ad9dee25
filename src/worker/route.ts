// The addresses at which a worker can join a run, and the order in which they are tried: the relays in turn, then the coordinator.
// Pure.

export interface Address {
  url: string;
  /** For display: without the query, which can contain a secret. */
  shownUrl: string;
}

/** How many times the relays are tried at the start: relays started along with the coordinator are ready a little later. */
const START_ROUNDS = 4;

export class Route {
  private readonly addresses: readonly Address[];
  private index = 0;
  private hasRetried = false;
  /** How many more times the relays are tried before the coordinator. */
  private roundsLeft = START_ROUNDS;

  /** @param relays in the order in which they are tried */
  constructor(coordinator: Address, relays: readonly Address[] = []) {
    this.addresses = [...relays, coordinator];
  }

  get current(): Address {
    return this.addresses[this.index]!;
  }

  get coordinator(): Address {
    return this.addresses.at(-1)!;
  }

  /** Whether the current address is the coordinator's. */
  get isAtCoordinator(): boolean {
    return this.index === this.addresses.length - 1;
  }

  /**
   * Moves to the next address after a lost or failed connection. An address where the worker was useful is retried once first, as
   * a connection can break while both ends are alive. Until one was useful, the relays are tried several times in turn.
   * @returns true if it starts again with the first address
   */
  advance(wasUseful: boolean): boolean {
    const { length } = this.addresses;
    if (wasUseful) this.roundsLeft = 0;
    if (length > 1 && wasUseful && !this.hasRetried) {
      this.hasRetried = true;
      return false;
    }
    this.hasRetried = false;
    this.index = (this.index + 1) % length;
    if (length > 1 && this.isAtCoordinator && this.roundsLeft > 0) {
      this.roundsLeft--;
      this.index = 0;
    }
    return this.index === 0;
  }
}
