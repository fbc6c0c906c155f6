/**
 * RTCP: what sender and receiver report of a stream (RFC 3550 section 6), and the feedback of
 * RFC 4585, section 6.
 *
 * A datagram holds a compound of packets, one behind the other, each with its size in words.
 * Discord seals it as a whole: its first `RTCP_CLEAR_SIZE` bytes are clear, all that follows is
 * ciphertext. A compound need not begin with a report (RFC 5506). One fault rejects all of it,
 * since where a size is wrong nothing behind it can be trusted.
 *
 * @example Open a datagram, then parse it
 * ```ts
 * import type { PacketCipher } from "@sotto/voice/core";
 * import { openRtcp, parseRtcp } from "@sotto/voice/rtp";
 *
 * function logLoss(datagram: Uint8Array, cipher: PacketCipher): void {
 *   const compound = openRtcp(cipher, datagram);
 *   if (typeof compound === "string") return; // why it is dropped
 *   for (const packet of parseRtcp(compound)) {
 *     if (packet.type !== "receiverReport") continue;
 *     for (const block of packet.blocks) console.log(block.ssrc, block.cumulativeLost);
 *   }
 * }
 * ```
 *
 * @module
 */

import { RemoteProtocolError } from "../errors.ts";
import { NONCE_LIMIT } from "../nonce.ts";
import { ENCRYPTION_MODES, type OpenFault, type PacketCipher } from "../packet.ts";
import { readU32, writeU32 } from "../rtp_header.ts";

/** Bytes of an RTCP datagram that are not encrypted: the first packet's header and its SSRC. */
export const RTCP_CLEAR_SIZE = 8;

/** Report blocks that fit one report. */
export const REPORT_BLOCK_LIMIT = 31;

const HEADER_SIZE = 4;
const BLOCK_SIZE = 24;
const SENDER_INFO_SIZE = 28;
const RECEIVER_INFO_SIZE = 8;
const CNAME = 1;
const FEEDBACK_SIZE = 12;
const REMB_SIZE = 8;
const REMB_NAME = 0x52454d42;
const NACK_FORMAT = 1;
const PLI_FORMAT = 1;
const REMB_FORMAT = 15;

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_UNIX_OFFSET = 2_208_988_800;

/** Packet types (RFC 3550 section 12.1, RFC 4585 section 9). */
export const RtcpPacketType = {
  /** SR. */
  SenderReport: 200,
  /** RR. */
  ReceiverReport: 201,
  /** SDES. */
  SourceDescription: 202,
  /** BYE. */
  Bye: 203,
  /** APP. */
  Application: 204,
  /** RTPFB. */
  TransportFeedback: 205,
  /** PSFB. */
  PayloadFeedback: 206,
} as const;

/** What a receiver saw of one sender (RFC 3550 section 6.4.1). */
export interface ReportBlock {
  /** The sender. */
  readonly ssrc: number;
  /** Share of packets lost since the last report, in 256ths: 0 to 255. */
  readonly fractionLost: number;
  /** Packets lost since the start; 24 bits with sign, below 0 where duplicates exceed losses. */
  readonly cumulativeLost: number;
  /** Highest sequence number received; its upper 16 bits count the wraps. */
  readonly highestSequence: number;
  /** Interarrival jitter, in units of the RTP timestamp. */
  readonly jitter: number;
  /** `compactNtp` of the last sender report that came; 0 for none. */
  readonly lastSenderReport: number;
  /** Time since then, in 1/65536 s; 0 for none. */
  readonly delaySinceLastSenderReport: number;
}

/** What a sender report says. */
export interface SenderReportFields {
  /** The sender. */
  readonly ssrc: number;
  /** Wall clock when it was sent: 64 bits, in 2^-32 s since 1900 (see `ntpTimestamp`). */
  readonly ntpTimestamp: bigint;
  /** The same instant in the units of the sender's RTP timestamps. */
  readonly rtpTimestamp: number;
  /** RTP packets sent since the start; wraps at 2^32. */
  readonly packetCount: number;
  /** Bytes of payload in them; wraps at 2^32. */
  readonly octetCount: number;
  /** What it received from others; at most `REPORT_BLOCK_LIMIT`. */
  readonly blocks: readonly ReportBlock[];
}

