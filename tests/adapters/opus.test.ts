import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import process from "node:process";
import test from "node:test";
import {
  createOpus,
  type OpusApplication,
  type OpusCodec,
  type OpusCodecOptions,
  type OpusImplementation,
} from "../../adapters/opus.ts";
import { hasFec, opusFrames, packetDuration, parseToc } from "../../lib/audio/opus_toc.ts";
import {
  concat,
  correlation,
  digest,
  energy,
  packetsOf,
  signalToNoise,
  tone,
} from "./opus/sound.ts";

const IMPLEMENTATIONS: readonly OpusImplementation[] = ["libopus-wasm", "opusscript"];
const talk = packetsOf("talk.ogg");
const LOOKAHEAD = 312; // samples that libopus lags behind

/** One test for each package. */
function testBoth(
  name: string,
  run: (make: (options?: OpusCodecOptions) => Promise<OpusCodec>) => Promise<void>,
): void {
  for (const implementation of IMPLEMENTATIONS) {
    test(`${name}, ${implementation}`, async () => {
      await run((options) => createOpus({ ...options, implementation }));
    });
  }
}

test("OpusCodec.implementation names the package, at the version that is pinned, and libopus", async () => {
  const text = readFileSync(new URL("../../deno.json", import.meta.url), "utf8");
  const { imports } = JSON.parse(text) as { imports: Record<string, string> };
  for (const [name, libopus] of [["libopus-wasm", "1.6.1"], ["opusscript", "1.4"]] as const) {
    using codec = await createOpus({ implementation: name });
    const pinned = imports[name].replace(/^npm:/, "").replace("@", " ");
    assertEquals(codec.implementation, `${pinned} (libopus ${libopus})`);
  }
});

test("createOpus() takes libopus-wasm unless told otherwise", async () => {
  using codec = await createOpus();
  assert(codec.implementation.startsWith("libopus-wasm "), codec.implementation);
});

