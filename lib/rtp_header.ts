/**
 * RTP headers (RFC 3550 section 5.1) as Discord uses them.
 *
 * `parseRtpHeader` fills a header that the caller keeps, and `writeRtpHeader` writes where the
 * caller wants it, so that the packet path allocates nothing; `rtp/header.ts` builds all that a
 * header can have. The clear part of an `rtpsize` packet is the fixed header, the CSRC list and
 * the four bytes of the extension's preamble; the extension's body is encrypted with the payload.
 *
 * @module
 */

/** Bytes of an RTP header without CSRC and extension. */
export const RTP_HEADER_SIZE = 12;

/** Payload type of Opus in Discord's UDP transport. */
export const OPUS_PAYLOAD_TYPE = 120;

/** The fields of an RTP header. */
export class RtpHeader {
  /** The marker bit. */
  marker = false;
  /** Seven bits; 120 is Opus. */
  payloadType: number = OPUS_PAYLOAD_TYPE;
  /** 16 bits; wraps. */
  sequence = 0;
  /** 32 bits, in samples of 48 kHz; wraps. */
  timestamp = 0;
  /** 32 bits, unsigned. */
  ssrc = 0;
  /** Whether the payload ends with padding. */
  padding = false;
  /** Whether a header extension is present. */
  extension = false;
  /** Words (4 bytes) of the extension's body; in the other modes known once it is opened. */
  extensionWords = 0;
  /** Contributing sources, 0 to 15; `readCsrcs` gives them. */
  csrcCount = 0;
  /** Bytes of fixed header, CSRC list and extension preamble: clear in the `rtpsize` modes. */
  clearSize: number = RTP_HEADER_SIZE;
}

/** Why a datagram is not an RTP packet. */
export type RtpFault = "too-short" | "bad-version";

/**
 * Parses the clear part of an RTP packet.
 *
 * @param datagram The datagram; not changed.
 * @param header Receives the fields. Of no use where a fault is returned.
 * @returns `undefined`, or why it is not an RTP packet.
 */
export function parseRtpHeader(datagram: Uint8Array, header: RtpHeader): RtpFault | undefined {
  if (datagram.length < RTP_HEADER_SIZE) return "too-short";
  const first = datagram[0];
  if (first >>> 6 !== 2) return "bad-version";
  header.padding = (first & 0x20) !== 0;
  header.extension = (first & 0x10) !== 0;
  header.marker = (datagram[1] & 0x80) !== 0;
  header.payloadType = datagram[1] & 0x7f;
  header.sequence = datagram[2] << 8 | datagram[3];
  header.timestamp = readU32(datagram, 4);
  header.ssrc = readU32(datagram, 8);
  header.csrcCount = first & 0x0f;
  const preamble = RTP_HEADER_SIZE + 4 * header.csrcCount;
  header.clearSize = header.extension ? preamble + 4 : preamble;
  if (datagram.length < header.clearSize) return "too-short";
  header.extensionWords = header.extension
    ? datagram[preamble + 2] << 8 | datagram[preamble + 3]
    : 0;
  return undefined;
}

/**
 * Writes a fixed RTP header of version 2, without padding, extension and CSRC.
 *
 * @param into At least `RTP_HEADER_SIZE` bytes.
 * @param sequence 16 bits; higher ones are cut off.
 * @param timestamp 32 bits, in samples of 48 kHz; higher ones are cut off.
 * @param ssrc 32 bits.
 * @param payloadType Seven bits.
 */
export function writeRtpHeader(
  into: Uint8Array,
  sequence: number,
  timestamp: number,
  ssrc: number,
  payloadType: number = OPUS_PAYLOAD_TYPE,
): void {
  into[0] = 0x80;
  into[1] = payloadType & 0x7f;
  into[2] = sequence >>> 8;
  into[3] = sequence;
  writeU32(into, 4, timestamp);
  writeU32(into, 8, ssrc);
}

/** The unsigned big-endian integer at `offset`. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 24 | bytes[offset + 1] << 16 |
    bytes[offset + 2] << 8 |
    bytes[offset + 3]) >>> 0;
}

/** Writes the low 32 bits of `value` big endian. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
