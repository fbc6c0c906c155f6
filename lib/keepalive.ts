/**
 * UDP keepalive in the form of the official client: `1337CAFE` and four bytes that
 * the server gives back behind `1337F00D`. It holds the NAT binding and measures
 * the round trip. A missing reply says nothing: not every server answers.
 *
 * @module
 */

import { readU32, writeU32 } from "./rtp.ts";

/** Milliseconds between UDP keepalives. */
export const KEEPALIVE_INTERVAL = 5_000;

/** Bytes of a keepalive and of its reply. */
export const KEEPALIVE_SIZE = 8;

const PING = 0x1337cafe;
const PONG = 0x1337f00d;

/** Makes keepalives and measures their round trip. */
export class Keepalive {
  #sequence = 0;
  #sentAt: number | undefined;

  /**
   * Makes the next keepalive.
   *
   * @param now Monotonic milliseconds.
   * @returns The datagram to send.
   */
  next(now: number): Uint8Array {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#sentAt = now;
    return keepalive(this.#sequence);
  }

  /**
   * A reply came.
   *
   * @param sequence Its sequence.
   * @param now Monotonic milliseconds.
   * @returns The round-trip time in milliseconds, or `undefined` where the reply is not the
   * first one to the last keepalive.
   */
  acknowledge(sequence: number, now: number): number | undefined {
    const sentAt = this.#sentAt;
    if (sentAt === undefined || sequence !== this.#sequence) return undefined;
    this.#sentAt = undefined;
    return now - sentAt;
  }
}

/**
 * Builds a keepalive.
 *
 * @param sequence 32 bits that the reply repeats.
 * @returns `KEEPALIVE_SIZE` bytes.
 */
export function keepalive(sequence: number): Uint8Array {
  return build(PING, sequence);
}

/**
 * Builds the reply to a keepalive, as a server does.
 *
 * @param sequence The sequence of the keepalive.
 * @returns `KEEPALIVE_SIZE` bytes.
 */
export function keepaliveReply(sequence: number): Uint8Array {
  return build(PONG, sequence);
}

/** The sequence of a keepalive, or `undefined` where the datagram is none. */
export function parseKeepalive(datagram: Uint8Array): number | undefined {
  return parse(datagram, PING);
}

/** The sequence of a keepalive's reply, or `undefined` where the datagram is none. */
export function parseKeepaliveReply(datagram: Uint8Array): number | undefined {
  return parse(datagram, PONG);
}

function build(magic: number, sequence: number): Uint8Array {
  const datagram = new Uint8Array(KEEPALIVE_SIZE);
  writeU32(datagram, 0, magic);
  writeU32(datagram, 4, sequence);
  return datagram;
}

function parse(datagram: Uint8Array, magic: number): number | undefined {
  return datagram.length === KEEPALIVE_SIZE && readU32(datagram, 0) === magic
    ? readU32(datagram, 4)
    : undefined;
}
