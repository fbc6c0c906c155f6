/**
 * Keepalives that are a counter of 64 bits, as some clients still send them; servers echoed them
 * until March 2023.
 *
 * @module
 */

import { KEEPALIVE_SIZE, type KeepaliveCodec } from "./keepalive.ts";
import { readU32, writeU32 } from "./rtp_header.ts";

/** The byte orders of counters, as the `keepalive` of a session. */
export const COUNTER_KEEPALIVES: {
  readonly [F in "counter-le" | "counter-be"]: KeepaliveCodec;
} = {
  "counter-le": codec("counter-le"),
  "counter-be": codec("counter-be"),
};

/**
 * Builds a keepalive that is a counter of 64 bits.
 *
 * @param counter The counter; bits above the lower 32 are cut off.
 * @param form Its byte order; little endian by default.
 * @returns `KEEPALIVE_SIZE` bytes.
 */
export function counterKeepalive(
  counter: number,
  form: "counter-le" | "counter-be" = "counter-le",
): Uint8Array {
  const datagram = new Uint8Array(KEEPALIVE_SIZE);
  writeU32(datagram, 4, counter);
  return form === "counter-be" ? datagram : datagram.reverse();
}

/**
 * Reads a keepalive that is a counter, or its echo.
 *
 * @param datagram Any datagram.
 * @param form Its byte order; little endian by default.
 * @returns The counter, or `undefined` where the datagram is none or exceeds 32 bits.
 */
export function parseCounterKeepalive(
  datagram: Uint8Array,
  form: "counter-le" | "counter-be" = "counter-le",
): number | undefined {
  if (datagram.length !== KEEPALIVE_SIZE) return undefined;
  const [high, low] = form === "counter-be"
    ? [readU32(datagram, 0), readU32(datagram, 4)]
    : [readU32Reversed(datagram, 4), readU32Reversed(datagram, 0)];
  return high === 0 ? low : undefined;
}

function codec(form: "counter-le" | "counter-be"): KeepaliveCodec {
  return {
    build: (sequence) => counterKeepalive(sequence, form),
    parse: (datagram) => parseCounterKeepalive(datagram, form),
  };
}

function readU32Reversed(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 3] << 24 | bytes[offset + 2] << 16 | bytes[offset + 1] << 8 |
    bytes[offset]) >>> 0;
}
