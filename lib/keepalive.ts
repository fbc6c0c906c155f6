/**
 * UDP keepalives: they hold the NAT binding, and those that are answered measure the round trip.
 * A missing answer says nothing: not every server answers.
 *
 * | form | bytes | who sends it | answer |
 * |---|---|---|---|
 * | `official` | `1337CAFE`, 4 bytes of the client's choice | Discord's own client | `1337F00D`, the same 4 bytes |
 * | `counter-le` | counter, 8 bytes little endian | discord.js and others | echoed until March 2023 |
 * | `counter-be` | counter, 8 bytes big endian | discord-ext-voice-recv | the same |
 * | `ssrc` | the SSRC, 4 bytes | songbird | none |
 * | `jda` | `C9`, 8 zeros | JDA | none |
 *
 * @module
 */

import { readU32, writeU32 } from "./rtp_header.ts";

/** Milliseconds between UDP keepalives. */
export const KEEPALIVE_INTERVAL = 5_000;

/** Bytes of a keepalive and of its reply, in the official form and in the counter forms. */
export const KEEPALIVE_SIZE = 8;

/** What a client sends to keep its UDP path alive; see the table above. */
export type KeepaliveForm = "official" | "counter-le" | "counter-be" | "ssrc" | "jda";

/** A form whose answers measure the round trip: how it is written, and how an answer is read. */
export interface KeepaliveCodec {
  /** Builds a keepalive with 32 bits that the answer repeats. */
  build(sequence: number): Uint8Array;
  /** Reads these bits out of an answer; `undefined` where the datagram is none. */
  parse(datagram: Uint8Array): number | undefined;
}

const PING = 0x1337cafe;
const PONG = 0x1337f00d;
const SSRC_SIZE = 4;
const JDA_SIZE = 9;
const JDA_HEAD = 0xc9;

const OFFICIAL: KeepaliveCodec = { build: keepalive, parse: parseKeepaliveReply };

/** Makes keepalives and measures their round trip. */
export class Keepalive {
  readonly #codec: KeepaliveCodec;
  #sequence = 0;
  #sentAt: number | undefined;

  /**
   * Starts without a keepalive.
   *
   * @param codec Form of the keepalives; the official one by default.
   */
  constructor(codec: KeepaliveCodec = OFFICIAL) {
    this.#codec = codec;
  }

  /**
   * Makes the next keepalive.
   *
   * @param now Monotonic milliseconds.
   * @returns The datagram to send.
   */
  next(now: number): Uint8Array {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#sentAt = now;
    return this.#codec.build(this.#sequence);
  }

  /**
   * Reads the answer that this form gets: the official reply, or the counter's echo.
   *
   * @param datagram Any datagram.
   * @returns Its sequence, or `undefined` where it is no such answer.
   */
  sequenceOf(datagram: Uint8Array): number | undefined {
    return this.#codec.parse(datagram);
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

/**
 * Tells the form of a keepalive.
 *
 * Four bytes are an SSRC, whatever they are. A counter has 32 bits, the other half of its bytes
 * is zero; 0 counts as little endian.
 *
 * @param datagram Any datagram.
 * @returns The form, or `undefined` where the datagram is no keepalive.
 */
export function keepaliveForm(datagram: Uint8Array): KeepaliveForm | undefined {
  switch (datagram.length) {
    case SSRC_SIZE:
      return "ssrc";
    case KEEPALIVE_SIZE:
      if (readU32(datagram, 0) === PING) return "official";
      if (readU32(datagram, 4) === 0) return "counter-le";
      return readU32(datagram, 0) === 0 ? "counter-be" : undefined;
    case JDA_SIZE:
      return isJda(datagram) ? "jda" : undefined;
  }
  return undefined;
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

function isJda(datagram: Uint8Array): boolean {
  return datagram[0] === JDA_HEAD && readU32(datagram, 1) === 0 && readU32(datagram, 5) === 0;
}
