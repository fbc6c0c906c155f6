/**
 * From the bytes of WebM or Matroska to Opus packets, without transcoding.
 *
 * @module
 */

import { WebmOpusDemuxer } from "../../lib/audio/webm_opus.ts";
import type { ByteSource } from "./byte_source.ts";
import { demux } from "./demux.ts";

/**
 * Takes the packets of the first Opus track out of a WebM or Matroska file or stream.
 *
 * @param source The bytes of the file. Chunks are read as the packets are.
 * @param from Where to begin, in milliseconds; 0 by default. What comes before is read and left
 * out.
 * @returns The packets.
 * @throws {SyntaxError} What comes is neither WebM nor Matroska with Opus, or is cut off; packets
 * before that point are given first.
 * @throws {RangeError} The track is encrypted, compressed or surround sound.
 */
export function webmOpus(source: ByteSource, from = 0): AsyncGenerator<Uint8Array, void> {
  return demux(new WebmOpusDemuxer(), source, from);
}
