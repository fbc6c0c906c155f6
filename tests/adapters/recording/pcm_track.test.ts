import { assertEquals } from "@std/assert";
import test from "node:test";
import { PcmTrack, type SampleSink } from "../../../adapters/recording/pcm_track.ts";
import type { PcmFrame, PcmOrigin } from "../../../lib/audio/pcm.ts";

const HOUR = 3600 * 48_000;

/** A track, and what it has written. */
function trackOf(channels: number): { track: PcmTrack; written: [number, number[]][] } {
  const written: [number, number[]][] = [];
  const sink: SampleSink = {
    channels,
    late: 7,
    write: (position, samples) => Promise.resolve(void written.push([position, [...samples]])),
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
  };
  return { track: new PcmTrack(sink), written };
}

function frame(channels: 1 | 2, samples: number[], origin: PcmOrigin = "decoded"): PcmFrame {
  const of = Int16Array.from(samples);
  return { userId: "1", ssrc: 1, position: 1e9, samples: of, channels, origin };
}

test("PcmTrack makes of each frame as many channels as are wanted", async () => {
  const [mono, stereo] = [trackOf(1), trackOf(2)];
  await mono.track.write(frame(1, [1, 2]), 5, HOUR);
  await mono.track.write(frame(2, [10, 20, -32_768, -32_768, 32_767, 32_767]), 7, HOUR);
  assertEquals(mono.written, [[5, [1, 2]], [7, [15, -32_768, 32_767]]]);
  await stereo.track.write(frame(1, [1, 2]), 5, HOUR);
  await stereo.track.write(frame(2, [3, 4]), 7, HOUR);
  assertEquals(stereo.written, [[5, [1, 1, 2, 2]], [7, [3, 4]]]);
});

test("PcmTrack writes the rest of what overlaps, and nothing of what is late", async () => {
  const { track, written } = trackOf(2);
  await track.write(frame(2, [1, 1, 2, 2]), 0, HOUR);
  await track.write(frame(1, [3, 4, 5]), 1.4, HOUR);
  await track.write(frame(1, [6]), 0, HOUR);
  await track.write(frame(1, []), 9, HOUR);
  assertEquals(written, [[0, [1, 1, 2, 2]], [2, [4, 4, 5, 5]]]);
  assertEquals([track.length, track.late], [4, 1 + 1 + 7]);
});

test("PcmTrack counts voice, what is made up, and the peak", async () => {
  const { track } = trackOf(1);
  const origins = ["decoded", "fec", "concealed", "silence", "decoded"] as const;
  for (const [i, origin] of origins.entries()) {
    await track.write(frame(1, [i, -i], origin), 2 * i, HOUR);
  }
  assertEquals([track.spoken, track.concealed], [8, 2]);
  assertEquals([track.takePeak(), track.takePeak()], [4 / 0x8000, 0]);
  await track.write(frame(1, [-0x8000]), 20, HOUR);
  assertEquals(track.takePeak(), 1);
});
