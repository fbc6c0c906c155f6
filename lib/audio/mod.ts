/**
 * Pure audio parts: read an Opus packet's duration, take Ogg Opus apart and put it
 * together, take WebM apart, tell containers from each other, read and write WAV,
 * resample, mix and fade samples, pace frames. Nothing here encodes, decodes, waits or reads a clock.
 *
 * @example Read a file and schedule its packets
 * ```ts
 * import { OPUS_SILENCE, Pacer, readOggOpus, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const silence = Uint8Array.from(OPUS_SILENCE);
 * const { packets } = readOggOpus(writeOggOpus([silence, silence]));
 * const pacer = new Pacer();
 * const timestamps = packets.map(({ duration }) => pacer.advance(duration, pacer.due(0)));
 * assertEquals(timestamps, [0, 960]);
 * ```
 *
 * @module
 */

export * from "./duration.ts";
export * from "./gain.ts";
export * from "./lateness.ts";
export * from "./mixer.ts";
export * from "./ogg.ts";
export * from "./ogg_opus.ts";
export * from "./ogg_writer.ts";
export * from "./opus_toc.ts";
export * from "./pacer.ts";
export { pcmToFloat32, pcmToInt16 } from "./pcm_convert.ts";
export * from "./pcm_converter.ts";
export * from "./pcm_downmix.ts";
export * from "./pcm_framer.ts";
export * from "./probe.ts";
export * from "./resampler.ts";
export * from "./seek.ts";
export { type ToneOptions, toneSamples } from "./tone.ts";
export * from "./wav.ts";
export * from "./wav_reader.ts";
export * from "./webm_opus.ts";
