/**
 * What an Opus packet says about itself without being decoded: mode, bandwidth,
 * channels, frames, duration (RFC 6716, sections 3.1 and 3.2).
 *
 * A sender needs the duration of every packet, since RTP timestamps and pacing
 * follow from it. Samples are always counted per channel at 48 kHz, the clock of
 * Opus in RTP (RFC 7587, section 4.1), whatever rate a stream was encoded at.
 *
 * @module
 */

/** Samples per second and channel of Opus in RTP and of every duration here. */
export const SAMPLE_RATE = 48000;

/** The longest Opus packet: 120 ms, in samples. */
export const MAX_PACKET_DURATION = 5760;

/**
 * A packet of 20 ms of silence (a mono CELT frame, as clients send it). Discord asks for five of
 * them before a sender pauses. Frozen; make bytes of it with `Uint8Array.from`.
 */
export const OPUS_SILENCE: readonly [0xf8, 0xff, 0xfe] = /* @__PURE__ */ Object.freeze([
  0xf8,
  0xff,
  0xfe,
]);

/**
 * Tells whether a frame is Discord's frame of silence, `F8 FF FE`.
 *
 * @param frame Any bytes.
 * @param size Bytes of the frame, where it is only the beginning of them.
 */
export function isSilence(frame: Uint8Array, size: number = frame.length): boolean {
  return size === 3 && frame[0] === 0xf8 && frame[1] === 0xff && frame[2] === 0xfe;
}

/** Which of its coders Opus used: speech, both layered, or music. */
export type OpusMode = "silk" | "hybrid" | "celt";

/** Audio bandwidth: 4, 6, 8, 12 or 20 kHz. */
export type OpusBandwidth =
  | "narrowband"
  | "mediumband"
  | "wideband"
  | "superwideband"
  | "fullband";

/** A packet's table of contents. */
export interface OpusToc {
  /** Configuration number, 0 to 31 (RFC 6716, table 2). */
  readonly config: number;
  /** Coder that made the frames. */
  readonly mode: OpusMode;
  /** Audio bandwidth of the frames. */
  readonly bandwidth: OpusBandwidth;
  /** Whether the frames are stereo. */
  readonly stereo: boolean;
  /** Frame count code: 0 one frame, 1 two of equal size, 2 two, 3 any number. */
  readonly code: 0 | 1 | 2 | 3;
  /** Frames in the packet, 1 to 48. */
  readonly frameCount: number;
  /** Samples of one frame: 120 (2.5 ms) to 2880 (60 ms). */
  readonly frameSize: number;
  /** Samples of the packet: 120 to 5760. */
  readonly duration: number;
}

/**
 * Reads the table of contents of an Opus packet.
 *
 * @param packet An Opus packet; for code 3 the second byte is read as well.
 * @returns All that the table of contents says.
 * @throws {SyntaxError} where the packet is empty, ends before its frame count,
 * has no frame, or lasts longer than 120 ms.
 */
export function parseToc(packet: Uint8Array): OpusToc {
  const duration = packetDuration(packet);
  const toc = packet[0];
  const config = toc >> 3;
  const frameSize = FRAME_SIZES[config];
  return {
    config,
    mode: config < 12 ? "silk" : config < 16 ? "hybrid" : "celt",
    bandwidth: bandwidthOf(config),
    stereo: (toc & 0x04) !== 0,
    code: (toc & 0x03) as 0 | 1 | 2 | 3,
    frameCount: duration / frameSize,
    frameSize,
    duration,
  };
}

/**
 * Duration of an Opus packet.
 *
 * @param packet An Opus packet.
 * @returns Samples per channel at 48 kHz, 120 to 5760.
 * @throws {SyntaxError} where the packet is empty, ends before its frame count,
 * has no frame, or lasts longer than 120 ms.
 *
 * @example The silence packet lasts 20 ms
 * ```ts
 * import { OPUS_SILENCE, packetDuration } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(packetDuration(Uint8Array.from(OPUS_SILENCE)), 960);
 * ```
 */
export function packetDuration(packet: Uint8Array): number {
  if (packet.length === 0) throw malformed("it is empty, want at least 1 byte");
  const frameCount = countFrames(packet);
  const duration = frameCount * FRAME_SIZES[packet[0] >> 3];
  if (duration > MAX_PACKET_DURATION) {
    throw malformed(`it lasts ${duration} samples, want at most ${MAX_PACKET_DURATION}`);
  }
  return duration;
}

/**
 * Splits an Opus packet into its frames (RFC 6716, section 3.2), without padding.
 * A frame of 0 bytes is a lost or silent one (DTX).
 *
 * @param packet An Opus packet.
 * @returns Views into the packet, one per frame.
 * @throws {SyntaxError} where the packet breaks a requirement of section 3.4.
 */
