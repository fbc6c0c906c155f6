/**
 * Whole RTP packets, for a custom transport that seals and opens them on its own: header,
 * CSRC list, extension, payload and padding to a datagram, and back.
 *
 * `buildRtpPacket` and `parseRtpPacket` know nothing of encryption; `sealRtpPacket` and
 * `openRtpPacket` put it around them. How much of the header stays clear is the mode's affair:
 * in the `rtpsize` modes fixed header, CSRC list and the preamble of the extension, in the others
 * the fixed header. Padding is a part of the plaintext. Each call makes memory of its own;
 * `PacketCipher` with `writeRtpHeader` and `parseRtpHeader` does without.
 *
 * @example A packet as a client of Discord sends it, sealed and opened
 * ```ts
 * import { PacketCipher, pureAead, SpeakingFlags } from "@sotto/voice/core";
 * import { buildSpeaker, oneByteExtension, openRtpPacket, sealRtpPacket } from "@sotto/voice/rtp";
 *
 * const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", new Uint8Array(32), pureAead);
 * const extension = oneByteExtension([buildSpeaker(SpeakingFlags.Microphone)]);
 * const fields = { sequence: 1, timestamp: 960, ssrc: 1234, extension };
 * const datagram = sealRtpPacket(cipher, fields, Uint8Array.of(0xf8, 0xff, 0xfe));
 * const packet = openRtpPacket(cipher, datagram);
 * if (typeof packet === "string") throw new Error(`Cannot open the packet: ${packet}`);
 * packet.payload; // f8 ff fe
 * ```
 *
 * @module
 */

import { RemoteProtocolError } from "../errors.ts";
import type { OpenFault, PacketCipher } from "../packet.ts";
import { parseRtpHeader, readU32, type RtpFault, RtpHeader } from "../rtp_header.ts";
import { buildRtpHeader, readCsrcs, type RtpExtension, type RtpHeaderFields } from "./header.ts";
import {
  ONE_BYTE_EXTENSION_PROFILE,
  parseExtensions,
  type RtpExtensionElement,
} from "./extension.ts";

/** Bytes of padding that fit a packet. */
export const PADDING_LIMIT = 255;

/** What a packet is made of, its payload aside. */
export interface RtpPacketFields extends Omit<RtpHeaderFields, "padding"> {
  /** Bytes of padding behind the payload, its count included; at most 255, none by default. */
  readonly padding?: number;
}

/** A packet, taken apart. */
export interface RtpPacket {
  /** Its header. */
  readonly header: Readonly<RtpHeader>;
  /** Contributing sources. */
  readonly csrcs: readonly number[];
  /** The header extension, where there is one. */
  readonly extension: RtpExtension | undefined;
  /**
   * Elements of the extension, where it has the profile 0xBEDE. A malformed one gives none, and
   * costs no audio: `parseExtensions` of the extension's body says what is wrong with it.
   */
  readonly elements: readonly RtpExtensionElement[];
  /** The payload; empty in a packet of padding only. */
  readonly payload: Uint8Array;
  /** Bytes of padding, its count included. */
  readonly padding: number;
}

/** Why a datagram gives no packet. */
export type RtpPacketFault = RtpFault | OpenFault;

/**
 * Builds a packet that is not encrypted, as the mode `plain` has it.
 *
 * @param fields What its header says, and how much padding it has.
 * @param payload One Opus packet, or what else the payload type means.
 * @returns The packet.
 * @throws {RangeError} A field does not fit; see `buildRtpHeader`.
 */
export function buildRtpPacket(fields: RtpPacketFields, payload: Uint8Array): Uint8Array {
  return layOut(fields, payload, 0);
}

/**
 * Builds a packet and seals it. Spends one nonce of the cipher.
 *
 * @param cipher Mode, key, and the nonces to spend.
 * @param fields What its header says, and how much padding it has.
 * @param payload One Opus packet, or what else the payload type means.
 * @returns The datagram.
 * @throws {RangeError} A field does not fit; see `buildRtpHeader`. No nonce is spent.
 * @throws {LocalProtocolError} See `PacketCipher.seal`.
 */