for (const channels of [1, 2] as const) {
  for (const application of ["voip", "audio", "lowdelay"] as const) {
    testBoth(
      `OpusCodec gives a tone back, ${application}, ${channels} channel(s)`,
      async (make) => {
        using codec = await make({ channels, application, bitrate: 128000 });
        const lookahead = application === "lowdelay" ? 120 : LOOKAHEAD;
        const long = codec.implementation.startsWith("libopus-wasm") ? [2880, 1920] : [];
        for (const duration of [...long, 960, 480, 240, 120]) {
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
      },
    );
  }
}

/** Decodes with a codec that has met nothing else. */
async function decodeAll(
  packets: readonly Uint8Array[],
  options: OpusCodecOptions,
): Promise<Int16Array> {
  using codec = await createOpus(options);
  return concat(packets.map((packet) => codec.decode(packet)));
}

/** Encodes as speech, which other coders of Opus do. */
async function speechOf(pcm: Int16Array, channels: 1 | 2): Promise<Uint8Array[]> {
  using codec = await createOpus({ channels, application: "voip", bitrate: 24000 });
  return Array.from(
    { length: pcm.length / (960 * channels) },
    (_, i) => codec.encode(pcm.subarray(960 * channels * i, 960 * channels * (i + 1))),
  );
}

for (const name of ["talk.ogg", "talk-60ms.ogg"]) {
  for (const channels of [1, 2] as const) {
    test(`OpusCodec.decode() of both packages differs by 1 at most, ${name}, ${channels} channel(s)`, async () => {
      const music = packetsOf(name).slice(0, name === "talk.ogg" ? 60 : 20);
      const speech = await speechOf(await decodeAll(music, { channels }), channels);
      assertEquals([parseToc(music[9]).mode, parseToc(speech[9]).mode], ["celt", "hybrid"]);
      for (const packets of [music, speech]) {
        const mine = await decodeAll(packets, { channels, implementation: "libopus-wasm" });
        const theirs = await decodeAll(packets, { channels, implementation: "opusscript" });
        assert(mine.every((sample, i) => Math.abs(sample - theirs[i]) <= 1));
        const decibels = signalToNoise(mine, theirs);
        assert(decibels > 100, `${decibels} dB`);
      }
    });
  }
}

test("OpusCodec.decode() of one package gives back what the other encoded", async () => {
  using decoder = await createOpus();
  const sound = talk.slice(0, 40).map((packet) => decoder.decode(packet));
  for (const encoding of IMPLEMENTATIONS) {
    for (const decoding of IMPLEMENTATIONS) {
      using encoder = await createOpus({ implementation: encoding, bitrate: 128000 });
      using other = await createOpus({ implementation: decoding });
      const decoded = concat(sound.map((pcm) => other.decode(encoder.encode(pcm))));
      const late = decoded.subarray(LOOKAHEAD * 2);
      const similarity = correlation(late, concat(sound).subarray(0, late.length));
      assert(similarity > 0.99, `${encoding}, ${decoding}: ${similarity}`);
    }
  }
});

testBoth("OpusCodec.decode() decodes packets of 60 ms and of 120 ms", async (make) => {
  using codec = await make();
  let size = 0;
  for (const packet of packetsOf("talk-60ms.ogg").slice(0, 50)) {
    size += codec.decode(packet).length;
  }
  assertEquals(size, 50 * 2880 * 2);
  // Six packets of 20 ms made one (code 3, sizes for each frame), against the six alone.
  using other = await make();
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

testBoth("OpusCodec.decode() of a mono codec mixes stereo down", async (make) => {
  using codec = await make({ channels: 1 });
  assertEquals(codec.decode(talk[0]).length, 960);
});

testBoth(
  "OpusCodec.decode() and decodeFec() meet a packet that is none, and go on",
  async (make) => {
    using codec = await make();
    using fresh = await make();
    using encoder = await make({ application: "voip", bitrate: 32000, fec: true });
    const valid = [...talk.slice(0, 9), encoder.encode(tone(0, 960, 2))];
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
    let refused = 0;
    const runs = 1000;
    for (let run = 0; run < runs; run++) {
      const size = random() % (run % 50 === 0 ? 70000 : 300);
      const garbage = run % 2 === 0
        ? Uint8Array.from({ length: size }, random)
        : valid[random() % valid.length].slice();
      if (run % 2 === 1) garbage[random() % garbage.length] = random();
      const lost = 120 * (1 + random() % 48);
      const recovered = codec.decodeFec(garbage, lost);
      assert(recovered === undefined || recovered.length === lost * 2);
      try {
        assertEquals(codec.decode(garbage).length, packetDuration(garbage) * 2);
      } catch (error) {
        assertInstanceOf(error, SyntaxError);
        refused++;
      }
    }
    assert(refused > runs / 50 && refused < runs - runs / 50, `${refused}`);
    using reference = await make();
    // Other codecs are as before, and the same one recovers.
    assertEquals(digest(fresh.decode(talk[0])), digest(reference.decode(talk[0])));
    let mine: Int16Array = new Int16Array(0);
    let theirs: Int16Array = mine;
    for (const packet of talk.slice(1, 60)) {
      mine = codec.decode(packet);
      theirs = fresh.decode(packet);
    }
    assert(correlation(mine, theirs) > 0.95);
  },
);

testBoth("OpusCodec.decode() takes every truncation for a packet or an error", async (make) => {
  using codec = await make();
  assertThrows(() => codec.decode(new Uint8Array(0)), SyntaxError, "it is empty");
  for (let size = 1; size <= talk[0].length; size++) {
    assertEquals(codec.decode(talk[0].subarray(0, size)).length, 1920);
  }
  const twice = Uint8Array.of(talk[0][0] | 1, 1, 2, 3);
  assertThrows(() => codec.decode(twice), SyntaxError, "libopus says corrupted stream");
});

testBoth(
  "OpusCodec.conceal() makes just the samples asked for, out of what came before",
  async (make) => {
    using codec = await make();
    assertEquals(codec.conceal(960), new Int16Array(1920)); // nothing came before
    let before: Int16Array = new Int16Array(0);
    for (let i = 0; i < 20; i++) before = codec.decode(codec.encode(tone(i * 960, 960, 2)));
    const concealed = codec.conceal(960);
    assert(energy(concealed) > 0.3 * energy(before));
    for (const samples of [120, 240, 360, 840, 960, 1320, 2880, 5760]) {
      assertEquals(codec.conceal(samples).length, samples * 2);
    }
    assert(energy(codec.conceal(5760)) < 0.01 * 6 * energy(before)); // it fades
  },
);

for (const application of ["voip", "audio"] as const) {
  testBoth(
    `OpusCodec goes on smoothly over one lost frame of 20 ms, ${application}`,
    async (make) => {
      using codec = await make({ application, bitrate: 24000 });
      const LOST = 20;
      const packets = Array.from({ length: 36 }, (_, i) => codec.encode(tone(i * 960, 960, 2)));
      using whole = await make();
      const expected = concat(packets.map((packet) => whole.decode(packet)));
      const pieces = packets.map((packet, i) =>
        i === LOST ? codec.conceal(960) : codec.decode(packet)
      );
      assertEquals(pieces.map(({ length }) => length), packets.map(() => 1920));
      const heard = concat(pieces);
      // Sound that was there before the loss is the same, what is made up continues the tone ...
      const lostAt = 1920 * LOST;
      assertEquals(heard.subarray(0, lostAt), expected.subarray(0, lostAt));
      const alike = correlation(pieces[LOST], expected.subarray(lostAt, lostAt + 1920));
      assert(alike > 0.8, `${alike}`);
      // ... no step is larger than elsewhere, neither into it nor out of it ...
      const step = (pcm: Int16Array, from: number, to: number): number => {
        let largest = 0;
        for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(pcm[i] - pcm[i - 2]));
        return largest;
      };
      const usual = step(expected, 1920 * 5, heard.length);
      const largest = step(heard, lostAt, lostAt + 2 * 1920);
      assert(largest < 1.5 * usual, `${largest}, elsewhere ${usual}`);
      // ... and ten frames later nothing is left of the loss.
      const end = lostAt + 1920 * 10;
      const similarity = correlation(heard.subarray(end), expected.subarray(end));
      assert(similarity > 0.99, `${similarity}`);
    },
  );
}

test("OpusCodec.conceal() of both packages makes up the same", async () => {
  const codecs = await Promise.all(
    IMPLEMENTATIONS.map((implementation) => createOpus({ implementation })),
  );
  // Between losses enough comes for what one left behind to fade.
  const [mine, theirs] = codecs.map((codec) =>
    concat(talk.flatMap((packet, i) => {
      if (i % 40 === 20) return [codec.conceal(960)];
      codec.decode(packet);
      return [];
    }))
  );
  for (const codec of codecs) codec.delete();
  const decibels = signalToNoise(mine, theirs);
  assert(energy(mine) > 0 && decibels > 60, `${decibels} dB`);
});

testBoth("OpusCodec writes into the memory that it is given", async (make) => {
  using codec = await make();
  const memory = new Uint8Array(1300).fill(0xee);
  const packet = codec.encode(tone(0, 960, 2), memory);
  assert(packet.buffer === memory.buffer && packet.length < 1276);
  assertEquals(memory[packet.length], 0xee);
  const samples = new Int16Array(2000).fill(77);
  const pcm = codec.decode(packet, samples);
  assertEquals([pcm.buffer === samples.buffer, pcm.length, samples[1920]], [true, 1920, 77]);
  const own = codec.encode(tone(960, 960, 2));
  const decoded = codec.decode(own);
  const copies = [own.slice(), decoded.slice()];
  codec.decode(codec.encode(tone(1920, 960, 2)));
  assertEquals([own, decoded] as unknown[], copies);
});

testBoth("OpusCodec.encode() follows the bitrate", async (make) => {
  const size = async (bitrate: number): Promise<number> => {
    using codec = await make({ bitrate });
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

testBoth(
  "OpusCodec.encode() writes FEC where it is told to",
  async (make) => {
    using source = await make();
    const sound = talk.slice(0, 20).map((packet) => source.decode(packet));
    const encoded = async (
      options: OpusCodecOptions,
    ): Promise<readonly [fec: number, size: number]> => {
      using codec = await make({ application: "voip", bitrate: 32000, ...options });
      const packets = sound.map((pcm) => codec.encode(pcm));
      assert(packets.every((packet) => parseToc(packet).mode !== "celt"));
      const size = packets.reduce((sum, { length }) => sum + length, 0);
      return [packets.filter(hasFec).length, size];
    };
    for (const options of [{}, { packetLoss: 20 }, { fec: true, packetLoss: 0 }]) {
      assertEquals((await encoded(options))[0], 0, JSON.stringify(options));
    }
    const [count] = await encoded({ fec: true });
    assert(count > 10, `${count} of 20`);
    assertEquals(await encoded({ fec: true }), await encoded({ fec: true, packetLoss: 10 }));
  },
);

testBoth("OpusCodec.delete() frees the memory, once, and ends the codec", async (make) => {
  for (let i = 0; i < 10; i++) (await make()).delete();
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 3000; i++) (await make()).delete(); // over 74 KB each
  const growth = (process.memoryUsage().rss - before) / 2 ** 20;
  assert(growth < 100, `${growth} MiB`);
  let codec: OpusCodec;
  {
    using scoped = await make();
    codec = scoped;
  }
  codec.delete();
  codec.delete();
  assertThrows(() => codec.encode(new Int16Array(1920)), TypeError, "deleted");
  assertThrows(() => codec.decode(talk[0]), TypeError, "deleted");
  assertThrows(() => codec.conceal(960), TypeError, "deleted");
  assertThrows(() => codec.decodeFec(talk[0], 960), TypeError, "deleted");
});

test("createOpus() refuses options out of range", async () => {
  const refuse = (options: object, message: string): Promise<unknown> =>
    assertRejects(() => createOpus(options), RangeError, message);
  await refuse({ channels: 3 }, "channels is 3, want 1 or 2");
  await refuse({ application: "music" as OpusApplication }, 'application is "music"');
  await refuse({ application: "toString" as OpusApplication }, 'application is "toString"');
  await refuse({ implementation: "opus" }, 'implementation is "opus", want "libopus-wasm" or');
  await refuse({ implementation: "toString" }, 'implementation is "toString"');
  for (const bitrate of [0, 499, 512001, NaN, 64000.5]) {
    await refuse({ bitrate }, `bitrate is ${bitrate}, want 500 to 512000`);
  }
  for (const packetLoss of [-1, 101, NaN, 0.5]) {
    await refuse({ packetLoss }, `packetLoss is ${packetLoss}, want 0 to 100`);
  }
});
