import { assert, assertEquals, assertThrows } from "@std/assert";
import { createDecoder, createEncoder } from "libopus-wasm";
import test from "node:test";
import { createOpus } from "../../../adapters/opus.ts";
import { hasFec, packetDuration, parseToc } from "../../../lib/audio/opus_toc.ts";
import { concat, correlation, energy, packetsOf, tone } from "./sound.ts";

const WITH_FEC = { application: "voip", fec: true, packetLoss: 20 } as const;
const talk = packetsOf("talk.ogg").slice(0, 45);

async function talkSamples(channels: 1 | 2): Promise<Int16Array> {
  using codec = await createOpus({ channels });
  return concat(talk.map((packet) => codec.decode(packet)));
}

function pieces(pcm: Int16Array, size: number): Int16Array[] {
  return Array.from(
    { length: Math.floor(pcm.length / size) },
    (_, i) => pcm.subarray(size * i, size * (i + 1)),
  );
}

test("createOpus() encodes frames up to 60 ms with libopus-wasm, and refuses others", async () => {
  using codec = await createOpus({ implementation: "libopus-wasm" });
  for (const length of [0, 100, 1919, 1922, 2880, 7680, 11520]) {
    assertThrows(
      () => codec.encode(new Int16Array(length)),
      RangeError,
      `Cannot encode ${length / 2} samples per channel: want 120, 240, 480, 960, 1920, 2880`,
    );
  }
  // The most that there is room for: noise at 512 kbit/s.
  using loud = await createOpus({ implementation: "libopus-wasm", bitrate: 512000 });
  let state = 1;
  const noise = Int16Array.from(
    { length: 5760 },
    () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 16,
  );
  const memory = new Uint8Array(4000).fill(0xee);
  const packet = loud.encode(noise, memory);
  assertEquals([packetDuration(packet), packet.buffer === memory.buffer], [2880, true]);
  assert(packet.length > 3500 && packet.length <= 3 * 1276, `${packet.length} bytes`);
  assert(memory.subarray(packet.length).every((byte) => byte === 0xee));
});

for (const channels of [1, 2] as const) {
  for (const duration of [480, 960, 1920, 2880]) {
    test(`hasFec() is true just where libopus finds FEC, ${channels} channel(s), ${duration} samples`, async () => {
      const frames = pieces(await talkSamples(channels), duration * channels);
      for (const [bitrate, mode] of [[20000, "silk"], [40000, "hybrid"]] as const) {
        for (const fec of [true, false]) {
          const encoder = await createEncoder({
            ...{ channels, bitrate: bitrate * channels, fec, frameSize: duration },
            ...{ application: 2048, packetLossPercent: 20 },
            maxBandwidth: mode === "silk" ? 1103 : 1105,
          });
          const packets = frames.map((pcm) => encoder.encode(pcm));
          encoder.free();
          if (fec) assert(packets.some((packet) => parseToc(packet).mode === mode));
          const counts = { with: 0, without: 0, concealed: 0 };
          for (let i = 3; i < packets.length; i += 3) {
            const concealed = await isConcealed(packets.slice(0, i - 1), packets[i], duration);
            if (hasFec(packets[i])) counts.with++;
            else counts.without++;
            if (hasFec(packets[i])) assert(!concealed, `packet ${i}`);
            else if (concealed) counts.concealed++;
          }
          assert(fec ? counts.with > 1 : counts.with === 0, JSON.stringify(counts));
          // One that changes the mode of coding is concealed in the new mode.
          assert(counts.without - counts.concealed <= 1, JSON.stringify(counts));
        }
      }
    });
  }
}

/** Whether libopus, asked for the FEC of a packet, conceals: it does so where it finds none. */
async function isConcealed(
  before: readonly Uint8Array[],
  packet: Uint8Array,
  duration: number,
): Promise<boolean> {
  const channels = parseToc(packet).stereo ? 2 : 1;
  const [one, other] = [await createDecoder({ channels }), await createDecoder({ channels })];
  for (const earlier of before.slice(-5)) {
    one.decode(earlier);
    other.decode(earlier);
  }
  const fec = one.decode(packet, { decodeFec: true, frameSize: duration });
  const concealed = other.decodePacketLoss(duration);
  one.free();
  other.free();
  return fec.every((sample, i) => sample === concealed[i]);
}

for (const channels of [1, 2] as const) {
  test(`OpusCodec.decodeFec() is nearer to what was lost than conceal(), ${channels} channel(s)`, async () => {
    const options = { ...WITH_FEC, channels, bitrate: 32000 * channels };
    using encoder = await createOpus(options);
    using whole = await createOpus({ channels });
    using recovering = await createOpus({ channels });
    using concealing = await createOpus({ channels });
    const packets = pieces(await talkSamples(channels), 960 * channels)
      .map((pcm) => encoder.encode(pcm));
    const likeness = { fec: 0, concealed: 0 };
    let count = 0;
    for (const [i, packet] of packets.entries()) {
      const expected = whole.decode(packet);
      const next = packets[i + 1];
      if (i % 5 !== 3 || next === undefined || !hasFec(next) || energy(expected) < 1e7) {
        recovering.decode(packet);
        concealing.decode(packet);
        continue;
      }
      const recovered = recovering.decodeFec(next, 960)!;
      const concealed = concealing.conceal(960);
      assertEquals([recovered.length, concealed.length], [960 * channels, 960 * channels]);
      likeness.fec += correlation(recovered, expected);
      likeness.concealed += correlation(concealed, expected);
      count++;
    }
    assert(count >= 5, `${count}`);
    assert(likeness.fec / count > 0.7, JSON.stringify({ likeness, count }));
    assert(likeness.fec > likeness.concealed + 0.2 * count, JSON.stringify({ likeness, count }));
  });
}

test("OpusCodec.decodeFec() conceals the beginning of a longer loss, and leaves a shorter alone", async () => {
  using encoder = await createOpus({ ...WITH_FEC, bitrate: 32000 });
  const packets = pieces(await talkSamples(2), 1920).map((pcm) => encoder.encode(pcm));
  const at = packets.findIndex((packet, i) => i > 20 && hasFec(packet));
  const decoded = async (lost: number): Promise<Int16Array | undefined> => {
    using codec = await createOpus();
    for (const packet of packets.slice(0, at - 3)) codec.decode(packet);
    if (lost === 960) codec.conceal(1920);
    return codec.decodeFec(packets[at], lost);
  };
  const long = (await decoded(2880))!;
  assertEquals(long.length, 2880 * 2);
  assertEquals(long.subarray(1920 * 2), await decoded(960));
  for (const lost of [120, 840]) assertEquals(await decoded(lost), undefined);
  assertEquals((await decoded(5760))!.length, 5760 * 2);
});

test("OpusCodec.decodeFec() of a packet without FEC decodes nothing", async () => {
  using codec = await createOpus();
  using other = await createOpus();
  const plain = tone(0, 960, 2);
  codec.decode(codec.encode(plain));
  other.decode(other.encode(plain));
  for (const packet of [talk[0], new Uint8Array(0), Uint8Array.of(0x48)]) {
    assertEquals(codec.decodeFec(packet, 960), undefined);
  }
  assertEquals(codec.decode(talk[0]), other.decode(talk[0]));
});
