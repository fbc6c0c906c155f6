import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import {
  readWebmOpus,
  WebmOpusDemuxer,
  type WebmOpusPacket,
} from "../../../lib/audio/webm_opus.ts";
import { join } from "../../fuzz/mutate.ts";
import {
  block,
  cluster,
  CRC_ID,
  ebml,
  element,
  float,
  lacedDifference,
  live,
  OPUS_TRACKS,
  opusEntry,
  opusHead,
  otherEntry,
  simple,
  text,
  uint,
  UNKNOWN_ID,
  vint,
  VOID_ID,
} from "../../tools/matroska.ts";

/** A packet of 20 ms. */
const packet = (fill: number, size = 3): Uint8Array =>
  new Uint8Array(size).fill(fill).with(0, 0xf8);
const [A, B, C, D] = [1, 2, 3, 4].map((fill) => packet(fill));

interface Result {
  readonly packets: WebmOpusPacket[];
  readonly error: unknown;
  readonly demuxer: WebmOpusDemuxer;
}

/** The packets before an error, and the error. */
function demux(bytes: Uint8Array, piece = bytes.length): Result {
  const demuxer = new WebmOpusDemuxer();
  const packets: WebmOpusPacket[] = [];
  const drain = () => {
    for (let next; (next = demuxer.pull()) !== undefined;) packets.push(next);
  };
  try {
    for (let at = 0; at < bytes.length; at += piece) {
      demuxer.push(bytes.subarray(at, at + piece));
      drain();
    }
    demuxer.end();
    drain();
    assertEquals(demuxer.pull(), undefined);
    return { packets, error: undefined, demuxer };
  } catch (error) {
    const again = assertThrows(() => demuxer.pull(), error!.constructor as ErrorConstructor);
    assertEquals(again, error); // for good
    return { packets, error, demuxer };
  }
}

/** The packets' bytes; there must be no error. */
function packetsOf(bytes: Uint8Array): Uint8Array[] {
  const { packets, error } = demux(bytes);
  assertEquals(error, undefined);
  return packets.map(({ packet }) => packet);
}

function assertFails(
  bytes: Uint8Array,
  count: number,
  message: string,
  type: ErrorConstructor = SyntaxError,
): void {
  for (const piece of [bytes.length, 1]) {
    const { packets, error } = demux(bytes, piece);
    assertInstanceOf(error, type);
    assertEquals([error.message, packets.length], [message, count]);
  }
}

/** A file with all that may be in one, of known sizes. */
const FILE = join(
  ebml(),
  element(
    "Segment",
    element("SeekHead", new Uint8Array(20)),
    element(VOID_ID, new Uint8Array(200)),
    element("Info", uint("TimestampScale", 1_000_000), float("Duration", 80)),
    element("Tracks", element(CRC_ID, new Uint8Array(4)), opusEntry(element(UNKNOWN_ID, A))),
    cluster(0, simple(0, A), element(UNKNOWN_ID, B), simple(20, B)),
    element("Cues", new Uint8Array(30)),
    cluster(
      40,
      simple(0, C),
      element(
        "BlockGroup",
        element("Block", block(1, 20, 0, D)),
        element("DiscardPadding", vint(0).with(0, 0), Uint8Array.of(0x98, 0x96, 0x80)),
      ),
    ),
    element("Tags", new Uint8Array(300)),
  ),
);
const SEGMENT_AT = ebml().length;

/** The same packets as they come live. */
const LIVE = join(
  ebml(),
  live(
    "Segment",
    element("Info", uint("TimestampScale", 1_000_000)),
    OPUS_TRACKS,
    live("Cluster", uint("Timestamp", 0), simple(0, A), element(VOID_ID, C), simple(20, B)),
    live("Cluster", uint("Timestamp", 40), simple(0, C), simple(20, D)),
    element("Cues", new Uint8Array(30)),
  ),
);

