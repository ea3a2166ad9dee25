// Where workers can join, as the coordinator tells its pages.

/** Answer to `GET /join/addresses`. */
export interface JoinAddresses {
  /** For workers: `ws:` or `wss:`, as in the event `listening`. Empty for a finished run. */
  urls: readonly string[];
  needsToken: boolean;
}
