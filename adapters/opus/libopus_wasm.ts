/**
 * Opus by the package `libopus-wasm`: libopus 1.6.1 in WebAssembly, with FEC, frames up to 60 ms and
 * concealment of any duration. Its WebAssembly stands in its JavaScript, so that nothing is read
 * from a file: on Deno it needs no permission.
 *
 * What was looked for in version 0.4.0, and how this module lives with it:
 *
 * - The stack is 1 MiB; to encode 60 ms in stereo takes up to 80 KiB of it, to decode up to 64.
 * - The views of its memory are taken anew in every call, and all results are copies.
 * - A decoder keeps a buffer as large as the largest packet it met; `MAX_PACKET_SIZE` bounds it.
 * - Asked for FEC that a packet has not, it conceals without a word: `hasFec` is asked before. It
 *   also conceals, rightly, where the packets before were of CELT alone.
 * - What libopus refuses is an error of a class of its own; here it becomes ours. Where its memory is
 *   all taken, a codec that needs a larger buffer throws, and works again once others are deleted.
 * - What failed to load once is not tried again.
 *
 * @module
 */

import type * as Package from "libopus-wasm";
import type { OpusApplication } from "../opus_codec.ts";
import {
  notEncoded,
  type OpusEngine,
  type OpusLibrary,
  type OpusSettings,
  refused,
} from "./library.ts";

/**
 * Loads the package.
 *
 * @returns The library.
 * @throws {Error} where it cannot be loaded; the reason is its `cause`.
 */
export async function loadLibopusWasm(): Promise<OpusLibrary> {
  try {
    const wasm = await import("libopus-wasm");
    const { version } = await wasm.loadLibopus();
    return {
      name: `libopus-wasm 0.4.0 (${version})`,
      encodedDurations: [120, 240, 480, 960, 1920, 2880],
      open: (settings) => open(wasm, settings),
    };
  } catch (cause) {
    throw new Error("Cannot load libopus-wasm", { cause });
  }
}

const APPLICATIONS: Readonly<Record<OpusApplication, Package.Application>> = {
  voip: 2048,
  audio: 2049,
  lowdelay: 2051,
};

async function open(wasm: typeof Package, settings: OpusSettings): Promise<OpusEngine> {
  const { channels, application, bitrate, fec, packetLoss } = settings;
  const encoder = await wasm.createEncoder({
    ...{ channels, bitrate, fec },
    application: APPLICATIONS[application],
    packetLossPercent: packetLoss,
  });
  try {
    return new LibopusWasmEngine(wasm, encoder, await wasm.createDecoder({ channels }));
  } catch (error) {
    encoder.free();
    throw error;
  }
}

class LibopusWasmEngine implements OpusEngine {
  readonly #wasm: typeof Package;
  readonly #encoder: Package.OpusEncoderHandle;
  readonly #decoder: Package.OpusDecoderHandle;

  constructor(
    wasm: typeof Package,
    encoder: Package.OpusEncoderHandle,
    decoder: Package.OpusDecoderHandle,
  ) {
    this.#wasm = wasm;
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  encode(
    pcm: Int16Array,
    duration: number,
    capacity: number,
    into: Uint8Array | undefined,
  ): Uint8Array {
    let packet: Uint8Array;
    try {
      packet = this.#encoder.encode(pcm, { frameSize: duration, maxPacketBytes: capacity });
    } catch (error) {
      throw notEncoded(this.#reasonOf(error));
    }
    if (into === undefined) return packet;
    into.set(packet);
    return into.subarray(0, packet.length);
  }

  decode(packet: Uint8Array, _size: number, into: Int16Array | undefined): Int16Array {
    const pcm = this.#decode(packet);
    if (into === undefined) return pcm;
    into.set(pcm);
    return into.subarray(0, pcm.length);
  }

  conceal(samples: number): Int16Array {
    return this.#decoder.decodePacketLoss(samples);
  }

  decodeFec(packet: Uint8Array, samples: number): Int16Array {
    return this.#decode(packet, { decodeFec: true, frameSize: samples });
  }

  free(): void {
    this.#encoder.free();
    this.#decoder.free();
  }

  #decode(packet: Uint8Array, options?: Package.DecodeOptions): Int16Array {
    try {
      return this.#decoder.decode(packet, options);
    } catch (error) {
      throw refused(this.#reasonOf(error));
    }
  }

  /** What libopus says, without what the package says around it. Other errors go on. */
  #reasonOf(error: unknown): string {
    if (!this.#wasm.isOpusError(error)) throw error;
    return error.message.replace(/^libopus \w+ failed \(-?\d+\): /, "");
  }
}
