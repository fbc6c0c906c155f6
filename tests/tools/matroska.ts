/**
 * Writes Matroska for tests, element by element, right or wrong.
 *
 * @module
 */

import { MatroskaId } from "../../lib/audio/matroska_elements.ts";
import { join } from "../fuzz/mutate.ts";

type Name = keyof typeof MatroskaId;

/** An ID that no specification knows, and two that are skipped anywhere. */
export const UNKNOWN_ID = 0x4abc;
/** Padding. */
export const VOID_ID = 0xec;
/** A checksum. */
export const CRC_ID = 0xbf;

/** An element with a size. */
export function element(name: Name | number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = join(...parts);
  return join(idOf(name), vint(body.length), body);
}

/** An element without a size. */
export function live(name: Name | number, ...parts: readonly Uint8Array[]): Uint8Array {
  return join(idOf(name), Uint8Array.of(0x01, 255, 255, 255, 255, 255, 255, 255), ...parts);
}

/** A variable-size integer in as few bytes as possible, or in more. */
export function vint(value: number, minimum = 1): Uint8Array {
  let size = minimum;
  while (value >= 2 ** (7 * size) - 1) size++;
  const bytes = bigEndian(value, size);
  bytes[0] |= 0x80 >> (size - 1);
  return bytes;
}

/** The difference of two sizes, as EBML lacing has it. */
export function lacedDifference(difference: number, size: number): Uint8Array {
  return vint(difference + 2 ** (7 * size - 1) - 1, size);
}

/** An unsigned integer. */
export function uint(name: Name, value: number): Uint8Array {
  let size = 1;
  while (value >= 2 ** (8 * size)) size++;
  return element(name, bigEndian(value, size));
}

/** A float of 8 bytes. */
export function float(name: Name, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return element(name, bytes);
}

/** A text. */
export function text(name: Name, value: string): Uint8Array {
  return element(name, Uint8Array.from(value, (char) => char.charCodeAt(0)));
}

/** The body of a block. */
export function block(
  track: number,
  timestamp: number,
  flags: number,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return join(vint(track), bigEndian(timestamp & 0xffff, 2), Uint8Array.of(flags), ...parts);
}

/** A SimpleBlock without lacing. */
export function simple(timestamp: number, packet: Uint8Array, track = 1): Uint8Array {
  return element("SimpleBlock", block(track, timestamp, 0x80, packet));
}

/** A Cluster with its timestamp. */
export function cluster(timestamp: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return element("Cluster", uint("Timestamp", timestamp), ...parts);
}

/** The header of a file. */
export function ebml(docType = "webm"): Uint8Array {
  return element("EBML", text("DocType", docType));
}

/** OpusHead with mapping family 0. */
export function opusHead(channels = 2, preSkip = 312): Uint8Array {
  const bytes = Uint8Array.from("OpusHead\x01", (char) => char.charCodeAt(0));
  const rest = [channels, preSkip & 0xff, preSkip >> 8, 0x80, 0xbb, 0, 0, 0, 0, 0];
  return join(bytes, Uint8Array.from(rest));
}

/** The TrackEntry of an Opus track with more elements in it. */
export function opusEntry(...more: readonly Uint8Array[]): Uint8Array {
  return element(
    "TrackEntry",
    ...[uint("TrackNumber", 1), uint("TrackType", 2), text("CodecID", "A_OPUS")],
    ...[uint("CodecDelay", 6_500_000), uint("SeekPreRoll", 80_000_000)],
    ...[element("CodecPrivate", opusHead()), ...more],
  );
}

/** A TrackEntry of another codec. */
export function otherEntry(number: number, type: number, codec: string): Uint8Array {
  return element(
    "TrackEntry",
    ...[uint("TrackNumber", number), uint("TrackType", type), text("CodecID", codec)],
  );
}

/** Tracks with one Opus track. */
export const OPUS_TRACKS: Uint8Array = element("Tracks", opusEntry());

/** Integers of any size, most significant byte first. */
export function bigEndian(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)));
}

function idOf(name: Name | number): Uint8Array {
  const id = typeof name === "number" ? name : MatroskaId[name];
  return bigEndian(id, id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1);
}
