import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import {
  OggOpusDemuxer,
  type OggOpusPacket,
  parseOpusHead,
  parseOpusTags,
  readOggOpus,
} from "../../../lib/audio/ogg_opus.ts";
import { encodeOggPage, writeOggOpus } from "../../../lib/audio/ogg_writer.ts";

const read = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(path, import.meta.url)));
const talk = read("../../audio/talk.ogg");
const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/opus_head.json", import.meta.url), "utf8"),
) as { cases: { opus_head_hex: string; expect: Record<string, number> }[] };

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const join = (...pieces: Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
};

/** A page of one packet shorter than 255 bytes. */
function page(serial: number, sequence: number, body: Uint8Array): Uint8Array {
  const bos = sequence === 0;
  const lacing = [body.length];
  return encodeOggPage({
    ...{ continued: false, bos, eos: false, granule: 0n, serial, sequence, lacing, body },
  });
}

const head = fromHex(vectors.cases[0].opus_head_hex);
const tags = join(ascii("OpusTags"), new Uint8Array(8));
const silence = Uint8Array.of(0xf8, 0xff, 0xfe);

/** The packets before an error, and the error. */
function demux(bytes: Uint8Array): {
  packets: OggOpusPacket[];
  error: unknown;
  demuxer: OggOpusDemuxer;
} {
  const demuxer = new OggOpusDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  const packets: OggOpusPacket[] = [];
  try {
    for (let packet; (packet = demuxer.pull()) !== undefined;) packets.push(packet);
    assertEquals(demuxer.pull(), undefined);
    return { packets, error: undefined, demuxer };
  } catch (error) {
    assertThrows(() => demuxer.pull(), error!.constructor as ErrorConstructor); // for good
    return { packets, error, demuxer };
  }
}

function assertFails(bytes: Uint8Array, type: ErrorConstructor, message: string): void {
  const { error } = demux(bytes);
  assertInstanceOf(error, type);
  assertEquals(error.message, message);
}

test("readOggOpus() reads a file of 20 ms packets as opusinfo and ffprobe do", () => {
  const file = readOggOpus(talk);
  assertEquals(file.head, {
    version: 1,
    channels: 2,
    preSkip: 312,
    inputSampleRate: 48000,
    outputGain: 0,
    mappingFamily: 0,
    streamCount: 1,
    coupledCount: 1,
    channelMapping: [0, 1],
  });
  assertEquals(file.tags, {
    vendor: "libopus 1.3.1, libopusenc 0.2.1",
    comments: [
      "ENCODER=opusenc from opus-tools 0.2",
      "ENCODER_OPTIONS=--bitrate 96 --framesize 20",
    ],
  });
  assertEquals(file.packets.length, 501);
  assert(file.packets.every(({ duration }) => duration === 960));
  assertEquals(file.packets.slice(0, 4).map(({ packet }) => packet.length), [446, 258, 260, 409]);
  assertEquals(file.packets.at(-1)!.granule, 480312n); // 10 s and the pre-skip
});

test("readOggOpus() reads a file of 60 ms packets", () => {
  const { packets } = readOggOpus(read("../../audio/talk-60ms.ogg"));
  assertEquals(packets.length, 167);
  assert(packets.every(({ duration }) => duration === 2880));
  assertEquals(packets.slice(0, 4).map(({ packet }) => packet.length), [623, 792, 627, 670]);
});

test("OggOpusDemuxer gives the granule of the container where it gives one", () => {
  let sum = 0n;
  for (const { granule, duration } of readOggOpus(talk).packets.slice(0, -1)) {
    sum += BigInt(duration);
    if (granule !== undefined) assertEquals(granule, sum);
  }
});

test("OggOpusDemuxer gives the time of each packet, pre-skip before 0, links in a row", () => {
  const link = writeOggOpus([silence, silence], { preSkip: 480, packetsPerPage: 1 });
  const times = readOggOpus(join(link, link)).packets.map(({ time }) => time);
  assertEquals(times, [-10, 10, 20, 40]);
  assertEquals(readOggOpus(talk).packets.at(-1)!.time, 10_000 - 6.5);
});

