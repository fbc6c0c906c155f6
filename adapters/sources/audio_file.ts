/**
 * From anything with sound in it to a source: the container is found out by its content, never by
 * a name.
 *
 * Opus in Ogg, WebM and Matroska is passed on as it is, plain WAV is converted here, and everything
 * else is decoded by ffmpeg, where that is installed. What an input is, its first 64 KiB say: the
 * same readers that will read it are tried on them, so what they would refuse (Vorbis in Ogg, MP3
 * in WAV, surround sound in Opus) goes to ffmpeg too.
 *
 * @module
 */

import { oggOpusDuration } from "../../lib/audio/duration.ts";
import { PcmConverter } from "../../lib/audio/pcm_converter.ts";
import { type Container, PROBE_SIZE, probeContainer } from "../../lib/audio/probe.ts";
import { WAV_HEADER_SIZE } from "../../lib/audio/wav.ts";
import { WavReader } from "../../lib/audio/wav_reader.ts";
import { WebmOpusDemuxer } from "../../lib/audio/webm_opus.ts";
import type { AudioSource, OpusSource, PcmSource } from "./audio_source.ts";
import { type AudioInput, type ByteInput, byteInput } from "./byte_input.ts";
import { closable } from "./closable.ts";
import { type FfmpegOptions, ffmpegSource } from "./ffmpeg.ts";
import { oggOpus } from "./ogg_opus.ts";
import { checkStart } from "./start.ts";
import { webmOpus } from "./webm_opus.ts";

/** How a source is made of an input. */
export interface AudioSourceOptions extends FfmpegOptions {
  /** What it is, for people; default its path or address, if it has one. */
  readonly title?: string;
}

/**
 * Makes a source of anything with sound in it.
 *
 * Files, addresses and bytes in memory are seekable, and are opened anew by each `open`; a stream
 * is read once. ffmpeg reads files and addresses by itself, and cannot seek in other inputs.
 *
 * @param input A path, a `file:`, `http:` or `https:` URL, bytes, or a stream of bytes.
 * @param options A title, the signal that ends it all, where ffmpeg is.
 * @returns The source: Opus where the input holds Opus, else samples.
 * @throws {SyntaxError} The input is empty, or not even ffmpeg can read it.
 * @throws {Error} It cannot be opened, or ffmpeg is needed and cannot be started.
 *
 * @example A file in memory
 * ```ts
 * import { audioSource } from "@sotto/voice";
 * import { encodeWav } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const source = await audioSource(encodeWav(new Int16Array(44100), 44100, 1));
 * assertEquals([source.kind, source.duration], ["pcm", 1000]);
 * ```
 */
export async function audioSource(
  input: AudioInput,
  options: AudioSourceOptions = {},
): Promise<AudioSource> {
  const [bytes, head] = await probe(byteInput(input), options.signal);
  const { title = bytes.location && bytes.name, signal } = options;
  const wav = wavOf(head);
  const source = await opusSource(bytes, head, signal) ??
    (wav === undefined ? await ffmpegSource(bytes, options) : wavSource(bytes, wav, signal));
  return { ...source, title };
}

/** Reads the beginning of an input; a stream then gives it once more. */
async function probe(
  input: ByteInput,
  signal: AbortSignal | undefined,
): Promise<[input: ByteInput, head: Uint8Array]> {
  const opened = closable((closing) => input.open(closing), signal);
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < PROBE_SIZE) {
    const next = await opened.next();
    if (next.done) break;
    chunks.push(next.value.slice()); // its memory may be used again
    size += next.value.length;
  }
  if (size === 0) throw new SyntaxError(`Cannot read ${input.name}: it is empty`);
  if (input.isReopenable) await opened.return!();
  return [input.isReopenable ? input : replayed(input, chunks, opened), concat(chunks)];
}

function replayed(
  input: ByteInput,
  head: readonly Uint8Array[],
  rest: AsyncIterableIterator<Uint8Array, void>,
): ByteInput {
  let isOpened = false;
  return {
    ...input,
    async *open(signal) {
      if (isOpened) throw new TypeError("Cannot open a stream again: it was read already");
      isOpened = true;
      const close = () => void rest.return!();
      signal.addEventListener("abort", close);
      try {
        yield* head;
        yield* rest;
        signal.throwIfAborted();
      } finally {
        signal.removeEventListener("abort", close);
        close();
      }
    },
  };
}

