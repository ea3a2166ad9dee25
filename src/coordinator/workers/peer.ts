// The identity of a connection's peer, and its bans. Bans go by origin. Processes on this machine all have the same origin, so
// here names tell them apart; other machines' names do not count, as peers choose them. Pure: the time is passed in.
import { closeCodes } from "../../shared/protocol/close-codes.js";
import type { BanList } from "./ban-list.js";
import type { Refusal } from "./handshake.js";
import { isLoopback, originOf } from "./origin.js";

export class Peer {
  readonly address: string;
  readonly origin: string;
  /** Empty until `hello`. */
  name = "";
  private readonly bans: BanList;

  constructor(address: string, bans: BanList) {
    this.address = address;
    this.origin = originOf(address);
    this.bans = bans;
  }

  /** Its name in reports. */
  get label(): string {
    return this.name || this.address;
  }

  /** It broke a rule, or its connection broke; several failures in a short time lead to a temporary ban. */
  noteFailure(nowMs: number): void {
    if (this.name !== "") this.bans.noteFailure(this.banKey, nowMs);
  }

  /** On this machine the ban is temporary, because an honest worker may have the same name. */
  banForWrongResults(nowMs: number): void {
    if (isLoopback(this.address)) this.bans.ban(this.banKey, nowMs);
    else this.bans.banPermanently(this.banKey);
  }

  /** Why it is refused; undefined if it is not banned. */
  refusal(nowMs: number): Refusal | undefined {
    const bannedMs = this.bans.remainingMs(this.banKey, nowMs);
    if (bannedMs <= 0) return undefined;
    const [code, reason] =
      bannedMs === Infinity
        ? [closeCodes.wrongResults, "permanently banned: wrong results"]
        : [closeCodes.banned, `too many failures; retry in ${Math.ceil(bannedMs / 1000)} s`];
    return { code, reason, isFailure: false };
  }

  private get banKey(): string {
    return isLoopback(this.address) ? `${this.name}@${this.origin}` : this.origin;
  }
}