test("OggOpusDemuxer gives the packets before every truncation, then an error", () => {
  const bytes = writeOggOpus(new Array(7).fill(silence), { packetsPerPage: 2 });
  const whole = readOggOpus(bytes).packets;
  const counts = new Set<number>();
  for (let size = 0; size < bytes.length; size++) {
    const { packets, error } = demux(bytes.subarray(0, size));
    assertEquals(packets, whole.slice(0, packets.length));
    counts.add(packets.length);
    const atPageStart = bytes[size] === 0x4f && bytes[size + 1] === 0x67;
    const afterHeaders = size >= 47 + 49;
    if (atPageStart && afterHeaders) assertEquals(error, undefined);
    else assertInstanceOf(error, SyntaxError);
  }
  assertEquals([...counts], [0, 2, 4, 6]);
});

test("OggOpusDemuxer goes on through a chain, with the headers of each link", () => {
  const first = writeOggOpus([silence, silence], { comments: ["A=1"] });
  const second = writeOggOpus([silence], { comments: ["B=2"], serial: 2, channels: 1 });
  const demuxer = new OggOpusDemuxer();
  demuxer.push(join(first, second, talk));
  demuxer.end();
  const seen: unknown[] = [];
  while (demuxer.pull() !== undefined) {
    seen.push(`${demuxer.head!.channels}${demuxer.tags!.comments[0]}`);
  }
  assertEquals(seen.slice(0, 4), ["2A=1", "2A=1", "1B=2", "2ENCODER=opusenc from opus-tools 0.2"]);
  assertEquals(seen.length, 3 + 501);
  const file = readOggOpus(join(first, second));
  assertEquals([file.tags.comments, file.packets.length], [["A=1"], 3]);
});

test("OggOpusDemuxer refuses streams without Opus and names what they hold", () => {
  for (
    const [prefix, name] of [
      ["\x01vorbis", "Vorbis"],
      ["\x7fFLAC", "FLAC"],
      ["Speex   ", "Speex"],
      ["\x80theora", "Theora"],
      ["what?", "an unknown codec"],
    ]
  ) {
    const message = `Cannot read Ogg Opus: the stream holds ${name}, want Opus`;
    const start = page(1, 0, ascii(prefix));
    assertFails(start, SyntaxError, message);
    const demuxer = new OggOpusDemuxer();
    demuxer.push(join(start, page(1, 1, ascii("?"))));
    assertThrows(() => demuxer.pull(), SyntaxError, message); // before the end
    const { packets, error } = demux(join(writeOggOpus([silence]), start));
    assertEquals([packets.length, `${error}`], [1, `SyntaxError: ${message}`]);
  }
});

test("OggOpusDemuxer reads the Opus stream among multiplexed ones", () => {
  const { packets, error } = demux(join(
    page(1, 0, ascii("fishead\0")),
    page(2, 0, head),
    page(3, 0, ascii("\x80theora")),
    page(3, 1, ascii("video")),
    page(2, 1, tags),
    page(1, 1, ascii("bones")),
    page(2, 2, silence),
    page(3, 2, ascii("video")),
    page(2, 3, silence),
  ));
  assertEquals(error, undefined);
  assertEquals(packets.map(({ packet }) => packet), [silence, silence]);
});

test("OggOpusDemuxer says which header the input ends before", () => {
  const before = (header: string) =>
    `Cannot read Ogg Opus: the input ends before its ${header} header`;
  assertFails(new Uint8Array(0), SyntaxError, before("identification"));
  assertFails(page(1, 0, head), SyntaxError, before("comment"));
});

test("OggOpusDemuxer leaves out and counts audio packets that are no Opus packets", () => {
  const { packets, demuxer, error } = demux(join(
    page(1, 0, head),
    page(1, 1, tags),
    page(1, 2, new Uint8Array(0)),
    page(1, 3, silence),
    page(1, 4, Uint8Array.of(0xff)),
    page(1, 5, silence),
  ));
  assertEquals([packets.length, demuxer.losses.invalidPackets, error], [2, 2, undefined]);
});

test("OggOpusDemuxer plays on where damage took the comments", () => {
  const damaged = page(1, 1, tags);
  damaged[30] ^= 1;
  const { packets, demuxer } = demux(join(page(1, 0, head), damaged, page(1, 2, silence)));
  assertEquals(packets.map(({ packet }) => packet), [silence]);
  assertEquals(demuxer.tags, { vendor: "", comments: [] });
  assertFails(
    join(page(1, 0, head), page(1, 1, silence)),
    SyntaxError,
    'Cannot parse OpusTags: it does not begin with "OpusTags"',
  );
});

