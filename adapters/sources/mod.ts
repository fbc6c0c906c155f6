/**
 * What can be played, and what makes it of files, addresses, streams and samples.
 *
 * @module
 */

export * from "./audio_file.ts";
export * from "./audio_source.ts";
export type { AudioInput } from "./byte_input.ts";
export type { ByteSource } from "./byte_source.ts";
export * from "./decoded.ts";
export type { FfmpegOptions } from "./ffmpeg.ts";
export * from "./mix.ts";
export * from "./ogg_opus.ts";
export { opusPackets } from "./opus_packets.ts";
export { type PcmSamples, pcmSource, tone } from "./pcm_source.ts";
export * from "./webm_opus.ts";
