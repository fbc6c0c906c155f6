import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createReadStream, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import test from "node:test";
import { fileURLToPath } from "node:url";
import type { AudioResource } from "../../../adapters/discordjs/audio_resource.ts";
import { createAudioResource } from "../../../adapters/discordjs/create_audio_resource.ts";
import { StreamType } from "../../../adapters/discordjs/stream_type.ts";
import { createOpus } from "../../../adapters/opus.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { packetDuration } from "../../../lib/audio/opus_toc.ts";
import { encodeWav } from "../../../lib/audio/wav.ts";
import { packets, settle, streamOf } from "./fixtures.ts";

const TALK = fileURLToPath(new URL("../../audio/talk.ogg", import.meta.url));
const talk = readOggOpus(readFileSync(TALK)).packets.map(({ packet }) => Buffer.from(packet));

/** Reads a resource as a player does, only faster. */
async function readAll(resource: AudioResource): Promise<Buffer[]> {
  const read: Buffer[] = [];
  while (resource.readable && resource.silenceRemaining === -1) {
    const packet = resource.read();
    if (packet === null) await settle();
    else read.push(packet);
  }
  return read;
}

function edgesOf({ edges }: AudioResource): string[] {
  return edges.map(({ type }) => type);
}

/** How loud packets are, decoded. */
async function loudnessOf(opus: readonly Uint8Array[]): Promise<number> {
  using codec = await createOpus();
  const peaks = opus.map((packet) => Math.max(...codec.decode(packet).map(Math.abs)));
  return Math.max(...peaks);
}

/** A second of a tone, as raw samples. */
function samples(): Int16Array {
  return Int16Array.from({ length: 96_000 }, (_, i) => 10_000 * Math.sin((i >> 1) / 20));
}

test("createAudioResource() passes Opus on as it is, from a path, a stream and an address", async () => {
  const server = createServer((_, response) => createReadStream(TALK).pipe(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { OggOpus } = StreamType;
    const resources = [
      createAudioResource(TALK),
      createAudioResource(createReadStream(TALK)),
      createAudioResource(createReadStream(TALK), { inputType: OggOpus }),
      createAudioResource(`http://127.0.0.1:${port}/talk.ogg`),
      createAudioResource(streamOf(talk), { inputType: StreamType.Opus }),
    ];
    for (const { started, playbackDuration, metadata } of resources) {
      assertEquals([started, playbackDuration, metadata], [false, 0, null]);
    }
    assertEquals(resources.map(edgesOf), [
      ["ffmpeg ogg"],
      ["ffmpeg ogg"],
      ["ogg/opus demuxer"],
      ["ffmpeg ogg"],
      [],
    ]);
    for (const resource of resources) {
      const read = await readAll(resource);
      assert(read.every((packet) => Buffer.isBuffer(packet)));
      assert(read.length === talk.length && read.every((packet, i) => packet.equals(talk[i])));
      assertEquals([resource.started, resource.playbackDuration], [true, 20 * talk.length]);
    }
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

test("createAudioResource() encodes samples, raw and in WAV, in frames of 20 ms", async () => {
  const raw = Buffer.from(samples().buffer);
  const odd = [raw.subarray(0, 3), raw.subarray(3, 5000), raw.subarray(5000)];
  const resources = [
    createAudioResource(Readable.from(odd), { inputType: StreamType.Raw }),
    createAudioResource(Readable.from([encodeWav(samples(), 48_000, 2)])),
  ];
  assertEquals(resources.map(edgesOf), [["opus encoder"], ["ffmpeg ogg"]]);
  resources[0].encoder!.setBitrate(128_000);
  assertThrows(() => resources[0].encoder!.setBitrate(1), RangeError);
  const sizes: number[] = [];
  for (const resource of resources) {
    const read = await readAll(resource);
    assertEquals([read.length, new Set(read.map(packetDuration))], [50, new Set([960])]);
    sizes.push(read.reduce((sum, { length }) => sum + length, 0));
  }
  assertGreater(sizes[0], sizes[1] * 1.3, "twice the bitrate");
});

test("createAudioResource() sets the volume inline, whatever the input is", async () => {
  const inputs = [
    [Readable.from([Buffer.from(samples().buffer)]), StreamType.Raw],
    [createReadStream(TALK), StreamType.OggOpus],
    [streamOf(talk), StreamType.Opus],
    [createReadStream(TALK), StreamType.Arbitrary],
  ] as const;
  const edges: string[][] = [];
  for (const [input, inputType] of inputs) {
    const resource = createAudioResource(input, { inputType, inlineVolume: true });
    edges.push(edgesOf(resource));
    resource.volume!.setVolume(0);
    const read: Buffer[] = [];
    while (read.length < 30) {
      const packet = resource.read();
      if (packet === null) await settle();
      else read.push(packet);
    }
    assert(await loudnessOf(read) < 3, inputType);
    resource.playStream.destroy();
    await settle();
    assert(input.destroyed);
  }
  const rest = ["volume transformer", "opus encoder"];
  assertEquals(edges, [
    rest,
    ["ogg/opus demuxer", "opus decoder", ...rest],
    ["opus decoder", ...rest],
    ["ffmpeg pcm", ...rest],
  ]);
  assertEquals(createAudioResource(TALK).volume, undefined);
});

test("AudioResource ends with its silence, and knows where it is", async () => {
  const resource = createAudioResource(streamOf(packets(2)), {
    inputType: StreamType.Opus,
    silencePaddingFrames: 2,
    metadata: { title: "two packets" },
  });
  assertEquals([resource.metadata.title, resource.silencePaddingFrames], ["two packets", 2]);
  await settle();
  assertEquals([resource.read(), resource.read()], packets(2));
  assertEquals(resource.read(), null);
  await settle();
  assert(resource.readable, "silence is left");
  assertEquals(resource.silenceRemaining, 2);
  const silence = Buffer.from([0xf8, 0xff, 0xfe]);
  assertEquals([resource.read(), resource.read(), resource.read()], [silence, silence, null]);
  assertEquals([resource.readable, resource.ended, resource.silenceRemaining], [false, true, 0]);
  assertEquals(resource.playbackDuration, 40);
});

test("AudioResource that fails before it is played harms nobody, and has ended", async () => {
  const missing = createAudioResource(createReadStream("no such file"));
  const path = createAudioResource("no such file.ogg");
  const broken = createAudioResource(Readable.from([Buffer.from("no Ogg")]), {
    inputType: StreamType.OggOpus,
  });
  for (const resource of [missing, path, broken]) {
    for (let i = 0; i < 200 && !resource.ended; i++) await settle();
    assert(resource.ended);
  }
});

test("createAudioResource() refuses what is no number of frames, and a packet that is none", async () => {
  const input = () => streamOf(packets(1));
  for (const silencePaddingFrames of [-1, 0.5, NaN]) {
    assertThrows(() => createAudioResource(input(), { silencePaddingFrames }), RangeError);
  }
  const text = createAudioResource(Readable.from(["text"]), { inputType: StreamType.Opus });
  await settle();
  assertThrows(() => text.read(), SyntaxError, "want Opus packets");
});
