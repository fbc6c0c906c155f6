/**
 * Opus by the package `opusscript`: libopus 1.4 in WebAssembly. It writes FEC, but cannot read it.
 *
 * The package's own wrapper writes at twice its pointers and so over foreign memory.
 * This module drives the package's raw handler with buffers of its own instead, and
 * keeps clear of three more traps of that build:
 *
 * - The handler unpacks PCM bytes in place and reads beyond their end; told of 0
 *   bytes it takes the 16-bit samples as they are.
 * - The module's stack is 64 KiB, lies above its static data, and is not checked. To
 *   encode a stereo frame of 20 ms takes up to 56 KiB of it, with FEC too, one of 40 ms
 *   overwrites static data: so 20 ms is the longest frame that it encodes. To decode 60 ms
 *   takes 49 KiB, 120 ms too many: longer packets are decoded frame by frame.
 * - Without a packet it conceals 120 ms at once; with an empty frame (RFC 6716,
 *   section 3.2.1) of a known duration it conceals just that.
 *
 * On Deno the package reads its `.wasm` file: with a `node_modules` folder that takes
 * `--allow-read=node_modules`, otherwise `--allow-read` of Deno's cache.
 *
 * @module
 */

import { opusFrames, SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import type { OpusApplication } from "../opus_codec.ts";
import {
  MAX_PACKET_SIZE,
  notEncoded,
  type OpusEngine,
  type OpusLibrary,
  type OpusSettings,
  refused,
} from "./library.ts";

/**
 * Loads the package. All engines share one WebAssembly instance.
 *
 * @returns The library.
 * @throws {Error} where it cannot be loaded; the reason is its `cause`.
 */
export async function loadOpusscript(): Promise<OpusLibrary> {
  try {
    const shared = await load();
    return {
      name: "opusscript 0.1.1 (libopus 1.4)",
      encodedDurations: [120, 240, 480, MAX_ENCODED_DURATION],
      open: (settings) => Promise.resolve(new OpusscriptEngine(shared, settings)),
    };
  } catch (cause) {
    throw new Error("Cannot load opusscript: on Deno it needs --allow-read", { cause });
  }
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

/** The module and the buffers that all engines share: no call is interrupted by another. */
interface Shared {
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
const SET_INBAND_FEC = 4012;
const SET_PACKET_LOSS_PERC = 4014;
const MAX_ENCODED_DURATION = 960; // see the module's comment
const MAX_DECODED_DURATION = 2880; // in one call; see the module's comment

/** Packets of one empty frame each, by duration: fullband stereo CELT. */
const EMPTY_FRAMES: readonly (readonly [duration: number, packet: Uint8Array])[] = [
  [960, Uint8Array.of(0xfc)],
  [480, Uint8Array.of(0xf4)],
  [240, Uint8Array.of(0xec)],
  [120, Uint8Array.of(0xe4)],
];

async function load(): Promise<Shared> {
  const { default: instantiate } = await import("opusscript/build/opusscript_native_wasm.js") as {
    default: (overrides: Overrides) => RawModule;
  };
  const module = instantiateQuietly(instantiate);
  return {
    module,
    pcm: module._malloc(MAX_ENCODED_DURATION * 2 * 2),
    packet: module._malloc(MAX_PACKET_SIZE),
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

class OpusscriptEngine implements OpusEngine {
  readonly #shared: Shared;
  readonly #channels: 1 | 2;
  readonly #handler: Handler;

  constructor(shared: Shared, settings: OpusSettings) {
    const { channels, application, bitrate, fec, packetLoss } = settings;
    this.#shared = shared;
    this.#channels = channels;
    const code = APPLICATIONS[application];
    this.#handler = new shared.module.OpusScriptHandler(SAMPLE_RATE, channels, code);
    this.#handler._encoder_ctl(SET_BITRATE, bitrate);
    this.#handler._encoder_ctl(SET_INBAND_FEC, fec ? 1 : 0);
    this.#handler._encoder_ctl(SET_PACKET_LOSS_PERC, packetLoss);
  }

  encode(
    pcm: Int16Array,
    duration: number,
    _capacity: number,
    into: Uint8Array | undefined,
  ): Uint8Array {
    const { module, pcm: source, packet: target } = this.#shared;
    module.HEAP16.set(pcm, source >> 1);
    const size = this.#handler._encode(source, 0, target, duration);
    if (size < 0) throw notEncoded(reasonOf(size));
    const packet = module.HEAPU8.subarray(target, target + size);
    if (into === undefined) return packet.slice();
    into.set(packet);
    return into.subarray(0, size);
  }

  decode(packet: Uint8Array, size: number, into: Int16Array | undefined): Int16Array {
    const pcm = into === undefined ? new Int16Array(size) : into.subarray(0, size);
    const isShort = size <= MAX_DECODED_DURATION * this.#channels;
    let offset = 0;
    for (const part of isShort ? [packet] : singleFrames(packet)) {
      offset += this.#decodePart(part, pcm, offset);
    }
    return pcm;
  }

  conceal(samples: number): Int16Array {
    const pcm = new Int16Array(samples * this.#channels);
    let offset = 0;
    for (const [duration, packet] of EMPTY_FRAMES) {
      const end = pcm.length - duration * this.#channels;
      while (offset <= end) offset += this.#decodePart(packet, pcm, offset);
    }
    return pcm;
  }

  decodeFec(): undefined {}

  free(): void {
    this.#handler.delete();
  }

  /** Decodes a packet of at most 60 ms into `pcm`; returns how many samples it made. */
  #decodePart(packet: Uint8Array, pcm: Int16Array, offset: number): number {
    const { module, packet: source, pcmBytes: target } = this.#shared;
    module.HEAPU8.set(packet, source);
    const duration = this.#handler._decode(source, packet.length, target);
    if (duration < 0) throw refused(reasonOf(duration));
    const size = duration * this.#channels;
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

/** Error codes of libopus (`opus_defines.h`) in the words of its `opus_strerror`. */
const REASONS: Readonly<Record<number, string>> = {
  [-1]: "invalid argument",
  [-2]: "buffer too small",
  [-3]: "internal error",
  [-4]: "corrupted stream",
  [-7]: "memory allocation failed",
};

function reasonOf(code: number): string {
  return REASONS[code] ?? `error ${code}`;
}
