import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { OPUS_SILENCE, packetDuration } from "../../../lib/audio/opus_toc.ts";
import type { OpusDecoder } from "../../../lib/audio/opus_decoder.ts";
import type { PcmFrame } from "../../../lib/audio/pcm.ts";
import { Playout, type PlayoutOptions } from "../../../lib/audio/playout.ts";
import { numbered, pullUntil } from "../../tools/voice_network.ts";

/** Decodes a packet to its last byte plus one, FEC to -1, and makes up 0. */
class FakeDecoder implements OpusDecoder {
  readonly channels: 1 | 2;
  hasFec = true;

  constructor(channels: 1 | 2 = 1) {
    this.channels = channels;
  }

  decode(packet: Uint8Array): Int16Array {
    if (packet[1] === 0xee) throw new SyntaxError("Cannot decode Opus packet");
    return this.#frame(packetDuration(packet), packet.at(-1)! + 1);
  }

  conceal(samples: number): Int16Array {
    return this.#frame(samples, 0);
  }

  decodeFec(packet: Uint8Array, samples: number): Int16Array | undefined {
    if (packet[1] === 0xee) throw new SyntaxError("Cannot decode Opus packet");
    return this.hasFec ? this.#frame(samples, -1) : undefined;
  }

  #frame(samples: number, value: number): Int16Array {
    if (samples % 120 !== 0) throw new RangeError(`${samples} samples`);
    return new Int16Array(samples * this.channels).fill(value);
  }
}

class Rig {
  readonly decoder: FakeDecoder;
  readonly playout: Playout;
  now = 0;

  constructor(options: Partial<PlayoutOptions> = {}, channels: 1 | 2 = 1) {
    this.decoder = new FakeDecoder(channels);
    this.playout = new Playout({ decoder: this.decoder, userId: "1", start: 900, ...options });
  }

  push(index: number, opus = numbered(index), lateness = 0): void {
    const at = 1000 + 20 * index + lateness;
    this.playout.push({ ssrc: 7, sequence: index, timestamp: 960 * index, at, opus });
  }

  until(end: number): PcmFrame[] {
    const frames: PcmFrame[] = [];
    pullUntil(this.playout, end, (frame) => frames.push(frame));
    return frames;
  }
}

function shortOf({ origin, samples, position }: PcmFrame): string {
  return `${origin} ${samples[0]} at ${position}`;
}

const SILENCE = Uint8Array.from(OPUS_SILENCE);

test("Playout decodes, restores from FEC, conceals; positions have no gap", () => {
  const rig = new Rig();
  for (const index of [0, 1, 4, 5]) rig.push(index);
  assertEquals(rig.until(1150).map(shortOf), [
    "decoded 1 at 4800",
    "decoded 2 at 5760",
    "concealed 0 at 6720",
    "fec -1 at 7680",
    "decoded 5 at 8640",
    "decoded 6 at 9600",
  ]);
  const { decoded, fec, concealed, silence, lost } = rig.playout.stats;
  assertEquals([decoded, fec, concealed, silence, lost], [4, 1, 1, 0, 2]);
});

test("Playout conceals what has no FEC", () => {
  const rig = new Rig();
  rig.decoder.hasFec = false;
  for (const index of [0, 2, 4]) rig.push(index);
  const origins = rig.until(1121).map(({ origin }) => origin);
  assertEquals(origins, ["decoded", "concealed", "decoded", "concealed", "decoded"]);
  assertEquals([rig.playout.stats.fec, rig.playout.stats.concealed], [0, 2]);
});

test("Playout conceals and counts what cannot be decoded, each time", () => {
  const rig = new Rig();
  const broken = Uint8Array.of(0xfc, 0xee, 0);
  rig.push(0);
  rig.push(1, new Uint8Array(0));
  rig.push(2, broken);
  rig.push(4, broken);
  rig.push(5);
  const text = rig.until(1145).map(shortOf);
  assertEquals(text.map((line) => line.split(" ")[0]), [
    "decoded",
    "concealed",
    "concealed",
    "concealed",
    "concealed",
    "decoded",
  ]);
  const { undecodable, concealed } = rig.playout.stats;
  assertEquals([undecodable, concealed], [3, 4]);
});

test("Playout throws what its decoder throws for any other reason", () => {
  const rig = new Rig();
  rig.push(0);
  rig.decoder.decode = () => {
    throw new TypeError("Cannot use the Opus codec: deleted");
  };
  assertThrows(() => rig.playout.pull(1040), TypeError, "deleted");
});

