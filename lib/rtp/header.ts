/**
 * Whole RTP headers: fixed part, CSRC list, and extension with preamble and body (RFC 3550
 * section 5). What a session needs of a header is in `rtp_header.ts`.
 *
 * @module
 */

import {
  OPUS_PAYLOAD_TYPE,
  readU32,
  RTP_HEADER_SIZE,
  type RtpHeader,
  writeRtpHeader,
  writeU32,
} from "../rtp_header.ts";

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
