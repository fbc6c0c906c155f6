/**
 * Makes `sample.ogg`, the sound that the demo plays: an arpeggio of plucked strings,
 * low notes left, high notes right. Synthesised here from nothing; no rights reserved.
 *
 *     deno run --allow-read --allow-write=examples/demo examples/demo/make_sample.ts
 *
 * The strings are Karplus-Strong: a burst of noise goes round a delay line as long as
 * the pitch's period and loses its edge with every turn. Equal input gives equal
 * bytes, on every runtime.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { createOpus } from "../../adapters/opus.ts";
import { OggOpusWriter, SAMPLE_RATE } from "../../lib/audio/mod.ts";

interface Note {
  /** Seconds from the beginning. */
  readonly at: number;
  /** Pitch as a MIDI note number; 69 is 440 Hz. */
  readonly pitch: number;
  /** Peak amplitude, 0 to 1. */
  readonly volume: number;
}

const SECONDS = 5;
const FRAME_SIZE = 960;
const PRE_SKIP = 312;
/** C major 9, A minor 9, F major 9, and home: one chord each 1.1 seconds. */
const CHORDS = [
  [48, 55, 64, 71, 74, 79],
  [45, 52, 60, 67, 71, 76],
  [41, 48, 57, 64, 67, 72],
  [36, 48, 55, 64, 67, 72],
];

const notes: Note[] = CHORDS.flatMap((chord, bar) =>
  chord.map((pitch, i) => ({ at: bar * 1.1 + i * 0.14, pitch, volume: 0.4 - i * 0.02 }))
);
const pcm = render(notes);
writeFileSync(new URL("sample.ogg", import.meta.url), await encode(pcm));

/** Mixes the notes into interleaved stereo samples. */
function render(notes: readonly Note[]): Int16Array {
  const length = SECONDS * SAMPLE_RATE;
  const mix = new Float64Array(length * 2);
  for (const [i, note] of notes.entries()) {
    const start = Math.round(note.at * SAMPLE_RATE);
    const string = pluck(note.pitch, length - start, i + 1);
    const right = Math.min(1, Math.max(0, (note.pitch - 36) / 44)); // low left, high right
    for (let k = 0; k < string.length; k++) {
      mix[2 * (start + k)] += string[k] * note.volume * Math.sqrt(1 - 0.8 * right);
      mix[2 * (start + k) + 1] += string[k] * note.volume * Math.sqrt(0.2 + 0.8 * right);
    }
  }
  const fade = 0.6 * SAMPLE_RATE;
  return Int16Array.from(mix, (value, i) => {
    const left = length - (i >> 1);
    return Math.tanh(value * Math.min(1, left / fade)) * 32000;
  });
}

/** One plucked string (Karplus and Strong, 1983), with a fractional delay for the pitch. */
function pluck(pitch: number, length: number, seed: number): Float64Array {
  const period = SAMPLE_RATE / (440 * 2 ** ((pitch - 69) / 12)) - 0.5;
  const size = Math.floor(period);
  const fraction = period - size;
  const line = softNoise(size + 1, seed);
  const loss = 0.5 ** (period / SAMPLE_RATE / 0.9); // half as loud after 0.9 seconds
  const out = new Float64Array(length);
  for (let k = 0, last = 0; k < length; k++) {
    const index = k % (size + 1);
    const older = line[index];
    const newer = line[(index + 1) % (size + 1)];
    const delayed = fraction * older + (1 - fraction) * newer;
    line[index] = loss * (delayed + last) / 2;
    last = delayed;
    out[k] = delayed;
  }
  return out;
}

/** Noise without its harshest highs and without an offset, from a seed. */
function softNoise(size: number, seed: number): Float64Array {
  const noise = new Float64Array(size);
  let state = seed * 2654435761 >>> 0;
  let smooth = 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    smooth += 0.45 * (state / 2 ** 31 - 1 - smooth);
    noise[i] = smooth * 2;
  }
  const mean = noise.reduce((sum, value) => sum + value, 0) / size;
  return noise.map((value) => value - mean);
}

/** Encodes into frames of 20 ms and an Ogg file whose length is exactly the input's. */
async function encode(pcm: Int16Array): Promise<Uint8Array> {
  using codec = await createOpus({ bitrate: 96000 });
  const writer = new OggOpusWriter({
    preSkip: PRE_SKIP,
    comments: ["TITLE=Sotto sample", "LICENSE=no rights reserved"],
  });
  const pieces = [writer.header()];
  const wanted = pcm.length / 2 + PRE_SKIP;
  const frameCount = Math.ceil(wanted / FRAME_SIZE);
  for (let i = 0; i < frameCount; i++) {
    const frame = new Int16Array(FRAME_SIZE * 2);
    frame.set(pcm.subarray(i * frame.length, (i + 1) * frame.length));
    pieces.push(writer.write(codec.encode(frame)));
  }
  pieces.push(writer.end(frameCount * FRAME_SIZE - wanted));
  const file = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    file.set(piece, offset);
    offset += piece.length;
  }
  return file;
}
