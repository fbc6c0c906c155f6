import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { OggDemuxer, type OggPacket } from "../../../lib/audio/ogg.ts";
import { encodeOggPage, type OggPage } from "../../../lib/audio/ogg_writer.ts";

const talk = new Uint8Array(readFileSync(new URL("../../audio/talk.ogg", import.meta.url)));

/** A page of whole packets, or of the lacing given. */
function page(fields: Partial<OggPage> & { packets?: number[][] }): Uint8Array {
  const packets = fields.packets ?? [];
  return encodeOggPage({
    continued: false,
    bos: false,
    eos: false,
    granule: 7n,
    serial: 1,
    sequence: 0,
    lacing: packets.map((packet) => packet.length),
    body: Uint8Array.from(packets.flat()),
    ...fields,
  });
}

function join(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => Array.from(piece)));
}

function drain(demuxer: OggDemuxer, into: OggPacket[] = []): OggPacket[] {
  for (let packet; (packet = demuxer.pull()) !== undefined;) into.push(packet);
  return into;
}

function demux(bytes: Uint8Array): OggPacket[] {
  const demuxer = new OggDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  return drain(demuxer);
}

/** The packets before an error, the error, and what was lost. */
function demuxBroken(bytes: Uint8Array, options = {}): {
  packets: OggPacket[];
  error: unknown;
  demuxer: OggDemuxer;
} {
  const demuxer = new OggDemuxer(options);
  demuxer.push(bytes);
  demuxer.end();
  const packets: OggPacket[] = [];
  try {
    drain(demuxer, packets);
    return { packets, error: undefined, demuxer };
  } catch (error) {
    assertThrows(() => demuxer.pull(), error!.constructor as ErrorConstructor); // for good
    return { packets, error, demuxer };
  }
}

const bytesOf = (packets: OggPacket[]): number[][] => packets.map(({ data }) => Array.from(data));
const NO_LOSSES = { skippedBytes: 0, orphanPages: 0, sequenceGaps: 0, brokenPackets: 0 };
const start = page({ bos: true, packets: [[1, 2]] });

test("OggDemuxer.pull() gives every packet of a page with granule and flags", () => {
  const bytes = join(start, page({ sequence: 1, eos: true, granule: 9n, packets: [[3], [], [4]] }));
  assertEquals(demux(bytes), [
    { data: Uint8Array.of(1, 2), serial: 1, granule: 7n, bos: true, eos: false, gap: false },
    { data: Uint8Array.of(3), serial: 1, granule: undefined, bos: false, eos: false, gap: false },
    { data: Uint8Array.of(), serial: 1, granule: undefined, bos: false, eos: false, gap: false },
    { data: Uint8Array.of(4), serial: 1, granule: 9n, bos: false, eos: true, gap: false },
  ]);
});

test("OggDemuxer.pull() joins packets over pages, also of exact multiples of 255 bytes", () => {
  const long = new Uint8Array(510).fill(5);
  const bytes = join(
    start,
    page({ sequence: 1, granule: -1n, lacing: [255], body: long.subarray(255) }),
    page({ sequence: 2, granule: -1n, continued: true, lacing: [255], body: long.subarray(255) }),
    page({ sequence: 3, continued: true, lacing: [0, 1], body: Uint8Array.of(6) }),
  );
  const packets = demux(bytes);
  assertEquals(packets.slice(1).map(({ data }) => data), [long, Uint8Array.of(6)]);
  assertEquals(packets.map(({ granule }) => granule), [7n, undefined, 7n]);
});

test("OggDemuxer gives equal packets for every chunk size, and keeps no borrowed byte", () => {
  const bytes = talk.subarray(0, 45000);
  const whole = demuxBroken(bytes).packets;
  assert(whole.length > 30);
  for (const size of [...Array.from({ length: 33 }, (_, i) => i + 1), 255, 4096, 65307]) {
    const demuxer = new OggDemuxer();
    const packets: OggPacket[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const chunk = bytes.slice(at, at + size);
      demuxer.push(chunk);
      chunk.fill(0xee);
      drain(demuxer, packets);
    }
    assertEquals(packets, whole);
  }
});