/** A sender report (packet type 200; RFC 3550 section 6.4.1). */
export interface SenderReport extends SenderReportFields {
  /** Tells the packets apart. */
  readonly type: "senderReport";
  /** Profile-specific extension; mostly empty. */
  readonly extension: Uint8Array;
}

/** A receiver report (packet type 201; RFC 3550 section 6.4.2). */
export interface ReceiverReport {
  /** Tells the packets apart. */
  readonly type: "receiverReport";
  /** Who reports. */
  readonly ssrc: number;
  /** What it received; at most `REPORT_BLOCK_LIMIT`. */
  readonly blocks: readonly ReportBlock[];
  /** Profile-specific extension; mostly empty. */
  readonly extension: Uint8Array;
}

/** An item of a source description (RFC 3550 section 6.5). */
export interface SourceDescriptionItem {
  /** 1 is CNAME, 2 NAME, 6 TOOL, 8 PRIV. */
  readonly type: number;
  /** At most 255 bytes; where they are no UTF-8, each byte above 0x7f is U+FFFD. */
  readonly text: string;
}

/** What a source says of itself. */
export interface SourceDescriptionChunk {
  /** The source: an SSRC or a CSRC. */
  readonly ssrc: number;
  /** The items in their order. */
  readonly items: readonly SourceDescriptionItem[];
}

/** A source description (packet type 202; RFC 3550 section 6.5). */
export interface SourceDescription {
  /** Tells the packets apart. */
  readonly type: "sourceDescription";
  /** One for each source, at most 31. */
  readonly chunks: readonly SourceDescriptionChunk[];
}

/** Sources that leave (packet type 203; RFC 3550 section 6.6). */
export interface Bye {
  /** Tells the packets apart. */
  readonly type: "bye";
  /** The sources, at most 31. */
  readonly ssrcs: readonly number[];
  /** Why they leave, where it is said; where it is no UTF-8, each byte above 0x7f is U+FFFD. */
  readonly reason: string | undefined;
}

/** A packet of an application of its own (packet type 204; RFC 3550 section 6.7). */
export interface ApplicationPacket {
  /** Tells the packets apart. */
  readonly type: "application";
  /** Five bits, for the application. */
  readonly subtype: number;
  /** The sender. */
  readonly ssrc: number;
  /** Four characters of U+0000 to U+00FF. */
  readonly name: string;
  /** The application's data. */
  readonly data: Uint8Array;
}

/** Generic NACK: packets that a receiver misses (packet type 205, format 1; RFC 4585 section 6.2.1). */
export interface Nack {
  /** Tells the packets apart. */
  readonly type: "nack";
  /** Who misses them. */
  readonly senderSsrc: number;
  /** Who sent them. */
  readonly mediaSsrc: number;
  /** RTP sequence numbers, as they are listed: 17 of them in 4 bytes at most. */
  readonly sequences: readonly number[];
}

/** Any other transport feedback (packet type 205), such as transport-cc (format 15). */
export interface TransportFeedback {
  /** Tells the packets apart. */
  readonly type: "transportFeedback";
  /** Five bits; 15 is transport-cc. */
  readonly format: number;
  /** Who gives feedback. */
  readonly senderSsrc: number;
  /** Whom it is about. */
  readonly mediaSsrc: number;
  /** The feedback control information. */
  readonly data: Uint8Array;
}

/** A receiver lost a picture and wants a key frame (packet type 206, format 1; RFC 4585 section 6.3.1). */
export interface PictureLossIndication {
  /** Tells the packets apart. */
  readonly type: "pictureLoss";
  /** Who asks. */
  readonly senderSsrc: number;
  /** Who is to send one. */
  readonly mediaSsrc: number;
}

/** How much a receiver can take (packet type 206, format 15; draft-alvestrand-rmcat-remb-03). */
export interface MaximumBitrate {
  /** Tells the packets apart. */
  readonly type: "maximumBitrate";
  /** Who estimates. */
  readonly senderSsrc: number;
  /** Not used; 0. */
  readonly mediaSsrc: number;
  /** Bits in a second, over all of the sources; exact, and below 2^81. */
  readonly bitrate: number;
  /** The sources, at most 255. */
  readonly ssrcs: readonly number[];
}

