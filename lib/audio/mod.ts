/**
 * Pure audio parts: read an Opus packet's duration, take Ogg Opus apart and put it
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
