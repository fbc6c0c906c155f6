/**
 * What a stream holds on its way to a voice connection.
 *
 * @module
 */

/** What a stream holds. */
export const StreamType = {
  /** Not known: what it is, is found out. */
  Arbitrary: "arbitrary",
  /** Opus in Ogg. */
  OggOpus: "ogg/opus",
  /** Opus packets, in object mode. */
  Opus: "opus",
  /** Samples: 48 kHz, two channels, interleaved, 16 bits, little endian. */
  Raw: "raw",
  /** Opus in WebM. */
  WebmOpus: "webm/opus",
} as const;

/** What a stream can hold. */
export type StreamType = typeof StreamType[keyof typeof StreamType];

/** A step from one kind of stream to another. */
export const TransformerType = {
  /** Whatever it is, to Opus packets: FFmpeg is used where the format needs it. */
  FFmpegOgg: "ffmpeg ogg",
  /** Whatever it is, to samples: FFmpeg is used where the format needs it. */
  FFmpegPCM: "ffmpeg pcm",
  /** Louder or softer. */
  InlineVolume: "volume transformer",
  /** Ogg Opus to Opus packets. */
  OggOpusDemuxer: "ogg/opus demuxer",
  /** Opus packets to samples. */
  OpusDecoder: "opus decoder",
  /** Samples to Opus packets. */
  OpusEncoder: "opus encoder",
  /** WebM Opus to Opus packets. */
  WebmOpusDemuxer: "webm/opus demuxer",
} as const;

/** A step. */
export type TransformerType = typeof TransformerType[keyof typeof TransformerType];