/** Any other payload feedback (packet type 206), such as FIR (format 4). */
export interface PayloadFeedback {
  /** Tells the packets apart. */
  readonly type: "payloadFeedback";
  /** Five bits. */
  readonly format: number;
  /** Who gives feedback. */
  readonly senderSsrc: number;
  /** Whom it is about. */
  readonly mediaSsrc: number;
  /** The feedback control information. */
  readonly data: Uint8Array;
}

/** A packet of another type. */
export interface UnknownRtcpPacket {
  /** Tells the packets apart. */
  readonly type: "unknown";
  /** The packet type, 0 to 255. */
  readonly packetType: number;
  /** Five bits: a count, a format, or what the type makes of them. */
  readonly count: number;
  /** All behind the 4 bytes of the header, without padding. */
  readonly data: Uint8Array;
}

/** A packet of a compound. */
export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | SourceDescription
  | Bye
  | ApplicationPacket
  | Nack
  | TransportFeedback
  | PictureLossIndication
  | MaximumBitrate
  | PayloadFeedback
  | UnknownRtcpPacket;

/**
 * Seals a compound. Spends one nonce of the cipher.
 *
 * @param cipher Mode, key, and the nonces to spend.
 * @param compound What `buildSenderReport` and the other builders make, joined.
 * @returns The datagram.
 * @throws {RangeError} The compound is shorter than `RTCP_CLEAR_SIZE`.
 * @throws {LocalProtocolError} See `PacketCipher.seal`.
 */
export function sealRtcp(cipher: PacketCipher, compound: Uint8Array): Uint8Array {
  if (compound.length < RTCP_CLEAR_SIZE) {
    throw new RangeError(
      `Cannot seal RTCP of ${compound.length} bytes: it has at least ${RTCP_CLEAR_SIZE}`,
    );
  }
  const datagram = new Uint8Array(compound.length + cipher.overhead);
  datagram.set(compound);
  cipher.seal(datagram, RTCP_CLEAR_SIZE, compound.length - RTCP_CLEAR_SIZE);
  return datagram;
}

/**
 * Tells whether a client or a server that follows Discord may seal RTCP with a cipher. Only in
 * the modes that are in service: of the others it was not seen how they are sealed, and in
 * `xsalsa20_poly1305` two reports would share a nonce.
 *
 * @param cipher Mode, key, and the nonces to spend.
 * @returns Whether the mode is one of them and a nonce is left.
 */
export function canSealRtcp(cipher: PacketCipher): boolean {
  return ENCRYPTION_MODES.includes(cipher.mode) && cipher.nonce < NONCE_LIMIT;
}

/**
 * Opens a datagram of RTCP.
 *
 * @param cipher Mode and key.
 * @param datagram Any bytes; not changed.
 * @returns The compound for `parseRtcp`, in memory of its own, or why the datagram is rejected.
 */
export function openRtcp(cipher: PacketCipher, datagram: Uint8Array): Uint8Array | OpenFault {
  const compound = new Uint8Array(datagram);
  const size = cipher.open(datagram, RTCP_CLEAR_SIZE, compound.subarray(RTCP_CLEAR_SIZE));
  return size < 0 ? cipher.fault : compound.subarray(0, RTCP_CLEAR_SIZE + size);
}

/**
 * Parses a compound of RTCP packets.
 *
 * @param compound The decrypted compound, without tag and nonce; not changed.
 * @returns Its packets in their order, at least one, with data of their own.
 * @throws {RemoteProtocolError} The compound is empty, a size does not fit, a version is not 2,
 * padding is malformed or not in the last packet.
 */
export function parseRtcp(compound: Uint8Array): RtcpPacket[] {
  if (compound.length === 0) {
    throw new RemoteProtocolError("Cannot parse RTCP: the compound is empty");
  }
  const packets: RtcpPacket[] = [];
  for (let at = 0; at < compound.length;) {
    const raw = rawPacket(compound, at);
    packets.push(parsePacket(raw));
    at += raw.size;
  }
  return packets;
}

