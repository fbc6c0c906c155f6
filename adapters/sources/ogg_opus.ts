/**
 * From bytes to Opus packets, without transcoding.
 *
 * @module
 */

import { OggOpusDemuxer } from "../../lib/audio/ogg_opus.ts";

/** Bytes of a file: all at once, or in chunks (a web stream, a Node stream). */
export type ByteSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Takes the Opus packets out of an Ogg Opus file or stream.
 *
 * @param source The bytes of the file. Chunks are read as the packets are.
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
export async function* oggOpus(source: ByteSource): AsyncGenerator<Uint8Array, void> {
  const demuxer = new OggOpusDemuxer();
  for await (const chunk of source instanceof Uint8Array ? [source] : source) {
    demuxer.push(chunk);
    yield* packetsOf(demuxer);
  }
  demuxer.end();
  yield* packetsOf(demuxer);
}

function* packetsOf(demuxer: OggOpusDemuxer): Generator<Uint8Array, void> {
  for (let next; (next = demuxer.pull()) !== undefined;) yield next.packet;
}
