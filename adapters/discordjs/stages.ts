/**
 * The steps from what a caller has to Opus packets. Each is a Node stream over the one before it:
 * the end, an error and `destroy` go through all of them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { AudioSource } from "../sources/audio_source.ts";
import { audioSource } from "../sources/audio_file.ts";
import { oggOpus } from "../sources/ogg_opus.ts";
import { webmOpus } from "../sources/webm_opus.ts";
import { changeVolume, decodeOpus, OpusEncoder } from "./opus_stages.ts";
import { StreamType, TransformerType } from "./stream_type.ts";
import { VolumeTransformer } from "./volume_transformer.ts";

/** A step from one kind of stream to another. */
export interface Edge {
  /** What it does. */
  readonly type: TransformerType;
  /** What it takes. */
  readonly from: { readonly type: StreamType };
  /** What it gives. */
  readonly to: { readonly type: StreamType };
  /** How much it costs, beside others. */
  readonly cost: number;
  /**
   * Does it.
   *
   * @param input What it takes; a path or an address where that is `arbitrary`.
   * @returns What it gives: packets are `Buffer`s, samples are `Int16Array`s.
   */
  transformer(input: Readable | string): Readable;
}

/** All steps from an input to Opus packets, and what can be set in them. */
export interface Pipeline {
  /** The steps, in order. */
  readonly edges: readonly Edge[];
  /** Where the volume can be set. */
  readonly volume: VolumeTransformer | undefined;
  /** What encodes. */
  readonly encoder: OpusEncoder | undefined;
}

/**
 * Finds the steps.
 *
 * @param from What the input is.
 * @param withVolume Whether the volume is to be set: then all is decoded and encoded.
 */
export function findPipeline(from: StreamType, withVolume: boolean): Pipeline {
  const { Opus, OggOpus, WebmOpus, Raw, Arbitrary } = StreamType;
  const volume = withVolume ? new VolumeTransformer() : undefined;
  const encoder = withVolume || from === Raw ? new OpusEncoder() : undefined;
  const edges: Edge[] = [];
  if (from === OggOpus) edges.push(OGG_DEMUXER);
  if (from === WebmOpus) edges.push(WEBM_DEMUXER);
  if (from === Arbitrary) edges.push(withVolume ? ANYTHING_TO_SAMPLES : ANYTHING_TO_PACKETS);
  if (withVolume && (from === Opus || from === OggOpus || from === WebmOpus)) edges.push(DECODER);
  if (volume !== undefined) edges.push(volumeEdge(volume));
  if (encoder !== undefined) edges.push(encoderEdge(encoder));
  return { edges, volume, encoder };
}

const OGG_DEMUXER = edge(
  TransformerType.OggOpusDemuxer,
  StreamType.OggOpus,
  StreamType.Opus,
  1,
  (input) => oggOpus(demandStream(input)),
);
const WEBM_DEMUXER = edge(
  TransformerType.WebmOpusDemuxer,
  StreamType.WebmOpus,
  StreamType.Opus,
  1,
  (input) => webmOpus(demandStream(input)),
);
const DECODER = edge(
  TransformerType.OpusDecoder,
  StreamType.Opus,
  StreamType.Raw,
  1.5,
  (input) => decodeOpus(demandStream(input)),
);
const ANYTHING_TO_PACKETS = edge(
  TransformerType.FFmpegOgg,
  StreamType.Arbitrary,
  StreamType.Opus,
  2,
  (input, signal) => packetsOf(audioSource(input, { signal })),
);
const ANYTHING_TO_SAMPLES = edge(
  TransformerType.FFmpegPCM,
  StreamType.Arbitrary,
  StreamType.Raw,
  2,
  (input, signal) => samplesOf(audioSource(input, { signal })),
);

function volumeEdge(volume: VolumeTransformer): Edge {
  const { Raw } = StreamType;
  return edge(
    TransformerType.InlineVolume,
    Raw,
    Raw,
    0.5,
    (input) => changeVolume(demandStream(input), volume),
  );
}

function encoderEdge(encoder: OpusEncoder): Edge {
  const { Raw, Opus } = StreamType;
  return edge(
    TransformerType.OpusEncoder,
    Raw,
    Opus,
    1.5,
    (input) => encoder.encode(demandStream(input)),
  );
}

async function* packetsOf(opening: Promise<AudioSource>): AsyncGenerator<Uint8Array, void> {
  const source = await opening;
  yield* source.kind === "opus" ? source.open() : new OpusEncoder().encode(source.open());
}

async function* samplesOf(opening: Promise<AudioSource>): AsyncGenerator<Int16Array, void> {
  const source = await opening;
  yield* source.kind === "pcm" ? source.open() : decodeOpus(source.open());
}

/** Items that a step is ahead of who reads it: with packets of 20 ms a third of a second. */
const AHEAD = 16;

type Run = (
  input: Readable | string,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array | Int16Array>;

function edge(
  type: TransformerType,
  from: StreamType,
  to: StreamType,
  cost: number,
  run: Run,
): Edge {
  return {
    type,
    from: { type: from },
    to: { type: to },
    cost,
    transformer: (input) => step(input, run),
  };
}

/** Makes a stream of a generator. It begins when it is read. */
function step(input: Readable | string, run: Run): Readable {
  const closing = new AbortController();
  const output = Readable.from(itemsOf(() => run(input, closing.signal)), {
    objectMode: true,
    highWaterMark: AHEAD,
  });
  output.on("error", () => {}); // whoever plays it hears of it
  output.once("close", () => {
    closing.abort();
    if (typeof input !== "string") input.destroy();
  });
  if (typeof input !== "string") input.on("error", (error) => output.destroy(error));
  return output;
}

async function* itemsOf(
  run: () => AsyncIterable<Uint8Array | Int16Array>,
): AsyncGenerator<Buffer | Int16Array, void> {
  for await (const item of run()) {
    if (item instanceof Int16Array) yield item;
    else yield Buffer.from(item.buffer, item.byteOffset, item.length);
  }
}

function demandStream(input: Readable | string): Readable {
  if (typeof input !== "string") return input;
  throw new TypeError("Cannot read a path: want a stream");
}