/**
 * Builds a sender report. It can stand alone or begin a compound.
 *
 * @param report What it says; counters keep their low bits, losses are clamped to 24 bits.
 * @returns The packet in memory of its own.
 * @throws {RangeError} There are more than `REPORT_BLOCK_LIMIT` blocks.
 */
export function buildSenderReport(report: SenderReportFields): Uint8Array {
  const { SenderReport } = RtcpPacketType;
  const packet = reportPacket(SenderReport, SENDER_INFO_SIZE, report.ssrc, report.blocks);
  writeU32(packet, 8, Number(BigInt.asUintN(32, report.ntpTimestamp >> 32n)));
  writeU32(packet, 12, Number(BigInt.asUintN(32, report.ntpTimestamp)));
  writeU32(packet, 16, report.rtpTimestamp);
  writeU32(packet, 20, report.packetCount);
  writeU32(packet, 24, report.octetCount);
  return packet;
}

/**
 * Builds a receiver report. It can stand alone or begin a compound.
 *
 * @param ssrc Who reports.
 * @param blocks What it received; losses are clamped to 24 bits.
 * @returns The packet in memory of its own.
 * @throws {RangeError} There are more than `REPORT_BLOCK_LIMIT` blocks.
 */
export function buildReceiverReport(ssrc: number, blocks: readonly ReportBlock[]): Uint8Array {
  return reportPacket(RtcpPacketType.ReceiverReport, RECEIVER_INFO_SIZE, ssrc, blocks);
}

/**
 * Builds a source description: the CNAME of one source, with which a compound goes on behind
 * its report (RFC 3550 section 6.5.1).
 *
 * @param ssrc The source.
 * @param cname What it is called, whatever SSRC it has: ASCII of 1 to 255 characters.
 * @returns The packet in memory of its own.
 * @throws {RangeError} The CNAME is none.
 */
export function buildSourceDescription(ssrc: number, cname: string): Uint8Array {
  if (!/^[\x20-\x7e]{1,255}$/.test(cname)) {
    throw new RangeError(
      `Cannot build a source description with a CNAME of ${cname.length} characters: ` +
        `want 1 to 255 of ASCII`,
    );
  }
  // At least one zero ends the chunk, which is a number of whole words.
  const words = 2 + Math.floor((2 + cname.length) / 4 + 1);
  const packet = new Uint8Array(4 * words);
  packet[0] = 0x81;
  packet[1] = RtcpPacketType.SourceDescription;
  packet[3] = words - 1;
  writeU32(packet, 4, ssrc);
  packet[8] = CNAME;
  packet[9] = cname.length;
  for (let i = 0; i < cname.length; i++) packet[10 + i] = cname.charCodeAt(i);
  return packet;
}

/**
 * The NTP timestamp of a wall clock (RFC 3550 section 4); wraps in 2036.
 *
 * @param unixTime Milliseconds since 1970, as `Date` counts them.
 * @returns 64 bits, in 2^-32 s since 1900.
 * @throws {RangeError} The time is not finite.
 */
export function ntpTimestamp(unixTime: number): bigint {
  if (!Number.isFinite(unixTime)) {
    throw new RangeError(`Cannot make an NTP timestamp of ${unixTime}: the time must be finite`);
  }
  const seconds = Math.floor(unixTime / 1000);
  const fraction = Math.floor((unixTime - 1000 * seconds) / 1000 * 2 ** 32);
  return BigInt.asUintN(64, (BigInt(seconds) + BigInt(NTP_UNIX_OFFSET) << 32n) + BigInt(fraction));
}

/**
 * The middle 32 bits of an NTP timestamp, as report blocks carry it (RFC 3550 section 4).
 *
 * @param timestamp 64 bits, in 2^-32 s since 1900.
 * @returns 32 bits, unsigned, in 1/65536 s; wraps every 18 hours.
 */
export function compactNtp(timestamp: bigint): number {
  return Number(BigInt.asUintN(32, timestamp >> 16n));
}

