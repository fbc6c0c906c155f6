import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { createOpus, type OpusApplication, type OpusCodec } from "../../adapters/opus.ts";
import { readOggOpus } from "../../lib/audio/ogg_opus.ts";
import { opusFrames, packetDuration } from "../../lib/audio/opus_toc.ts";

const packetsOf = (name: string): Uint8Array[] =>
  readOggOpus(new Uint8Array(readFileSync(new URL(`../audio/${name}`, import.meta.url))))
    .packets.map(({ packet }) => packet);
const talk = packetsOf("talk.ogg");

/** Interleaved frames of a tone, another pitch in each channel. */
function tone(from: number, duration: number, channels: number): Int16Array {
  return Int16Array.from({ length: duration * channels }, (_, i) => {
    const at = from + Math.floor(i / channels);
    return 10000 * Math.sin(at * 2 * Math.PI * (440 + 220 * (i % channels)) / 48000);
  });
}

/** Cosine of the angle between two signals: 1 where they are equal but for volume. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/** FNV-1a over the samples. */
function digest(pcm: Int16Array, hash = 0x811c9dc5): number {
  for (const sample of pcm) hash = Math.imul(hash ^ (sample & 0xffff), 0x01000193);
  return hash >>> 0;
}

function concat(pieces: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
}

const LOOKAHEAD = 312; // samples that libopus lags behind

for (const channels of [1, 2] as const) {
  for (const application of ["voip", "audio", "lowdelay"] as const) {
    test(`OpusCodec gives a tone back, ${application}, ${channels} channel(s)`, async () => {
      using codec = await createOpus({ channels, application, bitrate: 128000 });
      const lookahead = application === "lowdelay" ? 120 : LOOKAHEAD;
      for (const duration of [960, 480, 240, 120]) {
        const source: Int16Array[] = [];
        const decoded: Int16Array[] = [];
        for (let i = 0; i < 30; i++) {
          const pcm = tone(i * duration, duration, channels);
          const packet = codec.encode(pcm);
          assertEquals(packetDuration(packet), duration);
          source.push(pcm);
          decoded.push(codec.decode(packet));
        }
        const skip = (5 * duration + lookahead) * channels;
        const late = concat(decoded).subarray(skip);
        const early = concat(source).subarray(5 * duration * channels);
        const similarity = correlation(late, early.subarray(0, late.length));
        assert(similarity > 0.98, `${duration}: ${similarity}`);
      }
    });
  }
}

test("OpusCodec.decode() of 50 codecs at once is bit-equal to that of one", async () => {
  const packets = talk.slice(0, 60);
  const one = await createOpus();
  const expected = packets.map((packet) => digest(one.decode(packet)));
  one.delete();
  const codecs = await Promise.all(Array.from({ length: 50 }, () => createOpus()));
  for (const [i, packet] of packets.entries()) {
    for (const codec of codecs) assertEquals(digest(codec.decode(packet)), expected[i]);
  }
  for (const codec of codecs) codec.delete();
});

test("OpusCodec.decode() decodes packets of 60 ms and of 120 ms", async () => {
  using codec = await createOpus();
  let size = 0;
  for (const packet of packetsOf("talk-60ms.ogg").slice(0, 50)) {
    size += codec.decode(packet).length;
  }
  assertEquals(size, 50 * 2880 * 2);
  // Six packets of 20 ms made one (code 3, sizes for each frame), against the six alone.
  using other = await createOpus();
  for (let at = 0; at < 60; at += 6) {
    const group = talk.slice(at, at + 6);
    assert(group.every((packet) => packet[0] === group[0][0] && (packet[0] & 3) === 0));
    const frames = group.flatMap(opusFrames);
    const sizes = frames.slice(0, -1).flatMap(({ length }) =>
      length < 252 ? [length] : [252 + length % 4, (length - 252 - length % 4) / 4]
    );
    const head = [group[0][0] | 3, 0x80 | 6, ...sizes];
    const merged = Uint8Array.from([...head, ...frames.flatMap((frame) => Array.from(frame))]);
    assertEquals(packetDuration(merged), 5760);
    assertEquals(codec.decode(merged).length, 5760 * 2);
    for (const packet of group) other.decode(packet);
  }
  // The states differed only in the 60 ms packets of another encoding long ago.
  const alike = correlation(codec.decode(talk[60]), other.decode(talk[60]));
  assert(alike > 0.99, `${alike}`);
});

test("OpusCodec.decode() of a mono codec mixes stereo down", async () => {
  using codec = await createOpus({ channels: 1 });
  assertEquals(codec.decode(talk[0]).length, 960);
});

test("OpusCodec.decode() meets a packet that is none with an error, and goes on", async () => {
  using codec = await createOpus();
  using fresh = await createOpus();
  let state = 7;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
  let refused = 0;
  for (let run = 0; run < 5000; run++) {
    const size = random() % (run % 50 === 0 ? 70000 : 300);
    const garbage = Uint8Array.from({ length: size }, random);
    try {
      assertEquals(codec.decode(garbage).length, packetDuration(garbage) * 2);
    } catch (error) {
      assertInstanceOf(error, SyntaxError);
      refused++;
    }
  }
  assert(refused > 100 && refused < 4900);
  using reference = await createOpus();
  // Other codecs are as before, and the same one recovers.
  assertEquals(digest(fresh.decode(talk[0])), digest(reference.decode(talk[0])));
  let mine: Int16Array = new Int16Array(0);
  let theirs: Int16Array = mine;
  for (const packet of talk.slice(1, 60)) {
    mine = codec.decode(packet);
    theirs = fresh.decode(packet);
  }
  assert(correlation(mine, theirs) > 0.95);
});

