// Who is at the other end of a connection, and the bans that it is under. Bans go by the origin. On this machine all processes
// have the same one, so there the name tells them apart; between machines it is the peer's own choice and means nothing.
// Pure: the time is passed in.
import { closeCodes } from "../../shared/protocol/close-codes.js";
import type { BanList } from "./ban-list.js";
import type { Refusal } from "./handshake.js";
import { isLoopback, originOf } from "./origin.js";

export class Peer {
  readonly address: string;
  readonly origin: string;
  /** Empty until its hello. */
  name = "";
  private readonly bans: BanList;

  constructor(address: string, bans: BanList) {
    this.address = address;
    this.origin = originOf(address);
    this.bans = bans;
  }

  /** What reports call it. */
  get label(): string {
    return this.name || this.address;
  }

  /** It broke a rule, or its connection broke; several times in a row bring a temporary ban. */
  noteFailure(nowMs: number): void {
    if (this.name !== "") this.bans.noteFailure(this.banKey, nowMs);
  }

  /** It computes wrongly. On this machine an honest worker with the same name must be let in again after a while. */
  banForWrongResults(nowMs: number): void {
    if (isLoopback(this.address)) this.bans.ban(this.banKey, nowMs);
    else this.bans.banPermanently(this.banKey);
  }

  /** Why it is turned away; undefined where it is not banned. */
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