/**
 * The round-trip time that a report block shows (RFC 3550 section 6.4.1): its arrival, less the
 * sender report it answers, less how long that lay there.
 *
 * Both times are of one clock, that of the sender report, so the peer's clock does not matter.
 *
 * @param block A block about a stream of one's own.
 * @param arrival `compactNtp` of the time at which it arrived.
 * @returns Milliseconds, or `undefined` where the peer has seen no sender report. A difference below
 * 0, which comes of rounding, of a clock that was set or of a false report, is 0.
 */
export function roundTripTime(block: ReportBlock, arrival: number): number | undefined {
  if (block.lastSenderReport === 0) return undefined;
  const units = arrival - block.lastSenderReport - block.delaySinceLastSenderReport | 0;
  return Math.max(units, 0) * 1000 / 65536;
}

/** A packet whose outer sizes hold. */
interface RawPacket {
  /** Where it begins in the compound. */
  readonly at: number;
  /** Its bytes, padding included. */
  readonly size: number;
  /** The low five bits of its first byte. */
  readonly count: number;
  readonly packetType: number;
  /** Header and content, without padding. */
  readonly bytes: Uint8Array;
}

function rawPacket(compound: Uint8Array, at: number): RawPacket {
  const left = compound.length - at;
  if (left < HEADER_SIZE) reject(at, `${left} bytes are left, a header has ${HEADER_SIZE}`);
  const version = compound[at] >>> 6;
  if (version !== 2) reject(at, `the version is ${version}, not 2`);
  const size = 4 * (readU16(compound, at + 2) + 1);
  if (size > left) reject(at, `the packet has ${size} bytes, ${left} are left`);
  let end = at + size;
  if ((compound[at] & 0x20) !== 0) {
    if (size !== left) reject(at, "there is padding before the last packet");
    const padding = compound[end - 1];
    if (padding === 0 || padding % 4 !== 0 || padding > size - HEADER_SIZE) {
      reject(at, `${padding} bytes of padding in a packet of ${size}`);
    }
    end -= padding;
  }
  const bytes = compound.subarray(at, end);
  return { at, size, count: bytes[0] & 0x1f, packetType: bytes[1], bytes };
}

function parsePacket(raw: RawPacket): RtcpPacket {
  switch (raw.packetType) {
    case RtcpPacketType.SenderReport:
      return parseSenderReport(raw);
    case RtcpPacketType.ReceiverReport:
      return parseReceiverReport(raw);
    case RtcpPacketType.SourceDescription:
      return parseSourceDescription(raw);
    case RtcpPacketType.Bye:
      return parseBye(raw);
    case RtcpPacketType.Application:
      return parseApplication(raw);
    case RtcpPacketType.TransportFeedback:
      return parseTransportFeedback(raw);
    case RtcpPacketType.PayloadFeedback:
      return parsePayloadFeedback(raw);
  }
  const { packetType, count, bytes } = raw;
  return { type: "unknown", packetType, count, data: bytes.slice(HEADER_SIZE) };
}

function parseSenderReport(raw: RawPacket): SenderReport {
  const { bytes } = raw;
  const { blocks, extension } = parseBlocks(raw, "sender report", SENDER_INFO_SIZE);
  return {
    type: "senderReport",
    ssrc: readU32(bytes, 4),
    ntpTimestamp: BigInt(readU32(bytes, 8)) << 32n | BigInt(readU32(bytes, 12)),
    rtpTimestamp: readU32(bytes, 16),
    packetCount: readU32(bytes, 20),
    octetCount: readU32(bytes, 24),
    blocks,
    extension,
  };
}

function parseReceiverReport(raw: RawPacket): ReceiverReport {
  const { blocks, extension } = parseBlocks(raw, "receiver report", RECEIVER_INFO_SIZE);
  return { type: "receiverReport", ssrc: readU32(raw.bytes, 4), blocks, extension };
}

