/**
 * From bytes to Opus packets, without transcoding.
 *
 * @module
 */

import { OggOpusDemuxer } from "../../lib/audio/ogg_opus.ts";
import type { ByteSource } from "./byte_source.ts";
import { demux } from "./demux.ts";

export type { ByteSource } from "./byte_source.ts";

/**
 * Takes the Opus packets out of an Ogg Opus file or stream.
 *
 * @param source The bytes of the file. Chunks are read as the packets are.
 * @param from Where to begin, in milliseconds; 0 by default. What comes before is read and left
 * out.
 * @returns The packets, header packets left out; chained streams follow each other.
 * @throws {SyntaxError} What comes is not Ogg Opus; packets before that point are given first.
 *
 * @example Packets of a file in memory
 * ```ts
 * import { oggOpus } from "@sotto/voice";
 * import { OPUS_SILENCE, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const silence = Uint8Array.from(OPUS_SILENCE);
 * const packets = await Array.fromAsync(oggOpus(writeOggOpus([silence])));
 * assertEquals(packets, [silence]);
 * ```
 */
export function oggOpus(source: ByteSource, from = 0): AsyncGenerator<Uint8Array, void> {
  return demux(new OggOpusDemuxer(), source, from);
}