test("OggDemuxer gives the packets before every truncation, then an error", () => {
  const bytes = join(
    start,
    page({ sequence: 1, packets: [[3], [4, 5]] }),
    page({ sequence: 2, granule: -1n, lacing: [255], body: new Uint8Array(255) }),
    page({ sequence: 3, continued: true, packets: [[6]] }),
  );
  const whole = demux(bytes);
  const ends = [0, 30, 62, 345, bytes.length]; // of pages
  for (let size = 1; size < bytes.length; size++) {
    const { packets, error } = demuxBroken(bytes.subarray(0, size));
    const expected = [0, 1, 3, 3, 4][ends.findLastIndex((end) => end <= size)];
    assertEquals(packets, whole.slice(0, expected));
    if (size === 30 || size === 62) assertEquals(error, undefined); // cut between packets
    else assertInstanceOf(error, SyntaxError);
  }
});

test("OggDemuxer takes empty input for an empty stream", () => {
  assertEquals(demux(new Uint8Array(0)), []);
});

test("OggDemuxer refuses what does not begin with a page, at the first wrong byte", () => {
  for (const bad of ["X", "OX", "OggX", "OggS\x01"]) {
    const demuxer = new OggDemuxer();
    const bytes = Uint8Array.from(bad, (char) => char.charCodeAt(0));
    for (const byte of bytes.subarray(0, -1)) {
      demuxer.push(Uint8Array.of(byte));
      assertEquals(demuxer.pull(), undefined);
    }
    demuxer.push(bytes.subarray(-1));
    assertThrows(() => demuxer.pull(), SyntaxError, "Cannot read Ogg: it begins with the bytes ");
  }
});

test("OggDemuxer refuses a first page in the midst of a stream", () => {
  const { error } = demuxBroken(page({ packets: [[1]] }));
  assertEquals(`${error}`.includes("does not begin a logical stream"), true);
});

test("OggDemuxer leaves out each damaged page of a stream and marks the gap", () => {
  const pages = [1, 2, 3].map((sequence) => page({ sequence, packets: [[sequence]] }));
  for (const [i, broken] of pages.entries()) {
    for (let at = 0; at < broken.length; at++) {
      const damaged = pages.map((bytes) => bytes.slice());
      damaged[i][at] ^= 0x10;
      const { packets, demuxer, error } = demuxBroken(join(start, ...damaged));
      const kept = [1, 2, 3].filter((sequence) => sequence !== i + 1);
      assertEquals(bytesOf(packets), [[1, 2], ...kept.map((sequence) => [sequence])]);
      assertEquals(packets.map(({ gap }) => gap), [false, i === 0, i === 1]);
      assertEquals(demuxer.losses.sequenceGaps, i < 2 ? 1 : 0);
      assertEquals(demuxer.losses.skippedBytes, broken.length);
      // Where the last page claims to be longer, the input ends inside it.
      if (i < 2) assertEquals(error, undefined);
    }
  }
});

test("OggDemuxer counts garbage between pages and goes on", () => {
  const garbage = Uint8Array.from("..OggS..OggS\0", (char) => char.charCodeAt(0));
  const { packets, demuxer } = demuxBroken(
    join(start, garbage, page({ sequence: 1, packets: [[3]] }), garbage.subarray(0, 5)),
  );
  assertEquals(bytesOf(packets), [[1, 2], [3]]);
  assertEquals(demuxer.losses, { ...NO_LOSSES, skippedBytes: garbage.length + 5 });
});

test("OggDemuxer gives up where garbage has no end, in bounded memory and time", () => {
  const demuxer = new OggDemuxer();
  demuxer.push(start);
  const hostile = new Uint8Array(65536).fill(255); // page headers that claim most bytes
  for (let at = 0; at + 27 < hostile.length; at += 27) hostile.set(start.subarray(0, 5), at);
  const begin = performance.now();
  assertThrows(
    () => {
      for (let i = 0; i < 10; i++) {
        demuxer.push(hostile);
        drain(demuxer);
      }
    },
    SyntaxError,
    "bytes are damaged, want at most 262144",
  );
  assert(performance.now() - begin < 2000);
});

test("OggDemuxer forgives damage for as much good data as there was damage", () => {
  const big = { lacing: new Array(255).fill(255), body: new Uint8Array(65025) };
  const good = (sequence: number) =>
    page({ sequence, ...big, lacing: big.lacing.with(254, 254), body: big.body.subarray(1) });
  const demuxer = new OggDemuxer();
  demuxer.push(start);
  for (let sequence = 1; sequence < 20; sequence++) { // 760 KB of damage in all
    demuxer.push(new Uint8Array(40000));
    demuxer.push(good(sequence));
    drain(demuxer);
  }
  assertEquals(demuxer.losses.skippedBytes, 19 * 40000);
});