function parseBlocks(
  raw: RawPacket,
  name: string,
  start: number,
): Pick<ReceiverReport, "blocks" | "extension"> {
  const end = start + BLOCK_SIZE * raw.count;
  needSize(raw, `${name} with ${raw.count} blocks`, end);
  const blocks: ReportBlock[] = [];
  for (let at = start; at < end; at += BLOCK_SIZE) blocks.push(parseBlock(raw.bytes, at));
  return { blocks, extension: raw.bytes.slice(end) };
}

function parseBlock(bytes: Uint8Array, at: number): ReportBlock {
  return {
    ssrc: readU32(bytes, at),
    fractionLost: bytes[at + 4],
    cumulativeLost: readU32(bytes, at + 4) << 8 >> 8,
    highestSequence: readU32(bytes, at + 8),
    jitter: readU32(bytes, at + 12),
    lastSenderReport: readU32(bytes, at + 16),
    delaySinceLastSenderReport: readU32(bytes, at + 20),
  };
}

function parseSourceDescription(raw: RawPacket): SourceDescription {
  const chunks: SourceDescriptionChunk[] = [];
  let at = HEADER_SIZE;
  for (let i = 0; i < raw.count; i++) {
    needSize(raw, `source description up to chunk ${i + 1} of ${raw.count}`, at + 4);
    const items: SourceDescriptionItem[] = [];
    const ssrc = readU32(raw.bytes, at);
    at = parseItems(raw, at + 4, items);
    chunks.push({ ssrc, items });
  }
  needEnd(raw, `source description with ${raw.count} chunks`, at);
  return { type: "sourceDescription", chunks };
}

/** Reads items up to and including the zeros that end a chunk, and returns where the next begins. */
function parseItems(raw: RawPacket, start: number, items: SourceDescriptionItem[]): number {
  const { bytes } = raw;
  let at = start;
  for (; at < bytes.length && bytes[at] !== 0; at += 2 + bytes[at + 1]) {
    needSize(raw, `source description up to the item at its byte ${at}`, at + 2);
    const end = at + 2 + bytes[at + 1];
    needSize(raw, `source description up to the item at its byte ${at}`, end);
    items.push({ type: bytes[at], text: decodeText(bytes.subarray(at + 2, end)) });
  }
  needSize(raw, "source description with its last chunk ended", at + 1);
  return at + 4 - at % 4;
}

function parseBye(raw: RawPacket): Bye {
  const { bytes, count } = raw;
  const start = HEADER_SIZE + 4 * count;
  needSize(raw, `bye of ${count} sources`, start);
  const ssrcs = readSsrcs(bytes, HEADER_SIZE, count);
  if (bytes.length === start) return { type: "bye", ssrcs, reason: undefined };
  const end = start + 1 + bytes[start];
  needSize(raw, `bye with a reason of ${bytes[start]} bytes`, end);
  needEnd(raw, `bye with a reason of ${bytes[start]} bytes`, 4 * Math.ceil(end / 4));
  return { type: "bye", ssrcs, reason: decodeText(bytes.subarray(start + 1, end)) };
}

function parseApplication(raw: RawPacket): ApplicationPacket {
  const { bytes, count } = raw;
  needSize(raw, "packet of an application", 12);
  return {
    type: "application",
    subtype: count,
    ssrc: readU32(bytes, 4),
    name: String.fromCharCode(...bytes.subarray(8, 12)),
    data: bytes.slice(12),
  };
}

function parseTransportFeedback(raw: RawPacket): Nack | TransportFeedback {
  const { bytes, count: format } = raw;
  const ssrcs = parseFeedbackSsrcs(raw, "transport feedback");
  if (format !== NACK_FORMAT) {
    return { type: "transportFeedback", format, ...ssrcs, data: bytes.slice(FEEDBACK_SIZE) };
  }
  needSize(raw, "NACK", FEEDBACK_SIZE + 4);
  const sequences: number[] = [];
  for (let at = FEEDBACK_SIZE; at < bytes.length; at += 4) {
    const first = readU16(bytes, at);
    sequences.push(first);
    for (let bits = readU16(bytes, at + 2), i = 1; bits !== 0; bits >>>= 1, i++) {
      if ((bits & 1) !== 0) sequences.push((first + i) & 0xffff);
    }
  }
  return { type: "nack", ...ssrcs, sequences };
}