export function opusFrames(packet: Uint8Array): Uint8Array[] {
  const { code, frameCount } = parseToc(packet);
  const cursor: Cursor = { packet, at: code === 3 ? 2 : 1, end: packet.length };
  if (code === 3 && (packet[1] & 0x40) !== 0) cutPadding(cursor);
  const variable = code === 2 || (code === 3 && (packet[1] & 0x80) !== 0);
  const sizes = variable ? variableSizes(cursor, frameCount) : equalSizes(cursor, frameCount);
  return sizes.map((size) => {
    if (size > MAX_FRAME_SIZE) {
      throw malformed(`a frame has ${size} bytes, want at most ${MAX_FRAME_SIZE}`);
    }
    return packet.subarray(cursor.at, cursor.at += size);
  });
}

/**
 * Whether an Opus packet also holds a copy of lower quality of what came before it (in-band FEC,
 * or LBRR): what `OpusDecoder.decodeFec` reads when the packet before was lost.
 *
 * The first frame decides, since it is what follows the lost packet. It begins with one bit for
 * each 20 ms of it (activity), then the one for FEC; in stereo both again for the side channel.
 * The range coder leaves these bits as they are (RFC 6716, sections 4.2.3 and 4.2.4). A frame
 * without SILK has no FEC.
 *
 * @param packet An Opus packet.
 * @returns Whether its first frame has FEC; `false` also where it is no Opus packet.
 *
 * @example Music has none
 * ```ts
 * import { hasFec, OPUS_SILENCE } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hasFec(Uint8Array.from(OPUS_SILENCE)), false);
 * ```
 */
export function hasFec(packet: Uint8Array): boolean {
  if (packet.length < 2 || packet[0] >= FIRST_CELT) return false;
  const frame = firstFrame(packet);
  if (frame === undefined || frame.length === 0) return false;
  const silkFrames = Math.max(1, FRAME_SIZES[packet[0] >> 3] / 960);
  const mid = 0x80 >> silkFrames;
  const side = mid >> silkFrames + 1;
  return (frame[0] & ((packet[0] & 0x04) === 0 ? mid : mid | side)) !== 0;
}

interface Cursor {
  readonly packet: Uint8Array;
  at: number;
  end: number;
}

/** The lowest first byte of a packet whose frames are CELT alone. */
const FIRST_CELT = 0x80;

/** RFC 6716, section 3.4, R2. */
const MAX_FRAME_SIZE = 1275;

/** Samples of a frame by configuration number (RFC 6716, table 2). */
const FRAME_SIZES: readonly number[] = [
  ...[480, 960, 1920, 2880], // SILK: narrowband
  ...[480, 960, 1920, 2880], // mediumband
  ...[480, 960, 1920, 2880], // wideband
  ...[480, 960, 480, 960], // hybrid: superwideband, fullband
  ...[120, 240, 480, 960], // CELT: narrowband
  ...[120, 240, 480, 960], // wideband
  ...[120, 240, 480, 960], // superwideband
  ...[120, 240, 480, 960], // fullband
];

function firstFrame(packet: Uint8Array): Uint8Array | undefined {
  try {
    return opusFrames(packet)[0];
  } catch {
    return undefined; // every error of it says that this is no Opus packet
  }
}

function countFrames(packet: Uint8Array): number {
  const code = packet[0] & 0x03;
  if (code === 0) return 1;
  if (code < 3) return 2;
  if (packet.length < 2) throw malformed("it ends before its frame count, want at least 2 bytes");
  const frameCount = packet[1] & 0x3f;
  if (frameCount === 0) throw malformed("it holds 0 frames, want at least 1");
  return frameCount;
}

function bandwidthOf(config: number): OpusBandwidth {
  if (config < 4) return "narrowband";
  if (config < 8) return "mediumband";
  if (config < 12) return "wideband";
  if (config < 16) return config < 14 ? "superwideband" : "fullband";
  return (["narrowband", "wideband", "superwideband", "fullband"] as const)[(config - 16) >> 2];
}

/** Takes the padding length from the front and as many bytes off the end. */
function cutPadding(cursor: Cursor): void {
  for (;;) {
    const value = takeByte(cursor);
    cursor.end -= Math.min(value, 254);
    if (value < 255) break;
  }
  if (cursor.end < cursor.at) throw malformed("its padding is larger than the packet");
}

function equalSizes(cursor: Cursor, frameCount: number): number[] {
  const size = (cursor.end - cursor.at) / frameCount;
  if (!Number.isInteger(size)) {
    throw malformed(`${cursor.end - cursor.at} bytes do not make ${frameCount} equal frames`);
  }
  return new Array(frameCount).fill(size);
}

function variableSizes(cursor: Cursor, frameCount: number): number[] {
  const sizes: number[] = [];
  let total = 0;
  while (sizes.length < frameCount - 1) {
    let size = takeByte(cursor);
    if (size >= 252) size += 4 * takeByte(cursor);
    sizes.push(size);
    total += size;
  }
  const rest = cursor.end - cursor.at - total;
  if (rest < 0) throw malformed(`its frames need ${-rest} bytes more than it has`);
  sizes.push(rest);
  return sizes;
}

function takeByte(cursor: Cursor): number {
  if (cursor.at >= cursor.end) throw malformed("it ends before its frame sizes");
  return cursor.packet[cursor.at++];
}

function malformed(what: string): SyntaxError {
  return new SyntaxError(`Cannot parse Opus packet: ${what}`);
}