test("readWebmOpus() reads the track, and packets with time, duration and discard", () => {
  const { track, packets } = readWebmOpus(FILE);
  assertEquals([track.number, track.codecDelay, track.seekPreRoll], [1, 6.5, 80]);
  assertEquals([track.head.channels, track.head.preSkip], [2, 312]);
  assertEquals(packets, [
    { packet: A, duration: 960, time: -6.5, discard: 0 },
    { packet: B, duration: 960, time: 13.5, discard: 0 },
    { packet: C, duration: 960, time: 33.5, discard: 0 },
    { packet: D, duration: 960, time: 53.5, discard: 480 },
  ]);
});

test("readWebmOpus() reads Segment and Clusters of unknown size", () => {
  assertEquals(readWebmOpus(LIVE).packets.map(({ packet }) => packet), [A, B, C, D]);
  assertEquals(demux(LIVE).demuxer.duration, undefined);
  const inKnown = join(
    ebml(),
    element("Segment", OPUS_TRACKS, live("Cluster", uint("Timestamp", 0), simple(0, A))),
    element(VOID_ID, B),
  );
  assertEquals(packetsOf(inKnown), [A]);
});

test("readWebmOpus() reads what a browser has recorded, whose times are those of its clock", () => {
  const file = new Uint8Array(
    readFileSync(new URL("../../audio/recorder.webm", import.meta.url)),
  );
  const { track, packets } = readWebmOpus(file);
  assertEquals([track.head.channels, track.head.preSkip, track.codecDelay], [2, 0, 0]);
  assertEquals(packets.map(({ duration }) => duration), new Array(24).fill(2880));
  assertEquals(packets.slice(0, 4).map(({ packet }) => packet.length), [244, 182, 182, 182]);
  assertEquals(packets.slice(0, 4).map(({ time }) => time), [0, 61, 120, 181]);
});

test("WebmOpusDemuxer gives the same however its input comes, and copies it", () => {
  for (const bytes of [FILE, LIVE]) {
    const whole = demux(bytes).packets;
    for (const piece of [1, 2, 7, 64]) {
      const source = bytes.slice();
      const { packets, error } = demux(source, piece);
      source.fill(0);
      assertEquals([packets, error], [whole, undefined]);
    }
  }
});

test("WebmOpusDemuxer gives the packets before every truncation, then how much is missing", () => {
  const counts = new Set<number>();
  for (let size = SEGMENT_AT + 5; size < FILE.length; size++) {
    const { packets, error } = demux(FILE.subarray(0, size));
    assertEquals(
      packets.map(({ packet }) => packet),
      [A, B, C, D].slice(0, packets.length),
    );
    counts.add(packets.length);
    assertInstanceOf(error, SyntaxError);
    const left = FILE.length - size;
    if (left < 300 || left > FILE.length - SEGMENT_AT - 8) continue;
    assertEquals(
      error.message,
      `Cannot read WebM: the input ends ${left} bytes before the end of its Segment`,
    );
  }
  assertEquals([...counts], [0, 1, 2, 3, 4]);
});

test("WebmOpusDemuxer takes a live stream that ends between two elements, not within one", () => {
  const ends: number[] = [];
  for (let size = 0; size < LIVE.length; size++) {
    const { packets, error } = demux(LIVE.subarray(0, size));
    if (error === undefined) ends.push(packets.length);
    else assertInstanceOf(error, SyntaxError);
  }
  // Behind Tracks; per Cluster: its header, timestamp, block, (padding,) block.
  assertEquals(ends, [0, 0, 0, 1, 1, 2, 2, 2, 3, 4]);
  const cut = (name: string, bytes: Uint8Array) =>
    assertFails(bytes, 2, `Cannot read WebM: the input ends ${name}`);
  const until = (index: number) => LIVE.length - 35 - (2 - index) * 9;
  cut("3 bytes before the end of its SimpleBlock", LIVE.subarray(0, until(1) - 3));
  cut("within the header of an element", LIVE.subarray(0, until(0) + 1));
});