function parsePayloadFeedback(
  raw: RawPacket,
): PictureLossIndication | MaximumBitrate | PayloadFeedback {
  const { bytes, count: format } = raw;
  const ssrcs = parseFeedbackSsrcs(raw, "payload feedback");
  if (format === PLI_FORMAT) {
    needEnd(raw, "picture loss indication", FEEDBACK_SIZE);
    return { type: "pictureLoss", ...ssrcs };
  }
  const data = bytes.slice(FEEDBACK_SIZE);
  // Format 15 is for any application; only its first four bytes say whether it is REMB.
  if (format !== REMB_FORMAT || readU32(data, 0) !== REMB_NAME) {
    return { type: "payloadFeedback", format, ...ssrcs, data };
  }
  needSize(raw, "REMB", FEEDBACK_SIZE + REMB_SIZE);
  const count = data[4];
  needEnd(raw, `REMB of ${count} sources`, FEEDBACK_SIZE + REMB_SIZE + 4 * count);
  const bitrate = (readU32(data, 4) & 0x3ffff) * 2 ** (data[5] >>> 2);
  return { type: "maximumBitrate", ...ssrcs, bitrate, ssrcs: readSsrcs(data, REMB_SIZE, count) };
}

function parseFeedbackSsrcs(raw: RawPacket, name: string): Pick<Nack, "senderSsrc" | "mediaSsrc"> {
  needSize(raw, name, FEEDBACK_SIZE);
  return { senderSsrc: readU32(raw.bytes, 4), mediaSsrc: readU32(raw.bytes, 8) };
}

function readSsrcs(bytes: Uint8Array, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => readU32(bytes, start + 4 * i));
}

function reportPacket(
  packetType: number,
  infoSize: number,
  ssrc: number,
  blocks: readonly ReportBlock[],
): Uint8Array {
  if (blocks.length > REPORT_BLOCK_LIMIT) {
    throw new RangeError(
      `Cannot build a report of ${blocks.length} blocks: at most ${REPORT_BLOCK_LIMIT} fit`,
    );
  }
  const packet = new Uint8Array(infoSize + BLOCK_SIZE * blocks.length);
  packet[0] = 0x80 | blocks.length;
  packet[1] = packetType;
  writeU32(packet, 4, ssrc);
  const words = packet.length / 4 - 1;
  packet[2] = words >>> 8;
  packet[3] = words;
  blocks.forEach((block, i) => writeBlock(packet, infoSize + BLOCK_SIZE * i, block));
  return packet;
}

function writeBlock(packet: Uint8Array, at: number, block: ReportBlock): void {
  const lost = Math.min(Math.max(block.cumulativeLost, -0x800000), 0x7fffff);
  writeU32(packet, at, block.ssrc);
  writeU32(packet, at + 4, lost);
  packet[at + 4] = block.fractionLost;
  writeU32(packet, at + 8, block.highestSequence);
  writeU32(packet, at + 12, block.jitter);
  writeU32(packet, at + 16, block.lastSenderReport);
  writeU32(packet, at + 20, block.delaySinceLastSenderReport);
}

/** Decodes UTF-8; text that is none keeps its ASCII. */
function decodeText(bytes: Uint8Array): string {
  try {
    return decodeURIComponent(
      Array.from(bytes, (byte) => "%" + byte.toString(16).padStart(2, "0")).join(""),
    );
  } catch {
    return Array.from(bytes, (byte) => byte < 0x80 ? String.fromCharCode(byte) : "\ufffd").join("");
  }
}

function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}

function needSize(raw: RawPacket, name: string, size: number): void {
  if (raw.bytes.length < size) {
    reject(raw.at, `a ${name} needs ${size} bytes, the packet has ${raw.bytes.length}`);
  }
}

function needEnd(raw: RawPacket, name: string, size: number): void {
  if (raw.bytes.length !== size) {
    reject(raw.at, `a ${name} has ${size} bytes, the packet ${raw.bytes.length}`);
  }
}

function reject(at: number, fault: string): never {
  throw new RemoteProtocolError(`Cannot parse RTCP at byte ${at}: ${fault}`);
}
