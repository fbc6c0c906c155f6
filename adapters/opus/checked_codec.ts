/**
 * The codec that users hold: it checks what it is given, and that it was not deleted, so that
 * each library behind it sees valid arguments alone and all of them fail alike.
 *
 * @module
 */

import { hasFec, packetDuration, parseToc } from "../../lib/audio/opus_toc.ts";
import type { OpusCodec } from "../opus_codec.ts";
import { MAX_PACKET_SIZE, type OpusEngine, type OpusLibrary } from "./library.ts";

/** An Opus codec over an engine of any library. */
export class CheckedCodec implements OpusCodec {
  readonly channels: 1 | 2;
  readonly implementation: string;
  readonly #encodedDurations: readonly number[];
  #engine: OpusEngine | undefined;

  /**
   * Takes the engine over.
   *
   * @param channels Interleaved channels that the engine was made for.
   * @param library The library that made it.
   * @param engine The engine, which `delete` frees.
   */
  constructor(channels: 1 | 2, library: OpusLibrary, engine: OpusEngine) {
    this.channels = channels;
    this.implementation = library.name;
    this.#encodedDurations = library.encodedDurations;
    this.#engine = engine;
  }

  encode(pcm: Int16Array, into?: Uint8Array): Uint8Array {
    const engine = this.#alive();
    const duration = pcm.length / this.channels;
    if (!this.#encodedDurations.includes(duration)) {
      throw new RangeError(
        `Cannot encode ${duration} samples per channel: want ${this.#encodedDurations.join(", ")}`,
      );
    }
    const capacity = CODED_FRAME_SIZE * Math.ceil(duration / CODED_FRAME_DURATION);
    if (into !== undefined && into.length < capacity) {
      throw tooSmall("encode", into.length, capacity);
    }
    return engine.encode(pcm, duration, capacity, into);
  }

  decode(packet: Uint8Array, into?: Int16Array): Int16Array {
    const engine = this.#alive();
    const size = packetDuration(packet) * this.channels;
    if (into !== undefined && into.length < size) throw tooSmall("decode", into.length, size);
    if (packet.length > MAX_PACKET_SIZE) {
      throw new SyntaxError(
        `Cannot decode Opus packet: it has ${packet.length} bytes, want at most ${MAX_PACKET_SIZE}`,
      );
    }
    return engine.decode(packet, size, into);
  }

  conceal(samples: number): Int16Array {
    const engine = this.#alive();
    checkLost("conceal", samples);
    return engine.conceal(samples);
  }

  decodeFec(packet: Uint8Array, samples: number): Int16Array | undefined {
    const engine = this.#alive();
    checkLost("recover", samples);
    if (packet.length > MAX_PACKET_SIZE || !hasFec(packet)) return undefined;
    if (samples < parseToc(packet).frameSize) return undefined;
    return engine.decodeFec(packet, samples);
  }

  delete(): void {
    this.#engine?.free();
    this.#engine = undefined;
  }

  [Symbol.dispose](): void {
    this.delete();
  }

  #alive(): OpusEngine {
    if (this.#engine === undefined) throw new TypeError("Cannot use the Opus codec: deleted");
    return this.#engine;
  }
}

/** Longer frames are coded as several of 20 ms. */
const CODED_FRAME_DURATION = 960;
/** The most bytes of one frame and its table of contents. */
const CODED_FRAME_SIZE = 1276;
const MAX_LOST = 5760;

function checkLost(action: string, samples: number): void {
  if (!(samples > 0 && samples <= MAX_LOST && samples % 120 === 0)) {
    throw new RangeError(
      `Cannot ${action} ${samples} samples: want a multiple of 120, at most ${MAX_LOST}`,
    );
  }
}

function tooSmall(action: string, size: number, wanted: number): RangeError {
  return new RangeError(
    `Cannot ${action} Opus: \`into\` has ${size} elements, want at least ${wanted}`,
  );
}