test("Playout gives nothing in pauses, and goes on where the voice does", () => {
  const rig = new Rig();
  rig.push(0);
  rig.push(1, SILENCE);
  assertEquals(rig.until(1400).length, 2);
  assertEquals(rig.playout.pollTimeout(), undefined);
  rig.push(30);
  assertEquals(rig.until(1650).map(shortOf), ["decoded 31 at 33600"]);
});

test("Playout fills pauses with silence where it shall, as time goes by", () => {
  const rig = new Rig({ fillSilence: true }, 2);
  assertEquals(rig.until(1000), []);
  assertEquals(rig.playout.pollTimeout(), undefined);
  rig.push(0);
  rig.push(1, SILENCE);
  let end = 4800;
  const check = ({ position, samples, channels }: PcmFrame) => {
    assertEquals([position, channels], [end, 2]);
    end += samples.length / 2;
    assert(samples.length <= 1920 && samples.length > 0);
  };
  for (const frame of rig.until(1400)) check(frame);
  // What has passed by 1400 - 40 ms: not more, since a talkspurt might begin.
  assertAlmostEquals(end, (1360 - 900) * 48, 960);
  const due = rig.playout.pollTimeout()!;
  assert(due >= 1400 && due <= 1420);
  rig.push(20, undefined, 7); // 7 ms late, which is told by what comes behind
  rig.push(21);
  const decoded: number[][] = [];
  pullUntil<PcmFrame>(rig.playout, 1479, (frame, now) => {
    check(frame);
    if (frame.origin === "decoded") decoded.push([frame.position, now]);
  });
  assertEquals(decoded, [[24_000, 1440], [24_960, 1460]]);
});

test("Playout puts no talkspurt into silence that it has told", () => {
  const rig = new Rig({ fillSilence: true });
  rig.push(0);
  rig.push(1, SILENCE);
  let end = 4800;
  for (const frame of rig.until(3000)) {
    assertEquals(frame.position, end);
    end += frame.samples.length;
  }
  rig.push(90, undefined, 300); // at 3100
  for (const frame of rig.until(3400)) {
    assertEquals(frame.position, end);
    end += frame.samples.length;
  }
  assertEquals(rig.playout.stats.decoded, 3);
});

test("Playout puts no silence into a talkspurt, however late it is played", () => {
  const rig = new Rig({ fillSilence: true });
  const frames: PcmFrame[] = [];
  for (let index = 0; index < 300; index++) {
    rig.push(index, undefined, index === 0 ? 100 : 0); // the first one sets the line
    frames.push(...rig.until(1000 + 20 * index));
  }
  assertEquals(rig.playout.stats.delay, 40);
  assertEquals(new Set(frames.map(({ origin }) => origin)), new Set(["decoded"]));
});

test("Playout says with which SSRC a frame came", () => {
  const rig = new Rig();
  rig.push(0);
  rig.playout.push({ ssrc: 8, sequence: 5, timestamp: 77, at: 1020, opus: numbered(1) });
  assertEquals(rig.until(1061).map(({ ssrc }) => ssrc), [7, 8]);
});

test("Playout stretches to the local clock", () => {
  const rig = new Rig();
  const frames: PcmFrame[] = [];
  for (let index = 0; index < 3000; index++) {
    rig.push(index, undefined, index * 0.004); // the sender is slower by 200 ppm
    frames.push(...rig.until(1000 + 20 * index));
  }
  const first = frames[0];
  const last = frames.at(-1)!;
  const sizes = new Set(frames.map(({ samples }) => samples.length));
  // Most are as they were; some are stretched, once it is worth it.
  assertEquals([...sizes].toSorted().filter((size) => size > 962 || size < 960), []);
  assertEquals(sizes.size > 1, true);
  const ideal = first.position + (frames.length - 1) * 960 * 1.0002;
  assertAlmostEquals(last.position, ideal, 6 * 48); // the base is found within ten seconds
  for (let i = 1; i < frames.length; i++) {
    assertEquals(frames[i].position, frames[i - 1].position + frames[i - 1].samples.length);
  }
});

test("Playout plays at position 0 what was said before the call began", () => {
  const rig = new Rig({ start: 5000 });
  rig.push(0);
  rig.push(1);
  assertEquals(rig.until(1070).map(({ position }) => position), [0, 960]);
});
