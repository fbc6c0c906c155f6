import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { OggDemuxer } from "../../../lib/audio/ogg.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { encodeOggPage, OggOpusWriter, writeOggOpus } from "../../../lib/audio/ogg_writer.ts";

const talk = new Uint8Array(readFileSync(new URL("../../audio/talk.ogg", import.meta.url)));
const silence = Uint8Array.of(0xf8, 0xff, 0xfe);

test("encodeOggPage() makes the bytes and checksum that opusenc made", () => {
  const first = talk.subarray(0, 47);
  const made = encodeOggPage({
    ...{ continued: false, bos: true, eos: false, granule: 0n, serial: 0x64d4b183, sequence: 0 },
    ...{ lacing: [19], body: first.subarray(28) },
  });
  assertEquals(made, first);
});

test("encodeOggPage() refuses lacing that is not the body's", () => {
  const page = { continued: false, bos: false, eos: false, granule: 0n, serial: 1, sequence: 0 };
  assertThrows(
    () => encodeOggPage({ ...page, lacing: [2], body: new Uint8Array(3) }),
    RangeError,
    "Cannot encode Ogg page: 1 segments of 2 bytes, want at most 255 of 3",
  );
  assertThrows(
    () => encodeOggPage({ ...page, lacing: new Array(256).fill(0), body: new Uint8Array(0) }),
    RangeError,
    "256 segments",
  );
});

test("writeOggOpus() keeps every packet, for any packets per page and any size", () => {
  const packets = readOggOpus(talk).packets.map(({ packet }) => packet);
  const odd = [254, 255, 256, 509, 510, 511].map((size) => {
    const packet = new Uint8Array(size).fill(size);
    packet[0] = 0xf8;
    return packet;
  });
  const huge = new Uint8Array(140000); // over three pages
  const all = [...odd, ...packets, huge, ...odd, silence];
  for (const packetsPerPage of [1, 2, 7, 50, 255, 1000]) {
    const comments = ["A=\u{1F3BB}", "LONG=" + "x".repeat(200000)];
    const file = readOggOpus(writeOggOpus(all, { packetsPerPage, comments, preSkip: 7 }));
    assertEquals(file.packets.map(({ packet }) => packet), all);
    assertEquals(file.tags, { vendor: "@sotto/voice", comments });
    assertEquals(file.head.preSkip, 7);
  }
});

test("OggOpusWriter puts the granule, flags and sequence on each page", () => {
  const writer = new OggOpusWriter({ packetsPerPage: 2, serial: 0xfffffffe });
  const demuxer = new OggDemuxer();
  const pieces = [writer.header(), ...[1, 2, 3, 4, 5].map(() => writer.write(silence))];
  assertEquals(pieces.slice(1).map(({ length }) => length > 0), [false, false, true, false, true]);
  for (const piece of [...pieces, writer.end(100)]) demuxer.push(piece);
  demuxer.end();
  const seen: unknown[] = [];
  for (let packet; (packet = demuxer.pull()) !== undefined;) {
    seen.push([packet.serial, packet.granule, packet.bos, packet.eos]);
  }
  const serial = 0xfffffffe;
  assertEquals(seen, [
    [serial, 0n, true, false],
    [serial, 0n, false, false],
    [serial, undefined, false, false],
    [serial, 1920n, false, false],
    [serial, undefined, false, false],
    [serial, 3840n, false, false],
    [serial, 4700n, false, true],
  ]);
  assertEquals(demuxer.losses.sequenceGaps, 0);
});

test("OggOpusWriter copies what it is given", () => {
  const writer = new OggOpusWriter();
  const packet = silence.slice();
  const start = [writer.header(), writer.write(packet)];
  packet.fill(0);
  const file = readOggOpus(Uint8Array.from([...start, writer.end()].flatMap((p) => Array.from(p))));
  assertEquals(file.packets[0].packet, silence);
});

test("OggOpusWriter refuses what is no Opus packet, and impossible options", () => {
  assertThrows(() => new OggOpusWriter().write(new Uint8Array(0)), SyntaxError, "it is empty");
  for (const packetsPerPage of [0, -1, 1.5, NaN]) {
    assertThrows(() => new OggOpusWriter({ packetsPerPage }), RangeError, "packetsPerPage is");
  }
  assert(writeOggOpus([]).length > 0);
});