test("OggOpusDemuxer refuses surround sound, whose packets are several", () => {
  const surround = join(head.subarray(0, 18), Uint8Array.of(1, 4, 2, 0, 4, 1, 2, 3, 5));
  surround[9] = 6;
  assertEquals(parseOpusHead(surround).channelMapping, [0, 4, 1, 2, 3, 5]);
  assertFails(
    page(1, 0, surround),
    RangeError,
    "Cannot read Ogg Opus: each packet holds 4 streams for 6 channels, " +
      "want 1 stream (mono or stereo)",
  );
});

test("parseOpusHead() reads the vectors, and no truncation of them", () => {
  assertEquals(vectors.cases.length, 2);
  for (const { opus_head_hex, expect } of vectors.cases) {
    const bytes = fromHex(opus_head_hex);
    const { channels, inputSampleRate, preSkip } = parseOpusHead(bytes);
    assertEquals([channels, inputSampleRate, preSkip], [
      expect.channels,
      expect.sample_rate,
      expect.pre_skip,
    ]);
    for (let size = 0; size < bytes.length; size++) {
      assertThrows(() => parseOpusHead(bytes.subarray(0, size)), SyntaxError, "OpusHead: it ");
    }
  }
});

test("parseOpusHead() reads a negative gain in dB", () => {
  const bytes = head.slice();
  bytes.set([0x80, 0xfe], 16);
  assertEquals(parseOpusHead(bytes).outputGain, -1.5);
});

test("parseOpusHead() refuses impossible fields", () => {
  const change = (at: number, value: number, ...more: number[]): Uint8Array => {
    const bytes = join(head, Uint8Array.from(more));
    bytes[at] = value;
    return bytes;
  };
  const refused: [Uint8Array, string][] = [
    [change(8, 16), "its version is 16, want 0 to 15"],
    [change(9, 0), "it has 0 channels"],
    [change(9, 3), "mapping family 0 has 3 channels"],
    [change(18, 1), "it has 19 bytes, want at least 23"],
    [change(18, 1, 0, 0, 0, 1), "0 streams, 0 of them stereo"],
    [change(18, 1, 1, 2, 0, 1), "1 streams, 2 of them stereo"],
    [change(18, 1, 200, 100, 0, 1), "200 streams, 100 of them stereo"],
    [change(18, 1, 1, 1, 0, 2), "it maps channel 2, want less than 2"],
  ];
  for (const [bytes, message] of refused) {
    assertThrows(() => parseOpusHead(bytes), SyntaxError, message);
  }
  assertEquals(parseOpusHead(change(18, 255, 1, 1, 0, 255)).channelMapping, [0, 255]);
});

test("parseOpusTags() reads UTF-8 of every length, and no truncation", () => {
  const texts = ["TITLE=\u{1F3BB} na\u00efve \u4e2d\u6587 \ufeff", "", "X=1"];
  const encoder = new TextEncoder();
  const sized = (text: string): Uint8Array => {
    const bytes = encoder.encode(text);
    return join(Uint8Array.of(bytes.length, 0, 0, 0), bytes);
  };
  const bytes = join(ascii("OpusTags"), sized("v"), Uint8Array.of(3, 0, 0, 0), ...texts.map(sized));
  assertEquals(parseOpusTags(bytes), { vendor: "v", comments: texts });
  assertEquals(parseOpusTags(join(bytes, new Uint8Array(99))).comments, texts); // padding
  for (let size = 0; size < bytes.length; size++) {
    assertThrows(
      () => parseOpusTags(bytes.subarray(0, size)),
      SyntaxError,
      "Cannot parse OpusTags: ",
    );
  }
});

test("parseOpusTags() decodes text that is no UTF-8 as TextDecoder does", () => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let state = 1;
  const interesting = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf]
    .concat([0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0xbb]);
  for (let run = 0; run < 3000; run++) {
    const text = Uint8Array.from({ length: 8 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return interesting[(state >>> 8) % interesting.length];
    });
    const bytes = join(ascii("OpusTags"), Uint8Array.of(8, 0, 0, 0), text, new Uint8Array(4));
    assertEquals(parseOpusTags(bytes).vendor, decoder.decode(text));
  }
});

test("parseOpusTags() refuses counts and sizes beyond the packet at once", () => {
  const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
  assertThrows(() => parseOpusTags(join(ascii("OpusTags"), huge)), SyntaxError, "4294967295 bytes");
  const many = join(ascii("OpusTags"), new Uint8Array(4), huge, new Uint8Array(8));
  assertThrows(() => parseOpusTags(many), SyntaxError, "it ends at byte 24 before a length");
});