test("WebmOpusDemuxer says what is missing where there is no track yet", () => {
  const message = (what: string) => `Cannot read WebM: the input ends ${what}`;
  assertFails(new Uint8Array(0), 0, message("before its EBML header"));
  assertFails(ebml().subarray(0, 3), 0, message("before its EBML header"));
  assertFails(ebml().subarray(0, 4), 0, message("within the header of an element"));
  assertFails(ebml(), 0, message("before its Tracks"));
  assertFails(join(ebml(), live("Segment")), 0, message("before its Tracks"));
  assertFails(join(ebml(), element("Segment")), 0, message("before its Tracks"));
  const tags = element("Tags", new Uint8Array(9)).subarray(0, -2);
  assertFails(
    join(ebml(), live("Segment", OPUS_TRACKS, tags)),
    0,
    message("2 bytes before the end of an element"),
  );
});

/** A file with these clusters. */
const fileOf = (...clusters: readonly Uint8Array[]): Uint8Array =>
  join(ebml("matroska"), live("Segment", OPUS_TRACKS, ...clusters));

test("WebmOpusDemuxer splits blocks with every lacing, and times each frame", () => {
  const long = packet(9, 600);
  const laced = (flags: number, ...parts: readonly Uint8Array[]) =>
    fileOf(cluster(100, element("SimpleBlock", block(1, -20, flags, ...parts))));
  const xiph = laced(0x82, Uint8Array.of(2, 3, 255, 255, 90), A, long, B);
  const fixed = laced(0x84, Uint8Array.of(2), A, B, C);
  const ebmlLaced = laced(
    0x86,
    ...[Uint8Array.of(3), vint(3), lacedDifference(597, 2), lacedDifference(-597, 2)],
    ...[A, long, B, C],
  );
  assertEquals(packetsOf(xiph), [A, long, B]);
  assertEquals(packetsOf(fixed), [A, B, C]);
  assertEquals(packetsOf(ebmlLaced), [A, long, B, C]);
  const { packets } = demux(fixed);
  assertEquals(packets.map(({ time }) => time), [-6.5, 13.5, 33.5]);
});

test("WebmOpusDemuxer names the byte of a block that is broken, after all that is whole", () => {
  const start = fileOf(cluster(0, simple(0, A)));
  const faults: [Uint8Array, string][] = [
    [Uint8Array.of(), "it has no track number"],
    [Uint8Array.of(0x81, 0, 0), "it has 3 bytes, want at least 4"],
    [block(1, 0, 0x82), "it ends before its frame sizes"],
    [block(1, 0, 0x82, Uint8Array.of(1, 9), A), "its frames need 6 bytes more than it has"],
    [block(1, 0, 0x84, Uint8Array.of(1), A), "3 bytes do not make 2 equal frames"],
    [block(1, 0, 0x86, Uint8Array.of(1, 0), A), "a frame has no size"],
  ];
  for (const [body, fault] of faults) {
    const broken = cluster(20, simple(0, B), element("SimpleBlock", body));
    const at = start.length + broken.length - body.length;
    const message = `Cannot read Matroska block at byte ${at}: ${fault}`;
    assertFails(join(start, broken, cluster(40, simple(0, C))), 2, message);
  }
});

test("WebmOpusDemuxer gives the packets of a BlockGroup that breaks behind them", () => {
  const group = element("BlockGroup", element("Block", block(1, 0, 0, A)));
  const start = fileOf(live("Cluster", uint("Timestamp", 0)));
  const cut = join(group.slice(0, 1), Uint8Array.of(group[1] + 9), group.subarray(2));
  assertFails(
    join(start, cut),
    1,
    "Cannot read WebM: the input ends 9 bytes before the end of its BlockGroup",
  );
  assertFails(
    join(start, cut, new Uint8Array(9)),
    1,
    `Cannot read EBML at byte ${start.length + cut.length}: the byte 0 begins no element ID`,
  );
});

test("WebmOpusDemuxer skips what has any size, and says how much is missing of it", () => {
  const demuxer = new WebmOpusDemuxer();
  const huge = 2 ** 40;
  const header = join(Uint8Array.of(VOID_ID), vint(huge, 8));
  demuxer.push(join(ebml(), live("Segment", header)));
  const chunk = new Uint8Array(2 ** 20);
  for (let i = 0; i < 64; i++) {
    demuxer.push(chunk);
    assertEquals(demuxer.pull(), undefined);
  }
  demuxer.end();
  const left = huge - 64 * chunk.length;
  assertThrows(() => demuxer.pull(), SyntaxError, `${left} bytes before the end of an element`);
});