test("OggDemuxer drops a packet whose pages are missing, and only that", () => {
  const half = { lacing: [255], body: new Uint8Array(255), granule: -1n };
  const bytes = join(
    start,
    page({ sequence: 1, ...half }),
    // page 2 is lost
    page({ sequence: 3, continued: true, packets: [[9], [3]] }),
    page({ sequence: 4, ...half }),
    page({ sequence: 5, packets: [[4]] }), // does not continue what it should
    page({ sequence: 6, continued: true, packets: [[9], [5]] }), // continues nothing
  );
  const { packets, demuxer } = demuxBroken(bytes);
  assertEquals(bytesOf(packets), [[1, 2], [3], [4], [5]]);
  assertEquals(packets.map(({ gap }) => gap), [false, true, true, true]);
  assertEquals(demuxer.losses, { ...NO_LOSSES, sequenceGaps: 1, brokenPackets: 4 });
});

test("OggDemuxer bounds the size of a packet, over pages and streams", () => {
  const lacing = new Array(255).fill(255);
  const body = new Uint8Array(65025);
  const bytes = join(
    page({ bos: true, packets: [[1]] }),
    page({ bos: true, serial: 2, packets: [[2]] }),
    page({ sequence: 1, granule: -1n, lacing, body }),
    page({ sequence: 1, serial: 2, granule: -1n, lacing, body }),
  );
  const { packets, error } = demuxBroken(bytes, { maxPacketSize: 100000 });
  assertEquals(packets.length, 2);
  assertInstanceOf(error, RangeError);
  assertEquals(
    error.message,
    "Cannot read Ogg packet: it has 130050 bytes or more, want at most 100000",
  );
  assertThrows(() => new OggDemuxer({ maxPacketSize: 0 }), RangeError, "maxPacketSize is 0");
});

test("OggDemuxer gives what came on a page before its packet that is too large", () => {
  const second = page({ sequence: 1, packets: [[3], new Array(200).fill(4)] });
  const { packets, error } = demuxBroken(join(start, second), { maxPacketSize: 100 });
  assertEquals(bytesOf(packets), [[1, 2], [3]]);
  assertInstanceOf(error, RangeError);
});

test("OggDemuxer keeps multiplexed streams apart, and no more than 16", () => {
  const serials = Array.from({ length: 17 }, (_, i) => i);
  const starts = serials.map((serial) => page({ bos: true, serial, packets: [[serial]] }));
  const both = join(
    ...starts.slice(0, 2),
    page({ serial: 0, sequence: 1, granule: -1n, lacing: [255], body: new Uint8Array(255) }),
    page({ serial: 1, sequence: 1, packets: [[8]] }),
    page({ serial: 0, sequence: 2, continued: true, packets: [[9]] }),
  );
  assertEquals(demux(both).map(({ serial, data }) => [serial, data.length]), [
    [0, 1],
    [1, 1],
    [1, 1],
    [0, 256],
  ]);
  assertEquals(demux(join(...starts.slice(0, 16))).length, 16);
  const { packets, error } = demuxBroken(join(...starts));
  assertEquals(packets.length, 16);
  assertInstanceOf(error, RangeError);
});

test("OggDemuxer follows a chain, with and without end flag, and drops what is cut", () => {
  for (const eos of [true, false]) {
    const link = join(start, page({ sequence: 1, eos, packets: [[3]] }));
    const packets = demux(join(link, link, link));
    assertEquals(packets.map(({ bos, gap }) => [bos, gap]), [
      ...[[true, false], [false, false]],
      ...[[true, false], [false, false]],
      ...[[true, false], [false, false]],
    ]);
  }
  const cut = page({ sequence: 1, granule: -1n, lacing: [255], body: new Uint8Array(255) });
  const { packets, demuxer, error } = demuxBroken(join(start, cut, start));
  assertEquals([packets.length, demuxer.losses.brokenPackets, error], [2, 1, undefined]);
});

test("OggDemuxer leaves out and counts pages of streams that never began", () => {
  const stray = page({ serial: 5, packets: [[3]] });
  const { packets, demuxer } = demuxBroken(join(start, stray, stray));
  assertEquals(packets.length, 1);
  assertEquals(demuxer.losses, { ...NO_LOSSES, orphanPages: 2 });
  assertThrows(
    () => {
      const endless = new OggDemuxer();
      endless.push(start);
      for (let i = 0; i < 10000; i++) {
        endless.push(stray);
        drain(endless);
      }
    },
    SyntaxError,
    "bytes are damaged",
  );
});

test("OggDemuxer.push() refuses bytes after end()", () => {
  const demuxer = new OggDemuxer();
  demuxer.end();
  assertThrows(() => demuxer.push(start), TypeError, "it was ended");
});