export function sealRtpPacket(
  cipher: PacketCipher,
  fields: RtpPacketFields,
  payload: Uint8Array,
): Uint8Array {
  const datagram = layOut(fields, payload, cipher.overhead);
  const header = new RtpHeader();
  parseRtpHeader(datagram, header);
  const clearSize = cipher.clearSize(header);
  cipher.seal(datagram, clearSize, datagram.length - clearSize - cipher.overhead);
  return datagram;
}

/**
 * Takes a packet apart that is not encrypted.
 *
 * @param packet The packet; not changed. What is returned does not share its memory.
 * @returns Its parts, or why it is rejected.
 */
export function parseRtpPacket(packet: Uint8Array): RtpPacket | RtpPacketFault {
  return takeApart(new Uint8Array(packet));
}

/**
 * Opens a datagram and takes its packet apart.
 *
 * @param cipher Mode and key.
 * @param datagram Any bytes; not changed.
 * @returns The parts of the packet, or why it is rejected.
 */
export function openRtpPacket(
  cipher: PacketCipher,
  datagram: Uint8Array,
): RtpPacket | RtpPacketFault {
  const header = new RtpHeader();
  const fault = parseRtpHeader(datagram, header);
  if (fault !== undefined) return fault;
  const clearSize = cipher.clearSize(header);
  const packet = new Uint8Array(datagram);
  const plainSize = cipher.open(datagram, clearSize, packet.subarray(clearSize));
  if (plainSize < 0) return cipher.fault;
  const parsed = takeApart(packet.subarray(0, clearSize + plainSize));
  // The tag is right: what is missing is the part of the header that was encrypted.
  return parsed === "too-short" ? "bad-extension" : parsed;
}

/** Header, payload, padding, and room for what a mode adds. */
function layOut(fields: RtpPacketFields, payload: Uint8Array, overhead: number): Uint8Array {
  const { padding = 0, ...rest } = fields;
  if ((padding & PADDING_LIMIT) !== padding) {
    throw new RangeError(
      `Cannot build an RTP packet: ${padding} bytes of padding are not an integer of 0 to ` +
        PADDING_LIMIT,
    );
  }
  const header = buildRtpHeader({ ...rest, padding: padding > 0 });
  const size = header.length + payload.length + padding;
  const packet = new Uint8Array(size + overhead);
  packet.set(header);
  packet.set(payload, header.length);
  if (padding > 0) packet[size - 1] = padding;
  return packet;
}

/** Parses a packet; what it returns are views of it. */
function takeApart(packet: Uint8Array): RtpPacket | RtpPacketFault {
  const header = new RtpHeader();
  const fault = parseRtpHeader(packet, header);
  if (fault !== undefined) return fault;
  const start = header.clearSize + 4 * header.extensionWords;
  if (start > packet.length) return "bad-extension";
  const padding = header.padding ? packet[packet.length - 1] : 0;
  if (header.padding && (padding === 0 || padding > packet.length - start)) return "bad-padding";
  const extension = header.extension ? readExtension(packet, header.clearSize, start) : undefined;
  return {
    header,
    csrcs: readCsrcs(packet, header),
    extension,
    elements: readElements(extension),
    payload: packet.subarray(start, packet.length - padding),
    padding,
  };
}

function readExtension(packet: Uint8Array, start: number, end: number): RtpExtension {
  return { profile: readU32(packet, start - 4) >>> 16, body: packet.subarray(start, end) };
}

function readElements(extension: RtpExtension | undefined): RtpExtensionElement[] {
  if (extension?.profile !== ONE_BYTE_EXTENSION_PROFILE) return [];
  try {
    return parseExtensions(extension.body);
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return [];
  }
}
