import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { oggOpusDuration, webmOpusDuration } from "../../../lib/audio/duration.ts";
import { OggOpusDemuxer } from "../../../lib/audio/ogg_opus.ts";
import { encodeOggPage, writeOggOpus } from "../../../lib/audio/ogg_writer.ts";
import { OpusTimeline } from "../../../lib/audio/opus_timeline.ts";
import { join } from "../../fuzz/mutate.ts";
import {
  cluster,
  ebml,
  element,
  float,
  live,
  OPUS_TRACKS,
  opusHead,
  otherEntry,
  simple,
} from "../../tools/matroska.ts";

const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);
const TALK = new Uint8Array(readFileSync(new URL("../../audio/talk.ogg", import.meta.url)));

/** The same by way of all packets. */
function slowly(bytes: Uint8Array): number {
  const demuxer = new OggOpusDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  const timeline = new OpusTimeline();
  let head: unknown;
  for (let next; (next = demuxer.pull()) !== undefined;) {
    if (demuxer.head !== head) timeline.begin(demuxer.head!.preSkip);
    head = demuxer.head;
    timeline.take(next.duration, next.granule);
  }
  return timeline.length;
}

/** A page of packets shorter than 255 bytes. */
function page(
  serial: number,
  sequence: number,
  granule: bigint,
  ...bodies: readonly Uint8Array[]
): Uint8Array {
  const lacing = bodies.map(({ length }) => length);
  const fields = { continued: false, bos: sequence === 0, eos: false, serial, sequence };
  return encodeOggPage({ ...fields, granule, lacing, body: join(...bodies) });
}

const TAGS = Uint8Array.from("OpusTags\0\0\0\0\0\0\0\0", (char) => char.charCodeAt(0));

test("oggOpusDuration() is what opusinfo says", () => {
  assertEquals(oggOpusDuration(TALK), 10_000);
});

test("oggOpusDuration() is what all packets say, of every shape", () => {
  const big = new Uint8Array(70_000).fill(1).with(0, 0xf8);
  const radio = join(
    page(1, 0, 0n, opusHead(2, 312)),
    page(1, 1, 0n, TAGS),
    page(1, 2, 480_960n, SILENCE, SILENCE),
    page(1, 3, 481_920n, SILENCE),
  );
  const files: Uint8Array[] = [
    writeOggOpus([]),
    writeOggOpus([SILENCE], { preSkip: 3840 }),
    writeOggOpus(new Array(9).fill(SILENCE), { packetsPerPage: 2, preSkip: 0 }),
    writeOggOpus([big, SILENCE, big], { comments: ["X=".padEnd(200_000)] }),
    radio,
    join(TALK, radio, writeOggOpus([SILENCE], { serial: 9 })),
    join(radio, radio),
  ];
  for (const file of files) assertEquals(oggOpusDuration(file), slowly(file));
  assertEquals(oggOpusDuration(radio), 60 - 6.5);
});

test("oggOpusDuration() goes by the first Opus stream, and past what is no page", () => {
  const other = opusHead(1, 0);
  const file = join(
    page(7, 0, 0n, Uint8Array.of(0x80, 0x74)),
    page(1, 0, 0n, opusHead(2, 0)),
    page(2, 0, 0n, other),
    page(1, 1, 0n, TAGS),
    page(2, 1, 0n, TAGS),
    page(2, 2, 96_000n, SILENCE),
    Uint8Array.from("OggOgOOO", (char) => char.charCodeAt(0)),
    page(1, 2, 960n, SILENCE),
    page(7, 1, 999_999n, SILENCE),
  );
  assertEquals(oggOpusDuration(file), 20);
});

test("oggOpusDuration() is undefined without Opus, and that of the whole pages of a part", () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(99), page(1, 0, 0n, SILENCE), ebml()]) {
    assertEquals(oggOpusDuration(bytes), undefined);
  }
  const file = writeOggOpus(new Array(4).fill(SILENCE), { packetsPerPage: 1, preSkip: 0 });
  const durations = new Set<number | undefined>();
  for (let size = 0; size <= file.length; size++) {
    durations.add(oggOpusDuration(file.subarray(0, size)));
  }
  assertEquals([...durations], [undefined, 0, 20, 40, 60, 80]);
});

const CLUSTERS = [cluster(0, simple(0, SILENCE)), cluster(40, simple(0, SILENCE))];

test("webmOpusDuration() is what the file says, else the end of its last packet", () => {
  const info = element("Info", float("Duration", 1234.5));
  const said = join(ebml(), live("Segment", info, OPUS_TRACKS, ...CLUSTERS));
  const silent = join(ebml(), live("Segment", OPUS_TRACKS, ...CLUSTERS));
  assertEquals([webmOpusDuration(said), webmOpusDuration(silent)], [1234.5, 53.5]);
  assertEquals(webmOpusDuration(said.subarray(0, -20)), 1234.5);
  assertEquals(webmOpusDuration(silent.subarray(0, -2)), 13.5);
});

test("webmOpusDuration() is that of a first file where a second one has no Opus", () => {
  const video = join(ebml(), live("Segment", element("Tracks", otherEntry(1, 1, "V_VP8"))));
  const opus = join(ebml(), live("Segment", OPUS_TRACKS, ...CLUSTERS));
  assertEquals(webmOpusDuration(join(opus, video)), 53.5);
  assertEquals(webmOpusDuration(opus.subarray(0, -34)), 0);
});

test("webmOpusDuration() is undefined without Opus", () => {
  const video = element("Tracks", otherEntry(1, 1, "V_VP8"));
  for (
    const bytes of [new Uint8Array(0), TALK, ebml(), join(ebml(), live("Segment", video))]
  ) assertEquals(webmOpusDuration(bytes), undefined);
});
