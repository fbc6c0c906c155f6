/**
 * One RTP packet: sealed, looked at byte by byte, opened.
 *
 * @module
 */

import {
  type EncryptionMode,
  type NonceCounter,
  PacketCipher,
  packetOverhead,
  parseRtpHeader,
  RTP_HEADER_SIZE,
  RtpHeader,
  TAG_SIZE,
  writeRtpHeader,
} from "@sotto/voice/core";
import { nobleCiphers } from "@sotto/voice/rtp";

/** What a byte of a packet is. */
export type Part = "header" | "ciphertext" | "tag" | "nonce";

/** What came of opening a packet. */
export type Opened =
  | { readonly payload: Uint8Array; readonly header: Readonly<RtpHeader> }
  | { readonly fault: string };

/** What is sealed. */
export interface PacketContent {
  /** RTP sequence number; the timestamp follows it. */
  readonly sequence: number;
  /** The payload. */
  readonly payload: Uint8Array;
}

const SSRC = 0x50_77_70;
const FRAME_SAMPLES = 960;

/**
 * Seals a payload behind an RTP header.
 *
 * @param mode The encryption mode.
 * @param key 32 bytes.
 * @param nonces The nonces of the key; one is spent.
 * @param content What is sealed.
 * @returns The datagram.
 */
export function sealPacket(
  mode: EncryptionMode,
  key: Uint8Array,
  nonces: NonceCounter,
  { sequence, payload }: PacketContent,
): Uint8Array {
  const cipher = new PacketCipher(mode, key, nobleCiphers, nonces, random);
  const packet = new Uint8Array(RTP_HEADER_SIZE + payload.length + cipher.overhead);
  writeRtpHeader(packet, sequence & 0xffff, (sequence * FRAME_SAMPLES) >>> 0, SSRC);
  packet.set(payload, RTP_HEADER_SIZE);
  cipher.seal(packet, RTP_HEADER_SIZE, payload.length);
  return packet;
}

/**
 * Opens a datagram.
 *
 * @param mode The encryption mode.
 * @param key 32 bytes.
 * @param datagram Any bytes.
 * @returns Its payload, or why it is rejected.
 */
export function openPacket(mode: EncryptionMode, key: Uint8Array, datagram: Uint8Array): Opened {
  const header = new RtpHeader();
  const fault = parseRtpHeader(datagram, header);
  if (fault !== undefined) return { fault };
  const cipher = new PacketCipher(mode, key, nobleCiphers);
  const into = new Uint8Array(datagram.length);
  const size = cipher.openRtp(datagram, header, into);
  return size < 0 ? { fault: cipher.fault } : { payload: into.subarray(0, size), header };
}

/**
 * Tells what each byte of a datagram is.
 *
 * @param mode The encryption mode.
 * @param datagram The datagram.
 * @returns As many parts as bytes.
 */
export function partsOf(mode: EncryptionMode, datagram: Uint8Array): Part[] {
  const header = new RtpHeader();
  const parsed = parseRtpHeader(datagram, header) === undefined;
  const cipher = new PacketCipher(mode, new Uint8Array(32), nobleCiphers);
  const clear = parsed ? cipher.clearSize(header) : RTP_HEADER_SIZE;
  const end = datagram.length - (packetOverhead(mode) - TAG_SIZE);
  const tag = isSecretbox(mode) ? clear : end - TAG_SIZE;
  return Array.from(datagram, (_, index) => {
    if (index < clear) return "header";
    if (index >= end) return "nonce";
    return index >= tag && index < tag + TAG_SIZE ? "tag" : "ciphertext";
  });
}

/**
 * Tells whether a mode is NaCl's secretbox: its tag stands before the ciphertext, and the
 * header is not authenticated.
 */
export function isSecretbox(mode: EncryptionMode): boolean {
  return mode.startsWith("xsalsa20");
}

/** Fills an array with random bytes. */
export function random(into: Uint8Array): void {
  crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
}

/** Hexadecimal text of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Bytes of a hexadecimal text; white space is left aside.
 *
 * @returns Absent where it is no such text.
 */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
