/**
 * Opus encoding and decoding on Deno, Bun and Node without a native add-on: libopus
 * 1.4 in WebAssembly, from the package `opusscript`.
 *
 * The package's own wrapper writes at twice its pointers and so over foreign memory.
 * This module drives the package's raw handler with buffers of its own instead, and
 * keeps clear of three more traps of that build:
 *
 * - The handler unpacks PCM bytes in place and reads beyond their end; told of 0
 *   bytes it takes the 16-bit samples as they are.
 * - The module's stack is 64 KiB, lies above its static data, and is not checked. To
 *   encode a stereo frame of 20 ms takes up to 56 KiB of it, one of 40 ms overwrites
 *   static data: so 20 ms is the longest frame that `encode` takes. To decode 60 ms
 *   takes 49 KiB, 120 ms too many: longer packets are decoded frame by frame.
 * - Without a packet it conceals 120 ms at once; with an empty frame (RFC 6716,
 *   section 3.2.1) of a known duration it conceals just that.
 *
 * On Deno the package reads its `.wasm` file: with a `node_modules` folder that takes
 * `--allow-read=node_modules`, otherwise `--allow-read` of Deno's cache. Nothing is
 * loaded before the first `createOpus`.
 *
 * @module
 */

import { opusFrames, packetDuration, SAMPLE_RATE } from "../lib/audio/opus_toc.ts";
import type { OpusApplication, OpusCodec, OpusCodecOptions } from "./opus_codec.ts";

export type { OpusApplication, OpusCodec, OpusCodecOptions };

/**
 * Makes an Opus codec. All codecs share one WebAssembly instance.
 *
 * @param options Channels, application and bitrate.
 * @returns The codec. `delete` it, or bind it with `using`, or its memory stays taken.
 * @throws {RangeError} where an option is out of range.
 * @throws {Error} where `opusscript` cannot be loaded; the reason is its `cause`.
 *
 * @example Encode and decode 20 ms
 * ```ts
 * import { createOpus } from "@sotto/voice/opus";
 * import { assertEquals } from "@std/assert";
 *
 * using codec = await createOpus({ channels: 2 });
 * const packet = codec.encode(new Int16Array(1920));
 * assertEquals(codec.decode(packet).length, 1920);
 * ```
 */
export async function createOpus(options: OpusCodecOptions = {}): Promise<OpusCodec> {
  const { channels = 2, application = "audio", bitrate = 64000 } = options;
  if (channels !== 1 && channels !== 2) {
    throw new RangeError(`Cannot make an Opus codec: channels is ${channels}, want 1 or 2`);
  }
  if (!Object.hasOwn(APPLICATIONS, application)) {
    throw new RangeError(
      `Cannot make an Opus codec: application is "${application}", ` +
        'want "voip", "audio" or "lowdelay"',
    );
  }
  if (!Number.isInteger(bitrate) || bitrate < 500 || bitrate > 512000) {
    throw new RangeError(`Cannot make an Opus codec: bitrate is ${bitrate}, want 500 to 512000`);
  }
  const library = await loadLibrary();
  return new OpusScriptCodec(library, channels, application, bitrate);
}

/** The handler class of the raw module (opusscript's `src/opusscript_encoder.cpp`). */
interface Handler {
  _encode(pcm: number, byteCount: number, packet: number, frameSize: number): number;
  _decode(packet: number, packetSize: number, pcmBytes: number): number;
  _encoder_ctl(request: number, value: number): number;
  delete(): void;
}

/** The raw module. Its views are replaced when its memory grows: never keep one. */
interface RawModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAP16: Int16Array;
  readonly OpusScriptHandler: new (rate: number, channels: number, application: number) => Handler;
  _malloc(size: number): number;
}

/** The module and the buffers that all codecs share: no call is interrupted by another. */
interface Library {
  readonly module: RawModule;
  /** Address of samples to encode. */
  readonly pcm: number;
  /** Address of a packet, encoded or to decode. */
  readonly packet: number;
  /** Address of decoded samples, each byte of them in 16 bits. */
  readonly pcmBytes: number;
}

const APPLICATIONS: Readonly<Record<OpusApplication, number>> = {
  voip: 2048,
  audio: 2049,
  lowdelay: 2051,
};
const SET_BITRATE = 4002;
const ENCODED_DURATIONS: readonly number[] = [120, 240, 480, 960];
const MAX_ENCODED_DURATION = 960;
const MAX_ENCODED_SIZE = 1276; // one frame and its table of contents
const MAX_DECODED_DURATION = 2880; // in one call; see the module's comment
const MAX_CONCEALED_DURATION = 5760;
const PACKET_CAPACITY = 65536; // no valid packet is larger than 48 frames of 1275 bytes

/** Packets of one empty frame each, by duration: fullband stereo CELT. */
const EMPTY_FRAMES: readonly (readonly [duration: number, packet: Uint8Array])[] = [
  [960, Uint8Array.of(0xfc)],
  [480, Uint8Array.of(0xf4)],
  [240, Uint8Array.of(0xec)],
  [120, Uint8Array.of(0xe4)],
];

let libraryPromise: Promise<Library> | undefined;

function loadLibrary(): Promise<Library> {
  // After a failure the next call tries again: a permission may have been granted.
  return libraryPromise ??= load().catch((cause) => {
    libraryPromise = undefined;
    throw new Error("Cannot load opusscript: on Deno it needs --allow-read", { cause });
  });
}

async function load(): Promise<Library> {
  const { default: instantiate } = await import("opusscript/build/opusscript_native_wasm.js") as {
    default: (overrides: Overrides) => RawModule;
  };
  const module = instantiateQuietly(instantiate);
  return {
    module,
    pcm: module._malloc(MAX_ENCODED_DURATION * 2 * 2),
    packet: module._malloc(PACKET_CAPACITY),
    pcmBytes: module._malloc(MAX_DECODED_DURATION * 2 * 4),
  };
}