test("WebmOpusDemuxer takes the first Opus track, and counts the others and their blocks", () => {
  const tracks = element(
    "Tracks",
    otherEntry(7, 1, "V_VP8"),
    otherEntry(1, 1, "A_OPUS"), // a video track by its type
    element(
      "TrackEntry",
      ...[uint("TrackNumber", 300), uint("TrackType", 2), text("CodecID", "A_OPUS")],
      element("CodecPrivate", opusHead(1, 0)),
    ),
    opusEntry(),
  );
  const video = new Uint8Array(5000);
  const bytes = join(
    ebml(),
    live(
      "Segment",
      tracks,
      cluster(0, simple(0, video, 7), simple(0, A, 300), simple(3, B, 1), simple(9, video, 7)),
      cluster(20, element("BlockGroup", element("Block", block(300, 0, 0, B)))),
      cluster(40, element("BlockGroup", element("Block", block(1, 0, 0, C)))),
    ),
  );
  const { packets, demuxer, error } = demux(bytes, 100);
  assertEquals([packets.map(({ packet }) => packet), error], [[A, B], undefined]);
  assertEquals(demuxer.losses, { otherTracks: 3, otherBlocks: 4, invalidPackets: 0 });
  assertEquals([demuxer.track!.number, demuxer.track!.head.channels], [300, 1]);
});

test("WebmOpusDemuxer refuses files without Opus and names what they hold", () => {
  const without = (...entries: readonly Uint8Array[]) =>
    join(ebml(), live("Segment", element("Tracks", ...entries)));
  const at = without().length - element("Tracks").length;
  const message = (found: string) =>
    `Cannot read WebM at byte ${at}: it holds ${found}, want A_OPUS`;
  assertFails(without(), 0, message("no track"));
  const two = [otherEntry(1, 1, "V_VP9"), otherEntry(2, 2, "A_VORBIS\n\x1b[2J")];
  assertFails(without(...two), 0, message("V_VP9, A_VORBIS"));
  const many = new Array<Uint8Array>(1000).fill(otherEntry(1, 17, "S".repeat(100)));
  assertFails(without(...many), 0, message(new Array(8).fill("S".repeat(32)).join(", ")));
});

test("WebmOpusDemuxer leaves out and counts frames that are no Opus packets", () => {
  const bad = [new Uint8Array(0), Uint8Array.of(0xff)];
  const { packets, demuxer } = demux(
    fileOf(cluster(0, simple(0, bad[0]), simple(0, A), simple(20, bad[1]), simple(20, B))),
  );
  assertEquals(packets.map(({ packet }) => packet), [A, B]);
  assertEquals(demuxer.losses.invalidPackets, 2);
});

test("WebmOpusDemuxer refuses elements where they cannot be", () => {
  const fails = (what: string, offset: number, before: Uint8Array, after: Uint8Array) =>
    assertFails(
      join(before, after),
      0,
      `Cannot read WebM at byte ${before.length + offset}: ${what}`,
    );
  fails("Tracks cannot be at the top level", 0, ebml(), OPUS_TRACKS);
  fails("Cluster comes before Tracks", 0, join(ebml(), live("Segment")), cluster(0));
  fails("Tracks cannot be in Cluster", 5 + 3, fileOf(), cluster(0, OPUS_TRACKS));
  fails("TrackEntry cannot be in Segment", 0, fileOf(), opusEntry());
  fails("BlockGroup has no size", 0, fileOf(live("Cluster")), live("BlockGroup"));
  fails("an unknown element has no size", 0, fileOf(), live(UNKNOWN_ID));
  const short = cluster(0, simple(0, A)).slice();
  short[4] -= 2;
  fails("SimpleBlock goes beyond the end of Cluster", 5 + 3, fileOf(), short);
  fails(
    "Timestamp has 9 bytes, want at most 8",
    0,
    fileOf(live("Cluster")),
    element("Timestamp", new Uint8Array(9)),
  );
});

