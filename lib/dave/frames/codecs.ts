/**
 * What of a frame must stay readable, by codec: a relay cuts frames into packets and
 * builds them again, and for that looks at some bytes of them. These are authenticated
 * but not encrypted. Receivers need not know the codec: the ranges are in the trailer.
 *
 * Some frames are written anew, in a form that no packetizer changes.
 *
 * @module
 */

import { layOutAv1 } from "./av1.ts";
import { layOutH264, layOutH265 } from "./h26x.ts";
import type { ClearRanges } from "./ranges.ts";
import { TRAILER_BASE_SIZE, TRAILER_LIMIT } from "./trailer.ts";

/** A codec of frames. */
export type FrameCodec = "opus" | "vp8" | "vp9" | "h264" | "h265" | "av1";

/** Puts a frame as it will be sent into `into`, fills `ranges`; -1 for a malformed frame. */
type Layout = (frame: Uint8Array, into: Uint8Array, ranges: ClearRanges) => number;

interface CodecFormat {
  readonly layOut: Layout;
  /** Most bytes that layout and ranges add. */
  readonly growth: (size: number) => number;
  /** Whether the packetizer looks for start codes, which ciphertext must not hold. */
  readonly startCodes: boolean;
}

const NONCE_LIMIT = 5;
const VP8_KEY_FRAME_HEADER = 10;
const RANGES_LIMIT: number = TRAILER_LIMIT - TRAILER_BASE_SIZE;

const OPAQUE: CodecFormat = {
  layOut: layOutOpaque,
  growth: () => NONCE_LIMIT,
  startCodes: false,
};

const CODECS: { readonly [C in FrameCodec]: CodecFormat } = {
  opus: OPAQUE,
  vp8: { layOut: layOutVp8, growth: () => NONCE_LIMIT + 2, startCodes: false },
  // What a packetizer of VP9 needs stands before the frame, in each packet.
  vp9: OPAQUE,
  // A start code of three bytes grows by one.
  h264: { layOut: layOutH264, growth: growthOfH26x, startCodes: true },
  h265: { layOut: layOutH265, growth: growthOfH26x, startCodes: true },
  av1: { layOut: layOutAv1, growth: () => RANGES_LIMIT, startCodes: false },
};

/**
 * Most bytes that a sealed frame can have: what the buffer for it must hold.
 *
 * @param codec Its codec.
 * @param size Bytes of the frame.
 */
export function sealedSizeLimit(codec: FrameCodec, size: number): number {
  return size + TRAILER_BASE_SIZE + CODECS[codec].growth(size);
}

/**
 * Tells whether ciphertext must hold no start code.
 *
 * @param codec The codec.
 */
export function hasStartCodes(codec: FrameCodec): boolean {
  return CODECS[codec].startCodes;
}

/**
 * Puts a frame as it will be sent, before encryption, into `into`. A frame that is not
 * what its codec says stays as it is and is encrypted as a whole.
 *
 * @param codec Its codec.
 * @param frame The frame.
 * @param into Receives it; `sealedSizeLimit` bytes are enough.
 * @param ranges Receives the ranges to leave clear.
 * @returns Its bytes there.
 */
export function layOutFrame(
  codec: FrameCodec,
  frame: Uint8Array,
  into: Uint8Array,
  ranges: ClearRanges,
): number {
  ranges.clear();
  const size = CODECS[codec].layOut(frame, into, ranges);
  if (size >= 0) return size;
  ranges.clear();
  return layOutOpaque(frame, into);
}

function layOutOpaque(frame: Uint8Array, into: Uint8Array): number {
  into.set(frame);
  return frame.length;
}

/** The low bit of the first byte is clear in a key frame, whose header is longer. */
function layOutVp8(frame: Uint8Array, into: Uint8Array, ranges: ClearRanges): number {
  if (frame.length === 0) return 0;
  const header = (frame[0] & 1) === 0 ? VP8_KEY_FRAME_HEADER : 1;
  ranges.append(0, Math.min(header, frame.length));
  return layOutOpaque(frame, into);
}

function growthOfH26x(size: number): number {
  return RANGES_LIMIT + Math.ceil(size / 3);
}