test("OpusCodec.decode() takes every truncation of a packet for a packet or an error", async () => {
  using codec = await createOpus();
  assertThrows(() => codec.decode(new Uint8Array(0)), SyntaxError, "it is empty");
  for (let size = 1; size <= talk[0].length; size++) {
    assertEquals(codec.decode(talk[0].subarray(0, size)).length, 1920);
  }
  const twice = Uint8Array.of(talk[0][0] | 1, 1, 2, 3);
  assertThrows(() => codec.decode(twice), SyntaxError, "corrupted packet");
});

test("OpusCodec.conceal() makes just the samples asked for, out of what came before", async () => {
  using codec = await createOpus();
  assertEquals(codec.conceal(960), new Int16Array(1920)); // nothing came before
  let before: Int16Array = new Int16Array(0);
  for (let i = 0; i < 20; i++) before = codec.decode(codec.encode(tone(i * 960, 960, 2)));
  const concealed = codec.conceal(960);
  const energy = (pcm: Int16Array): number => pcm.reduce((sum, value) => sum + value ** 2, 0);
  assert(energy(concealed) > 0.3 * energy(before));
  for (const samples of [120, 240, 360, 840, 960, 1320, 2880, 5760]) {
    assertEquals(codec.conceal(samples).length, samples * 2);
  }
  assert(energy(codec.conceal(5760)) < 0.01 * 6 * energy(before)); // it fades
  for (const samples of [0, -120, 100, 5880, NaN]) {
    assertThrows(() => codec.conceal(samples), RangeError, `Cannot conceal ${samples} samples`);
  }
});

test("OpusCodec writes into the memory that it is given", async () => {
  using codec = await createOpus();
  const memory = new Uint8Array(1300).fill(0xee);
  const packet = codec.encode(tone(0, 960, 2), memory);
  assert(packet.buffer === memory.buffer && packet.length < 1276);
  assertEquals(memory[packet.length], 0xee);
  const samples = new Int16Array(2000).fill(77);
  const pcm = codec.decode(packet, samples);
  assertEquals([pcm.buffer === samples.buffer, pcm.length, samples[1920]], [true, 1920, 77]);
  assertThrows(() => codec.encode(tone(0, 960, 2), new Uint8Array(1275)), RangeError, "1275");
  assertThrows(() => codec.decode(packet, new Int16Array(1919)), RangeError, "at least 1920");
  const own = codec.encode(tone(960, 960, 2));
  const copy = own.slice();
  codec.encode(tone(1920, 960, 2));
  assertEquals(own, copy);
});

test("OpusCodec.encode() refuses durations whose encoding overflows the module's stack", async () => {
  using codec = await createOpus();
  for (const length of [0, 100, 1919, 1922, 3840, 5760, 11520]) {
    assertThrows(
      () => codec.encode(new Int16Array(length)),
      RangeError,
      `Cannot encode ${length / 2} samples per channel: want 120, 240, 480, 960`,
    );
  }
});

test("OpusCodec.encode() follows the bitrate", async () => {
  const size = async (bitrate: number): Promise<number> => {
    using codec = await createOpus({ bitrate });
    let total = 0;
    let state = 1;
    for (let i = 0; i < 50; i++) {
      const noise = Int16Array.from({ length: 1920 }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return (state >>> 17) - 16384;
      });
      total += codec.encode(noise).length;
    }
    return total * 8; // bits in one second
  };
  for (const bitrate of [16000, 64000, 256000]) {
    const bits = await size(bitrate);
    assert(bits > 0.7 * bitrate && bits < 1.3 * bitrate, `${bitrate}: ${bits}`);
  }
});

test("OpusCodec.delete() frees the memory, once, and ends the codec", async () => {
  // Each codec takes over 100 KB; without freeing, 20 000 would need more than the 2 GB there are.
  for (let i = 0; i < 20_000; i++) (await createOpus()).delete();
  let codec: OpusCodec;
  {
    using scoped = await createOpus();
    codec = scoped;
  }
  codec.delete();
  codec.delete();
  assertThrows(() => codec.encode(new Int16Array(1920)), TypeError, "deleted");
  assertThrows(() => codec.decode(talk[0]), TypeError, "deleted");
  assertThrows(() => codec.conceal(960), TypeError, "deleted");
});

test("createOpus() refuses options out of range", async () => {
  const refuse = (options: object, message: string): Promise<unknown> =>
    assertRejects(() => createOpus(options), RangeError, message);
  await refuse({ channels: 3 }, "channels is 3, want 1 or 2");
  await refuse({ application: "music" as OpusApplication }, 'application is "music"');
  await refuse({ application: "toString" as OpusApplication }, 'application is "toString"');
  for (const bitrate of [0, 499, 512001, NaN, 64000.5]) {
    await refuse({ bitrate }, `bitrate is ${bitrate}, want 500 to 512000`);
  }
});