/** How a container is taken apart, and how long what is in it lasts. */
interface OpusContainer {
  readonly packets: (bytes: AsyncIterable<Uint8Array>, from: number) => AsyncGenerator<Uint8Array>;
  readonly duration: (input: ByteInput, head: Uint8Array) => Promise<number | undefined>;
}

const OPUS_CONTAINERS: Readonly<Partial<Record<Container, OpusContainer>>> = {
  "ogg-opus": { packets: oggOpus, duration: oggDuration },
  "webm-opus": { packets: webmOpus, duration: webmDuration },
};

/** A source of Opus packets, if the input holds them. */
async function opusSource(
  input: ByteInput,
  head: Uint8Array,
  outer: AbortSignal | undefined,
): Promise<OpusSource | undefined> {
  const container = OPUS_CONTAINERS[probeContainer(head) ?? "other"];
  if (container === undefined) return undefined;
  const seekable = input.isReopenable;
  return {
    kind: "opus",
    duration: await container.duration(input, head),
    seekable,
    open(from = 0) {
      checkStart(from, seekable);
      return closable((signal) => container.packets(input.open(signal), from), outer);
    },
  };
}

/** What the last page says; the pages between the two ends do not matter. */
async function oggDuration(input: ByteInput, head: Uint8Array): Promise<number | undefined> {
  const tail = await input.tail?.(PROBE_SIZE);
  return tail === undefined ? undefined : oggOpusDuration(concat([head, tail]));
}

/** What the file says near its beginning. */
function webmDuration(_input: ByteInput, head: Uint8Array): Promise<number | undefined> {
  const demuxer = new WebmOpusDemuxer();
  demuxer.push(head);
  try {
    demuxer.pull();
  } catch {
    // What is broken is for those who play it.
  }
  return Promise.resolve(demuxer.duration);
}

function wavSource(
  input: ByteInput,
  { encoding, frameCount }: WavReader,
  outer: AbortSignal | undefined,
): PcmSource {
  const isKnown = encoding !== undefined && frameCount !== undefined;
  return {
    kind: "pcm",
    duration: isKnown ? frameCount / encoding.sampleRate * 1000 : undefined,
    seekable: input.isReopenable,
    open(from = 0) {
      checkStart(from, input.isReopenable);
      return closable((signal) => wavSamples(input.open(signal), from), outer);
    },
  };
}

/** A reader that has read the beginning; `undefined` where it is no WAV that is read here. */
function wavOf(head: Uint8Array): WavReader | undefined {
  if (head.length < WAV_HEADER_SIZE) return undefined;
  const reader = new WavReader();
  reader.push(head);
  try {
    reader.pull();
    if (reader.encoding !== undefined) new PcmConverter(reader.encoding);
  } catch {
    return undefined;
  }
  return reader;
}

async function* wavSamples(
  bytes: AsyncIterable<Uint8Array>,
  from: number,
): AsyncGenerator<Int16Array, void> {
  const reader = new WavReader();
  const sound = new WavSound(reader, from);
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const chunk of bytes) {
      reader.push(chunk);
      yield* sound.pull();
    }
    reader.end();
    yield* sound.pull();
  } catch (error) {
    failure = { error };
  }
  yield* sound.end(); // it stands before what is broken
  if (failure !== undefined) throw failure.error;
}

/** What a reader reads, converted, from some time on. */
class WavSound {
  readonly #reader: WavReader;
  readonly #from: number;
  #converter: PcmConverter | undefined;

  constructor(reader: WavReader, from: number) {
    this.#reader = reader;
    this.#from = from;
  }

  *pull(): Generator<Int16Array, void> {
    for (let samples; (samples = this.#reader.pull()) !== undefined;) {
      const converted = this.#converter === undefined
        ? this.#begin(samples)
        : this.#converter.push(samples);
      if (converted.length > 0) yield converted;
    }
  }

  *end(): Generator<Int16Array, void> {
    const rest = this.#converter?.end();
    if (rest !== undefined && rest.length > 0) yield rest;
  }

  #begin(samples: Float32Array): Int16Array {
    const encoding = this.#reader.encoding!; // samples were read
    const frames = Math.floor(this.#from / 1000 * encoding.sampleRate);
    const skipped = Math.min(frames, samples.length / encoding.channels);
    this.#reader.skip(frames - skipped);
    this.#converter = new PcmConverter(encoding);
    return this.#converter.push(samples.subarray(skipped * encoding.channels));
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  chunks.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
  return whole;
}
