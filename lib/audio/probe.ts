/**
 * Which container a file is, by its first bytes: a name or a content type may be wrong or
 * missing.
 *
 * It asks the demuxers, so what it says of Ogg, WebM and Matroska is what they will accept.
 *
 * @module
 */

import { OggOpusDemuxer } from "./ogg_opus.ts";
import { WebmOpusDemuxer } from "./webm_opus.ts";

/**
 * What a file is.
 *
 * - `ogg-opus`: Ogg with Opus that {@linkcode OggOpusDemuxer} reads
 * - `ogg-other`: Ogg without
 * - `webm-opus`: WebM or Matroska with Opus that {@linkcode WebmOpusDemuxer} reads
 * - `matroska-other`: WebM or Matroska without
 * - `wav`: RIFF or RF64 of type WAVE, whatever its samples are
 * - `other`: anything else
 */
export type Container =
  | "ogg-opus"
  | "ogg-other"
  | "webm-opus"
  | "matroska-other"
  | "wav"
  | "other";

/** Bytes after which {@linkcode probeContainer} always has an answer. Mostly 100 are enough. */
export const PROBE_SIZE = 65536;

/**
 * Tells what a file is.
 *
 * @param head Its first bytes, of which {@linkcode PROBE_SIZE} matter.
 * @returns What it is, or `undefined` where more bytes are wanted. Where there are no more, it
 * is something that nobody can play.
 *
 * @example Ask with what has come
 * ```ts
 * import { probeContainer, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const file = writeOggOpus([]);
 * assertEquals(probeContainer(file.subarray(0, 10)), undefined);
 * assertEquals(probeContainer(file), "ogg-opus");
 * ```
 */
export function probeContainer(head: Uint8Array): Container | undefined {
  const bytes = head.subarray(0, PROBE_SIZE);
  const signature = SIGNATURES.find(({ text }) => agrees(bytes, text));
  if (signature === undefined) return "other";
  if (bytes.length < signature.text.length) return undefined;
  return signature.probe(bytes) ?? (bytes.length < PROBE_SIZE ? undefined : signature.fallback);
}

interface Signature {
  /** How it begins; "?" is any byte. */
  readonly text: string;
  /** Looks closer. */
  readonly probe: (bytes: Uint8Array) => Container | undefined;
  /** What it is where {@linkcode PROBE_SIZE} bytes do not tell. */
  readonly fallback: Container;
}

const SIGNATURES: readonly Signature[] = [
  { text: "OggS\0", probe: probeOgg, fallback: "ogg-other" },
  { text: "\x1a\x45\xdf\xa3", probe: probeMatroska, fallback: "matroska-other" },
  { text: "RIFF????WAVE", probe: () => "wav", fallback: "wav" },
  { text: "RF64????WAVE", probe: () => "wav", fallback: "wav" },
];

/** Whether the bytes begin with a text, as far as they go. */
function agrees(bytes: Uint8Array, text: string): boolean {
  return bytes.subarray(0, text.length).every((byte, i) =>
    text[i] === "?" || byte === text.charCodeAt(i)
  );
}

function probeOgg(bytes: Uint8Array): Container | undefined {
  const demuxer = new OggOpusDemuxer();
  const isRefused = refuses(demuxer, bytes);
  if (demuxer.head !== undefined) return "ogg-opus";
  return isRefused ? "ogg-other" : undefined;
}

function probeMatroska(bytes: Uint8Array): Container | undefined {
  const demuxer = new WebmOpusDemuxer();
  const isRefused = refuses(demuxer, bytes);
  if (demuxer.track !== undefined) return "webm-opus";
  return isRefused ? "matroska-other" : undefined;
}

/** Whether a demuxer throws at the beginning of a file. */
function refuses(demuxer: OggOpusDemuxer | WebmOpusDemuxer, bytes: Uint8Array): boolean {
  demuxer.push(bytes);
  try {
    demuxer.pull();
    return false;
  } catch {
    return true;
  }
}
