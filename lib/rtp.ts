/**
 * RTP headers (RFC 3550 section 5.1) as Discord uses them.
 *
 * `parseRtpHeader` fills a header that the caller keeps, and `writeRtpHeader` writes where the
 * caller wants it, so that the packet path allocates nothing. `buildRtpHeader` writes all that
 * a header can have. The clear part of an `rtpsize` packet is the fixed header, the
 * CSRC list and the four bytes of the extension's preamble; the extension's body is
 * encrypted with the payload.
 *
 * @module
 */

/** Bytes of an RTP header without CSRC and extension. */
export const RTP_HEADER_SIZE = 12;

/** Payload type of Opus in Discord's UDP transport. */
export const OPUS_PAYLOAD_TYPE = 120;

/** Contributing sources that fit a header. */
export const CSRC_LIMIT = 15;

const PADDING_BIT = 0x20;
const EXTENSION_BIT = 0x10;
const MARKER_BIT = 0x80;
const EXTENSION_LIMIT = 4 * 0xffff;

/** A header extension as it stands in a packet. */
export interface RtpExtension {
  /** 16 bits that say what the body is; 0xBEDE: one-byte elements. */
  readonly profile: number;
  /** Words of 4 bytes, at most 65535 of them. */
  readonly body: Uint8Array;
}

/** What `buildRtpHeader` makes a header of. */
export interface RtpHeaderFields {
  /** 16 bits; higher ones are cut off. */
  readonly sequence: number;
  /** 32 bits, in samples of 48 kHz; higher ones are cut off. */
  readonly timestamp: number;
  /** 32 bits. */
  readonly ssrc: number;
  /** Seven bits; 120 (Opus) by default. */
  readonly payloadType?: number;
  /** The marker bit; not set by default. */
  readonly marker?: boolean;
  /** Contributing sources, at most `CSRC_LIMIT`; none by default. */
  readonly csrcs?: readonly number[];
  /** The header extension; none by default. `oneByteExtension` makes one. */
  readonly extension?: RtpExtension | undefined;
  /** Whether the payload will end with padding; `false` by default. */
  readonly padding?: boolean;
}

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
  header.padding = (first & PADDING_BIT) !== 0;
  header.extension = (first & EXTENSION_BIT) !== 0;
  header.marker = (datagram[1] & MARKER_BIT) !== 0;
  header.payloadType = datagram[1] & 0x7f;
  header.sequence = datagram[2] << 8 | datagram[3];
  header.timestamp = readU32(datagram, 4);
  header.ssrc = readU32(datagram, 8);
  header.csrcCount = first & CSRC_LIMIT;
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

/**
 * Builds a whole RTP header: fixed part, CSRC list, and extension with preamble and body.
 *
 * @param fields What it says.
 * @returns The header; the payload follows it.
 * @throws {RangeError} The payload type, the profile, the CSRC list or the extension's body
 * does not fit.
 */
export function buildRtpHeader(fields: RtpHeaderFields): Uint8Array {
  const { csrcs = [], extension, payloadType = OPUS_PAYLOAD_TYPE } = fields;
  checkFields(csrcs, extension, payloadType);
  const preamble = RTP_HEADER_SIZE + 4 * csrcs.length;
  const size = extension === undefined ? preamble : preamble + 4 + extension.body.length;
  const header = new Uint8Array(size);
  writeRtpHeader(header, fields.sequence, fields.timestamp, fields.ssrc, payloadType);
  header[0] |= csrcs.length;
  if (fields.padding) header[0] |= PADDING_BIT;
  if (fields.marker) header[1] |= MARKER_BIT;
  csrcs.forEach((csrc, i) => writeU32(header, RTP_HEADER_SIZE + 4 * i, csrc));
  if (extension !== undefined) {
    const { profile, body } = extension;
    header[0] |= EXTENSION_BIT;
    writeU32(header, preamble, profile << 16 | body.length / 4);
    header.set(body, preamble + 4);
  }
  return header;
}

/**
 * Reads the contributing sources of a packet.
 *
 * @param packet The packet. In the modes that are not `rtpsize` the list is encrypted: there
 * it must be the opened one.
 * @param header What `parseRtpHeader` made of it.
 * @returns The sources, unsigned, in their order.
 */
export function readCsrcs(packet: Uint8Array, header: Readonly<RtpHeader>): number[] {
  return Array.from(
    { length: header.csrcCount },
    (_, i) => readU32(packet, RTP_HEADER_SIZE + 4 * i),
  );
}

function checkFields(
  csrcs: readonly number[],
  extension: RtpExtension | undefined,
  payloadType: number,
): void {
  if ((payloadType & 0x7f) !== payloadType) {
    throw new RangeError(
      `Cannot build an RTP header: payload type ${payloadType} is not an integer of 0 to 127`,
    );
  }
  if (csrcs.length > CSRC_LIMIT) {
    throw new RangeError(
      `Cannot build an RTP header: ${csrcs.length} CSRCs are given, ${CSRC_LIMIT} fit`,
    );
  }
  if (extension === undefined) return;
  const { profile, body } = extension;
  if ((profile & 0xffff) !== profile) {
    throw new RangeError(
      `Cannot build an RTP header: extension profile ${profile} is not an integer of 0 to 65535`,
    );
  }
  if (body.length % 4 !== 0 || body.length > EXTENSION_LIMIT) {
    throw new RangeError(
      `Cannot build an RTP header: the extension's body has ${body.length} bytes, ` +
        `not words of 4 up to ${EXTENSION_LIMIT}`,
    );
  }
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
