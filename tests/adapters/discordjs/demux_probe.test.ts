import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { demuxProbe, validateDiscordOpusHead } from "../../../adapters/discordjs/demux_probe.ts";
import { StreamType } from "../../../adapters/discordjs/stream_type.ts";

const TALK = fileURLToPath(new URL("../../audio/talk.ogg", import.meta.url));
const talk = readFileSync(TALK);

function chunked(bytes: Buffer, size: number): Readable {
  const chunks = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.subarray(index * size, (index + 1) * size),
  );
  return Readable.from(chunks, { objectMode: false });
}

async function allOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

/** The smallest WebM with an Opus track: an element is an id, a size of one byte, a body. */
function webm(channels: number): Buffer {
  const element = (id: string, ...body: Buffer[]): Buffer => {
    const whole = Buffer.concat(body);
    return Buffer.concat([Buffer.from(id, "hex"), Buffer.of(0x80 | whole.length), whole]);
  };
  const head = Buffer.alloc(19);
  head.write("OpusHead");
  head.set([1, channels], 8);
  head.writeUInt32LE(48_000, 12);
  const track = element(
    "ae",
    element("d7", Buffer.of(1)),
    element("83", Buffer.of(2)),
    element("86", Buffer.from("A_OPUS")),
    element("63a2", head),
  );
  const block = element("a3", Buffer.of(0x81, 0, 0, 0x80, 0xf8, 0xff, 0xfe));
  return Buffer.concat([
    element("1a45dfa3", element("4282", Buffer.from("webm"))),
    element(
      "18538067",
      element("1654ae6b", track),
      element("1f43b675", element("e7", Buffer.of(0)), block),
    ),
  ]);
}

test("validateDiscordOpusHead() wants two channels from 48 kHz", () => {
  const head = Buffer.alloc(19);
  head.set([1, 2], 8);
  head.writeUInt32LE(48_000, 12);
  assert(validateDiscordOpusHead(head));
  assert(!validateDiscordOpusHead(Buffer.from(head).fill(1, 9, 10)));
  assert(!validateDiscordOpusHead(Buffer.from(head).fill(0, 12, 16)));
  for (let size = 0; size < 19; size++) assert(!validateDiscordOpusHead(head.subarray(0, size)));
});

test("demuxProbe() finds Ogg and WebM, in chunks of any size, and uses nothing up", async () => {
  for (const size of [7, 100, 1 << 20]) {
    for (const [bytes, type] of [[talk, StreamType.OggOpus], [webm(2), "webm/opus"]] as const) {
      const stream = chunked(bytes, size);
      const found = await demuxProbe(stream);
      assertEquals(found.type, type);
      assert((await allOf(found.stream)).equals(bytes), `${type} in chunks of ${size}`);
    }
  }
  const file = createReadStream(TALK);
  const found = await demuxProbe(file);
  assertStrictEquals(found.stream, file);
  assert((await allOf(found.stream)).equals(talk));
});

test("demuxProbe() gives up after probeSize, where the validator refuses, and at the end", async () => {
  const other = Buffer.alloc(5000, 1);
  const long = await demuxProbe(chunked(other, 100));
  assertEquals(long.type, StreamType.Arbitrary);
  assert((await allOf(long.stream)).equals(other));
  const early = await demuxProbe(chunked(talk, 10), 20);
  assertEquals(early.type, StreamType.Arbitrary);
  assert((await allOf(early.stream)).equals(talk));
  assertEquals((await demuxProbe(chunked(webm(1), 100))).type, StreamType.Arbitrary);
  const heads: number[] = [];
  const refused = await demuxProbe(chunked(talk, 4096), 1024, (head) => {
    heads.push(head.readUInt8(9));
    return false;
  });
  assertEquals([refused.type, heads[0]], [StreamType.Arbitrary, talk.readUInt8(28 + 9)]);
  for (const bytes of [Buffer.alloc(0), Buffer.from("short"), talk.subarray(0, 40)]) {
    const short = await demuxProbe(chunked(bytes, 10));
    assertEquals(short.type, StreamType.Arbitrary);
    assert((await allOf(short.stream)).equals(bytes));
  }
});

test("demuxProbe() refuses streams that cannot be probed, and tells their errors", async () => {
  await assertRejects(() => demuxProbe(Readable.from([talk])), Error, "object mode");
  const ended = chunked(talk, 1 << 20);
  await allOf(ended);
  await assertRejects(() => demuxProbe(ended), Error, "has ended");
  const destroyed = chunked(talk, 1 << 20);
  destroyed.destroy();
  await assertRejects(() => demuxProbe(destroyed), Error, "was destroyed");
  await assertRejects(() => demuxProbe(createReadStream("no such file")), Error, "no such file");
});
