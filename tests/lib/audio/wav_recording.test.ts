import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { parseWav } from "../../../lib/audio/wav.ts";
import {
  MAX_WAV_CHANNELS,
  wavRecordingHeader,
  wavRecordingHeaderSize,
} from "../../../lib/audio/wav_recording.ts";

const GIB = 2 ** 30;

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

for (const channels of [1, 2, 3, 6, 100]) {
  test(`wavRecordingHeader() of ${channels} channels is read back`, () => {
    const header = wavRecordingHeader({ sampleRate: 48_000, channels }, 4 * channels);
    assertEquals(header.length, wavRecordingHeaderSize(channels));
    const samples = Int16Array.from({ length: 2 * channels }, (_, i) => i - channels);
    const file = new Uint8Array(header.length + 4 * channels);
    file.set(header);
    file.set(new Uint8Array(samples.buffer), header.length);
    assertEquals(parseWav(file), { sampleRate: 48_000, channels, samples });
  });
}

test("wavRecordingHeader() names the subtype of PCM and no loudspeaker beyond two channels", () => {
  const header = wavRecordingHeader({ sampleRate: 48_000, channels: 3 }, 0);
  const view = new DataView(header.buffer, 56);
  assertEquals([view.getUint16(0, true), view.getUint16(16, true)], [0xfffe, 22]);
  assertEquals([view.getUint16(18, true), view.getUint32(20, true)], [16, 0]);
  const guid = Array.from(header.subarray(80, 96), (byte) => byte.toString(16).padStart(2, "0"));
  assertEquals(guid.join(""), "0100000000001000800000aa00389b71");
});

test("wavRecordingHeader() is of one size and becomes RF64 where 32 bits do not suffice", () => {
  const format = { sampleRate: 48_000, channels: 2 };
  const size = wavRecordingHeaderSize(2);
  const largest = 2 ** 32 - 2 - (size - 8);
  for (const dataSize of [0, 4, GIB, largest - 2]) {
    const header = wavRecordingHeader(format, dataSize);
    const view = new DataView(header.buffer);
    assertEquals([text(header, 0), text(header, 12), header.length], ["RIFF", "JUNK", size]);
    assertEquals(view.getUint32(4, true), size - 8 + dataSize);
    assertEquals(view.getUint32(size - 4, true), dataSize);
  }
  for (const dataSize of [largest + 2, 4 * GIB, 100 * GIB]) {
    const header = wavRecordingHeader(format, dataSize);
    const view = new DataView(header.buffer);
    assertEquals([text(header, 0), text(header, 12), header.length], ["RF64", "ds64", size]);
    assertEquals([view.getUint32(4, true), view.getUint32(16, true)], [0xffffffff, 28]);
    assertEquals(view.getBigUint64(20, true), BigInt(size - 8 + dataSize));
    assertEquals(view.getBigUint64(28, true), BigInt(dataSize));
    assertEquals(view.getBigUint64(36, true), BigInt(Math.floor(dataSize / 4)));
    assertEquals(view.getUint32(44, true), 0);
    assertEquals([text(header, 48), text(header, size - 8)], ["fmt ", "data"]);
    assertEquals(view.getUint32(size - 4, true), 0xffffffff);
  }
});

test("wavRecordingHeader() takes no number that does not fit", () => {
  const header = (sampleRate: number, channels: number, size: number) => () =>
    wavRecordingHeader({ sampleRate, channels }, size);
  assertThrows(header(48_000, 0, 0), RangeError, "the channel count is 0, want an integer from 1");
  assertThrows(header(48_000, MAX_WAV_CHANNELS + 1, 0), RangeError, "channel count");
  assertThrows(header(0, 1, 0), RangeError, "sample rate");
  assertThrows(header(2 ** 31, 1, 0), RangeError, "sample rate");
  assertThrows(header(48_000, 1, -1), RangeError, "data size");
  assertThrows(header(48_000, 1, 2 ** 53), RangeError, "data size");
});
