/**
 * Opus encoding and decoding on Deno, Bun and Node without a native add-on: libopus in
 * WebAssembly, from one of two packages behind one interface.
 *
 * | package        | libopus | encodes frames of | a lost packet is        | on Deno it needs |
 * | -------------- | ------- | ----------------- | ----------------------- | ---------------- |
 * | `libopus-wasm` | 1.6.1   | 2.5 to 60 ms      | concealed, read from FEC | nothing          |
 * | `opusscript`   | 1.4     | 2.5 to 20 ms      | concealed               | `--allow-read`   |
 *
 * Without a choice it is `libopus-wasm`, and `opusscript` where that does not load. Nothing is
 * loaded before the first `createOpus`.
 *
 * @module
 */

import { CheckedCodec } from "./opus/checked_codec.ts";
import type { OpusEngine, OpusLibrary, OpusSettings } from "./opus/library.ts";
import { LIBRARIES, loadFirst } from "./opus/load.ts";
import type {
  OpusApplication,
  OpusCodec,
  OpusCodecOptions,
  OpusImplementation,
} from "./opus_codec.ts";

export type { OpusDecoder } from "../lib/audio/opus_decoder.ts";
export type { OpusApplication, OpusCodec, OpusCodecOptions, OpusImplementation };

/**
 * Makes an Opus codec. All codecs of one package share one WebAssembly instance.
 *
 * @param options Channels, application, bitrate, FEC and the package.
 * @returns The codec. `delete` it, or bind it with `using`, or its memory stays taken.
 * @throws {RangeError} where an option is out of range.
 * @throws {Error} where the package, or without a choice each of them, cannot be loaded, or its
 * memory (2 GiB, some 20 000 codecs) is all taken; the reason is its `cause`.
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
 *
 * @example A packet is lost, and the next one tells what it held
 * ```ts
 * import { createOpus } from "@sotto/voice/opus";
 * import { assertEquals } from "@std/assert";
 *
 * using codec = await createOpus({ application: "voip", fec: true, packetLoss: 20 });
 * const sound = Int16Array.from({ length: 1920 }, (_, i) => 9000 * Math.sin(i / 40));
 * const [first, , next] = [sound, sound, sound].map((pcm) => codec.encode(pcm));
 * codec.decode(first);
 * const lost = codec.decodeFec(next, 960) ?? codec.conceal(960);
 * assertEquals(lost.length, 1920);
 * codec.decode(next);
 * ```
 */
export async function createOpus(options: OpusCodecOptions = {}): Promise<OpusCodec> {
  const settings = settingsOf(options);
  const { implementation } = options;
  const library =
    await (implementation === undefined
      ? loadFirst(Object.values(LIBRARIES))
      : LIBRARIES[implementation]());
  return new CheckedCodec(settings.channels, library, await open(library, settings));
}

async function open(library: OpusLibrary, settings: OpusSettings): Promise<OpusEngine> {
  try {
    return await library.open(settings);
  } catch (cause) {
    throw new Error(`Cannot make an Opus codec: no memory is left in ${library.name}`, { cause });
  }
}

const APPLICATIONS: readonly OpusApplication[] = ["voip", "audio", "lowdelay"];

function settingsOf(options: OpusCodecOptions): OpusSettings {
  const { channels = 2, application = "audio", bitrate = 64000, fec = false } = options;
  const { packetLoss = fec ? 10 : 0, implementation } = options;
  if (channels !== 1 && channels !== 2) throw refused("channels", channels, "1 or 2");
  if (!APPLICATIONS.includes(application)) {
    throw refused("application", `"${application}"`, '"voip", "audio" or "lowdelay"');
  }
  checkInteger("bitrate", bitrate, 500, 512000);
  checkInteger("packetLoss", packetLoss, 0, 100);
  if (implementation !== undefined && !Object.hasOwn(LIBRARIES, implementation)) {
    throw refused("implementation", `"${implementation}"`, '"libopus-wasm" or "opusscript"');
  }
  return { channels, application, bitrate, fec, packetLoss };
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw refused(name, value, `${low} to ${high}`);
  }
}

function refused(name: string, value: unknown, wanted: string): RangeError {
  return new RangeError(`Cannot make an Opus codec: ${name} is ${value}, want ${wanted}`);
}