/** What the module takes, and gains where it is instantiated. */
interface Overrides {
  printErr(): void;
  ready?: Promise<unknown>;
}

/** A failure is thrown once: not printed, nor also an unhandled rejection of `ready`. */
function instantiateQuietly(instantiate: (overrides: Overrides) => RawModule): RawModule {
  const overrides: Overrides = { printErr() {} };
  try {
    return instantiate(overrides);
  } catch (error) {
    overrides.ready?.catch(() => {});
    throw error;
  }
}

class OpusScriptCodec implements OpusCodec {
  readonly channels: 1 | 2;
  readonly #library: Library;
  #handler: Handler | undefined;

  constructor(library: Library, channels: 1 | 2, application: OpusApplication, bitrate: number) {
    this.channels = channels;
    this.#library = library;
    const code = APPLICATIONS[application];
    this.#handler = new library.module.OpusScriptHandler(SAMPLE_RATE, channels, code);
    this.#handler._encoder_ctl(SET_BITRATE, bitrate);
  }

  encode(pcm: Int16Array, into?: Uint8Array): Uint8Array {
    const handler = this.#alive();
    const duration = pcm.length / this.channels;
    if (!ENCODED_DURATIONS.includes(duration)) {
      throw new RangeError(
        `Cannot encode ${duration} samples per channel: want ${ENCODED_DURATIONS.join(", ")}`,
      );
    }
    if (into !== undefined && into.length < MAX_ENCODED_SIZE) {
      throw tooSmall("encode", into.length, MAX_ENCODED_SIZE);
    }
    const { module, pcm: source, packet: target } = this.#library;
    module.HEAP16.set(pcm, source >> 1);
    const size = handler._encode(source, 0, target, duration);
    if (size < 0) throw new Error(`Cannot encode Opus: libopus says ${reasonOf(size)}`);
    const packet = module.HEAPU8.subarray(target, target + size);
    if (into === undefined) return packet.slice();
    into.set(packet);
    return into.subarray(0, size);
  }

  decode(packet: Uint8Array, into?: Int16Array): Int16Array {
    const handler = this.#alive();
    const duration = packetDuration(packet);
    const size = duration * this.channels;
    if (into !== undefined && into.length < size) throw tooSmall("decode", into.length, size);
    const pcm = into === undefined ? new Int16Array(size) : into.subarray(0, size);
    const parts = duration <= MAX_DECODED_DURATION ? [packet] : singleFrames(packet);
    let offset = 0;
    for (const part of parts) offset += this.#decodePart(handler, part, pcm, offset);
    return pcm;
  }

  conceal(samples: number): Int16Array {
    const handler = this.#alive();
    if (!(samples > 0 && samples <= MAX_CONCEALED_DURATION && samples % 120 === 0)) {
      throw new RangeError(
        `Cannot conceal ${samples} samples: want a multiple of 120, ` +
          `at most ${MAX_CONCEALED_DURATION}`,
      );
    }
    const pcm = new Int16Array(samples * this.channels);
    let offset = 0;
    for (const [duration, packet] of EMPTY_FRAMES) {
      const end = pcm.length - duration * this.channels;
      while (offset <= end) offset += this.#decodePart(handler, packet, pcm, offset);
    }
    return pcm;
  }

  delete(): void {
    this.#handler?.delete();
    this.#handler = undefined;
  }

  [Symbol.dispose](): void {
    this.delete();
  }

  #alive(): Handler {
    if (this.#handler === undefined) throw new TypeError("Cannot use the Opus codec: deleted");
    return this.#handler;
  }

  /** Decodes a packet of at most 60 ms into `pcm`; returns how many samples it made. */
  #decodePart(handler: Handler, packet: Uint8Array, pcm: Int16Array, offset: number): number {
    const { module, packet: source, pcmBytes: target } = this.#library;
    if (packet.length > PACKET_CAPACITY) {
      throw new SyntaxError(
        `Cannot decode Opus packet: it has ${packet.length} bytes, want at most ${PACKET_CAPACITY}`,
      );
    }
    module.HEAPU8.set(packet, source);
    const duration = handler._decode(source, packet.length, target);
    if (duration < 0) {
      throw new SyntaxError(`Cannot decode Opus packet: libopus says ${reasonOf(duration)}`);
    }
    const size = duration * this.channels;
    const bytes = module.HEAP16;
    for (let i = 0, at = target >> 1; i < size; i++, at += 2) {
      pcm[offset + i] = bytes[at] | bytes[at + 1] << 8;
    }
    return size;
  }
}

/** The frames of a packet, each as a packet of its own (frame count code 0). */
function singleFrames(packet: Uint8Array): Uint8Array[] {
  return opusFrames(packet).map((frame) => {
    const single = new Uint8Array(1 + frame.length);
    single[0] = packet[0] & 0xfc;
    single.set(frame, 1);
    return single;
  });
}

/** Error codes of libopus (`opus_defines.h`). */
const REASONS: Readonly<Record<number, string>> = {
  [-1]: "bad argument",
  [-2]: "buffer too small",
  [-3]: "internal error",
  [-4]: "corrupted packet",
  [-7]: "out of memory",
};

function reasonOf(code: number): string {
  return REASONS[code] ?? `error ${code}`;
}

function tooSmall(action: string, size: number, wanted: number): RangeError {
  return new RangeError(
    `Cannot ${action} Opus: \`into\` has ${size} elements, want at least ${wanted}`,
  );
}
