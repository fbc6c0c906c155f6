/**
 * Drives a demuxer with the bytes of a source.
 *
 * @module
 */

import { endsBefore, type TimedPacket } from "../../lib/audio/seek.ts";
import type { ByteSource } from "./byte_source.ts";

/** What the demuxers have in common. */
interface Demuxer {
  push(chunk: Uint8Array): void;
  end(): void;
  pull(): (TimedPacket & { readonly packet: Uint8Array }) | undefined;
}

/**
 * Takes the packets out of a file.
 *
 * @param demuxer Knows the container.
 * @param source The bytes of the file. Chunks are read as the packets are.
 * @param from Where to begin, in milliseconds; what comes before is read and left out.
 * @returns The packets.
 */
export async function* demux(
  demuxer: Demuxer,
  source: ByteSource,
  from: number,
): AsyncGenerator<Uint8Array, void> {
  let begun = false;
  const pull = function* (): Generator<Uint8Array, void> {
    for (let next; (next = demuxer.pull()) !== undefined;) {
      begun ||= !endsBefore(next, from);
      if (begun) yield next.packet;
    }
  };
  for await (const chunk of source instanceof Uint8Array ? [source] : source) {
    demuxer.push(chunk);
    yield* pull();
  }
  demuxer.end();
  yield* pull();
}
