// What both ends of a connection assume about the network between them. Pure.

/** The slowest supported link, 5 Mbit/s, in bytes per millisecond: bytes that are in transit may take this long to arrive. */
export const SLOWEST_LINK = 625;