test("WebmOpusDemuxer refuses what is larger than its bounds, before it has come", () => {
  const header = join(Uint8Array.of(0xa3), vint(2 ** 24 + 1, 8), block(1, 0, 0));
  const start = fileOf(live("Cluster"));
  assertFails(
    join(start, header, new Uint8Array(8)),
    0,
    `Cannot read WebM at byte ${start.length}: SimpleBlock has 16777217 bytes, want at most 16777216`,
    RangeError,
  );
});

test("WebmOpusDemuxer refuses what is neither WebM nor Matroska", () => {
  const begins = "Cannot read WebM: it begins with the bytes ";
  assertFails(Uint8Array.of(0x4f), 0, `${begins}4f, want 1a 45 df a3`);
  assertEquals(
    `${demux(new Uint8Array(99)).error}`,
    `SyntaxError: ${begins}00 00 00 00, want 1a 45 df a3`,
  );
  assertFails(
    ebml("mkv\n"),
    0,
    'Cannot read WebM at byte 0: its DocType is "mkv", want "webm" or "matroska"',
  );
});

test("WebmOpusDemuxer goes on through files that follow each other", () => {
  const mono = element(
    "TrackEntry",
    ...[uint("TrackNumber", 2), uint("TrackType", 2), text("CodecID", "A_OPUS")],
    element("CodecPrivate", opusHead(1, 0)),
  );
  const second = join(
    ebml(),
    live("Segment", element("Tracks", mono), cluster(5000, simple(0, A, 2), simple(20, B, 2))),
  );
  for (const first of [FILE, LIVE]) {
    const { packets, error, demuxer } = demux(join(first, second));
    assertEquals(error, undefined);
    assertEquals(packets.map(({ packet }) => packet), [A, B, C, D, A, B]);
    const end = first === FILE ? 63.5 : 73.5;
    assertEquals(packets.slice(4).map(({ time }) => time), [end, end + 20]);
    assertEquals(demuxer.track!.head.channels, 1);
  }
  assertEquals(readWebmOpus(join(FILE, second)).track.head.channels, 2);
});

test("WebmOpusDemuxer counts time from its first block, in units of the file", () => {
  const scaled = join(
    ebml(),
    live(
      "Segment",
      element("Info", uint("TimestampScale", 500_000), float("Duration", 240)),
      OPUS_TRACKS,
      cluster(9000, simple(0, A), simple(40, B), simple(200, C)),
    ),
  );
  const { packets, demuxer } = demux(scaled);
  assertEquals(packets.map(({ time }) => time), [-6.5, 13.5, 93.5]);
  assertEquals(demuxer.duration, 120);
});

test("WebmOpusDemuxer.duration is no useless number", () => {
  for (const value of [NaN, Infinity, -1, 0]) {
    const bytes = join(
      ebml(),
      live("Segment", element("Info", float("Duration", value)), OPUS_TRACKS),
    );
    assertEquals(demux(bytes).demuxer.duration, undefined);
  }
});

test("WebmOpusDemuxer gives a discard within its packet", () => {
  const discardOf = (...bytes: number[]) =>
    demux(fileOf(cluster(
      0,
      element(
        "BlockGroup",
        element("DiscardPadding", Uint8Array.from(bytes)),
        element("Block", block(1, 0, 0, A)),
      ),
    ))).packets[0].discard;
  assertEquals(discardOf(), 0);
  assertEquals(discardOf(0x0f, 0x42, 0x40), 48); // 1 ms
  assertEquals(discardOf(0xf0, 0xbd, 0xc0), -48);
  assertEquals(discardOf(0x7f, 255, 255, 255, 255, 255, 255, 255), 960);
  assertEquals(discardOf(0x80, 0, 0, 0, 0, 0, 0, 0), -960);
});

test("WebmOpusDemuxer.push() after end() throws, after an error it is in vain", () => {
  const demuxer = new WebmOpusDemuxer();
  demuxer.push(new Uint8Array(4));
  assertThrows(() => demuxer.pull(), SyntaxError);
  demuxer.push(FILE);
  assertThrows(() => demuxer.pull(), SyntaxError);
  demuxer.end();
  assertThrows(() => demuxer.push(FILE), TypeError, "Cannot push to a WebM demuxer: it was ended");
});
