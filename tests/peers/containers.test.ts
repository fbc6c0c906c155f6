/**
 * Files of every shape that `opusenc`, `ffmpeg` and `mkvmerge` make: our packets, their times
 * and durations are those that `ffprobe` and `opusinfo` find. Where `CI` is `true`, a missing
 * tool is a failure.
 *
 * @module
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
} from "@std/assert";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test, { after } from "node:test";
import { oggOpusDuration, webmOpusDuration } from "../../lib/audio/duration.ts";
import { EbmlReader } from "../../lib/audio/ebml.ts";
import { MATROSKA_ELEMENTS } from "../../lib/audio/matroska_elements.ts";
import { OggOpusDemuxer } from "../../lib/audio/ogg_opus.ts";
import { probeContainer } from "../../lib/audio/probe.ts";
import { WebmOpusDemuxer } from "../../lib/audio/webm_opus.ts";
import {
  hasContainerTools,
  makeContainerFiles,
  type ProbedPacket,
  probeDurations,
  probePackets,
  TOOLS_HINT,
} from "../tools/container_files.ts";
import { within } from "../tools/waiting.ts";

const LIMIT = 60_000;

const skip = !hasContainerTools() && process.env.CI !== "true" ? TOOLS_HINT : false;
if (skip !== false) console.error(`Skipped: ${skip}`);

/** Files of which both we and `ffprobe` find the packets. */
const OGG_FILES = [
  "plain.ogg",
  "mono.ogg",
  "frames-2.5ms.ogg",
  "frames-60ms.ogg",
  "lacing-255.ogg",
  "lacing-510.ogg",
  "tags.ogg",
  "picture.ogg",
  "pages.ogg",
  "chain.ogg",
];
const MATROSKA_FILES = [
  "plain.webm",
  "live.webm",
  "pipe.mkv",
  "video.mkv",
  "second.mkv",
  "merged.mkv",
  "unlaced.mkv",
  "xiph.mkv",
  "ebml.mkv",
  "fixed.mkv",
  "attachment.mkv",
  "groups.webm",
  "recorder.webm",
];

interface World {
  readonly folder: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly probed: ReadonlyMap<string, ProbedPacket[]>;
}

let world: Promise<World> | undefined;

after(async () => {
  const { folder } = await world ?? {};
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** All files and what is in them, made once. */
function made(): Promise<World> {
  world ??= (async () => {
    if (!hasContainerTools()) throw new Error(`Cannot make files: ${TOOLS_HINT}`);
    const folder = mkdtempSync(join(tmpdir(), "sotto-containers-"));
    const files = await makeContainerFiles(folder);
    const probed = await probePackets(folder, [...OGG_FILES, ...MATROSKA_FILES]);
    return { folder, files, probed };
  })();
  return world;
}

function judge(name: string, check: (found: World) => void | Promise<void>): void {
  test(name, { skip }, within(LIMIT, async () => check(await made())));
}

type Demuxer = OggOpusDemuxer | WebmOpusDemuxer;

interface Demuxed {
  readonly packets: ProbedPacket[];
  readonly error: unknown;
  readonly demuxer: Demuxer;
}

/** Our packets as `ffprobe` would describe them, and the error behind them. */
function demux(demuxer: Demuxer, bytes: Uint8Array, piece = bytes.length): Demuxed {
  const packets: ProbedPacket[] = [];
  const drain = () => {
    for (let next; (next = demuxer.pull()) !== undefined;) {
      const md5 = createHash("md5").update(next.packet).digest("hex");
      packets.push({ time: next.time, md5 });
    }
  };
  try {
    for (let at = 0; at < bytes.length; at += piece) {
      demuxer.push(bytes.subarray(at, at + piece));
      drain();
    }
    demuxer.end();
    drain();
    return { packets, error: undefined, demuxer };
  } catch (error) {
    return { packets, error, demuxer };
  }
}

const demuxerFor = (name: string): Demuxer =>
  name.endsWith(".ogg") ? new OggOpusDemuxer() : new WebmOpusDemuxer();
const hashes = (packets: readonly ProbedPacket[]): string[] => packets.map(({ md5 }) => md5);

for (const name of [...OGG_FILES, ...MATROSKA_FILES]) {
  judge(`${name}: packets and times are those that ffprobe finds`, ({ files, probed }) => {
    const bytes = files.get(name)!;
    const expected = probed.get(name)!;
    const { packets, error, demuxer } = demux(demuxerFor(name), bytes, 4096);
    assertEquals(error, undefined);
    assertGreater(expected.length, 23);
    assertEquals(hashes(packets), hashes(expected));
    if (name !== "chain.ogg") {
      for (const [i, { time }] of packets.entries()) {
        assertAlmostEquals(time, expected[i].time, 1.01, `packet ${i}`);
      }
    }
    for (const [loss, count] of Object.entries(demuxer.losses)) {
      if (!loss.startsWith("other")) assertEquals(count, 0, loss);
    }
    assertEquals(probeContainer(bytes), name.endsWith(".ogg") ? "ogg-opus" : "webm-opus");
  });
}

// That the files have the shapes they are made for

const LACINGS = ["", "Xiph lacing", "fixed lacing", "EBML lacing"];

/** What is in a Matroska file that has no video. */
function shapeOf(bytes: Uint8Array): Set<string> {
  const found = new Set<string>();
  const reader = new EbmlReader();
  reader.push(bytes);
  for (let header; (header = reader.header()) !== undefined;) {
    const { name, kind } = MATROSKA_ELEMENTS.get(header.id) ??
      { name: header.id.toString(16), kind: "skipped" };
    found.add(header.size === undefined ? `${name} of unknown size` : name);
    if (kind === "master" || header.size === undefined) continue;
    const body = reader.read(header.size)!;
    if (kind === "block") found.add(LACINGS[(body[3] & 6) >> 1]);
  }
  found.delete("");
  return found;
}

const SHAPES: Readonly<Record<string, readonly string[]>> = {
  "live.webm": ["Segment of unknown size", "DiscardPadding"],
  "pipe.mkv": ["Segment of unknown size"],
  "recorder.webm": ["Segment of unknown size", "Cluster of unknown size"],
  "merged.mkv": ["SimpleBlock", "ec", "Cues", "Tags"],
  "unlaced.mkv": ["SimpleBlock"],
  "xiph.mkv": ["Xiph lacing"],
  "ebml.mkv": ["EBML lacing"],
  "fixed.mkv": ["fixed lacing"],
  "attachment.mkv": ["Attachments"],
  "unchanged.mkv": ["ContentEncoding"],
  "groups.webm": ["BlockGroup", "DiscardPadding"],
};

judge("Matroska files have the shapes that they are made for", ({ files }) => {
  for (const [name, wanted] of Object.entries(SHAPES)) {
    const found = shapeOf(files.get(name)!);
    assertEquals(wanted.filter((it) => !found.has(it)), [], name);
    if (name === "groups.webm") assert(!found.has("SimpleBlock"));
    if (name === "unlaced.mkv") assertEquals(LACINGS.filter((it) => found.has(it)), []);
  }
});

judge("Ogg files have the shapes that they are made for", ({ files }) => {
  const sizesOf = (name: string) => {
    const demuxer = new OggOpusDemuxer();
    demuxer.push(files.get(name)!);
    demuxer.end();
    const sizes = [];
    for (let next; (next = demuxer.pull()) !== undefined;) {
      sizes.push([next.packet.length, next.duration, next.granule !== undefined]);
    }
    return sizes;
  };
  const every = (name: string, index: number, value: unknown) =>
    assertEquals(sizesOf(name).slice(0, -1).filter((it) => it[index] !== value), [], name);
  every("lacing-255.ogg", 0, 255);
  every("lacing-510.ogg", 0, 510);
  every("frames-60ms.ogg", 1, 2880);
  every("frames-2.5ms.ogg", 1, 120);
  every("pages.ogg", 2, true);
  assertGreater(files.get("tags.ogg")!.length, files.get("plain.ogg")!.length + 150_000);
  assertGreater(files.get("picture.ogg")!.length, files.get("plain.ogg")!.length + 65_536);
});

judge("files that follow each other are read as one", ({ files, probed }) => {
  const { packets, error } = demux(new WebmOpusDemuxer(), files.get("two.webm")!, 1000);
  assertEquals(error, undefined);
  const plain = hashes(probed.get("plain.webm")!);
  assertEquals(hashes(packets), [...plain, ...plain]);
});

judge("an encoding that changes nothing is taken, which ffprobe refuses", ({ files, probed }) => {
  const { packets, error } = demux(new WebmOpusDemuxer(), files.get("unchanged.mkv")!);
  assertEquals(error, undefined);
  assertEquals(hashes(packets), hashes(probed.get("merged.mkv")!));
});

judge("what cannot be sent on as it is, is refused by name", ({ files }) => {
  const refusals: [name: string, container: string, type: ErrorConstructor, message: RegExp][] = [
    ["zlib.mkv", "matroska-other", RangeError, /its Opus track is compressed with zlib, want/],
    ["flac.mkv", "matroska-other", SyntaxError, /it holds A_FLAC, want A_OPUS$/],
    ["flac.ogg", "ogg-other", SyntaxError, /the stream holds FLAC, want Opus$/],
    ["in.wav", "wav", SyntaxError, /it begins with the bytes 52 49 46 46, want/],
  ];
  for (const [name, container, type, message] of refusals) {
    const bytes = files.get(name)!;
    assertEquals(probeContainer(bytes), container);
    const { packets, error } = demux(demuxerFor(name), bytes);
    assertEquals(packets, []);
    assertInstanceOf(error, type);
    assertMatch(error.message, message);
  }
});

judge("durations are those that opusinfo finds, and those of the packets", async (found) => {
  const { folder, files, probed } = found;
  for (const name of ["plain.ogg", "frames-60ms.ogg", "chain.ogg"]) {
    const links = await probeDurations(folder, name);
    const sum = links.reduce((total, link) => total + link, 0);
    assertEquals(links.length, name === "chain.ogg" ? 3 : 1);
    assertAlmostEquals(oggOpusDuration(files.get(name)!)!, sum, 1 * links.length, name);
  }
  for (const name of MATROSKA_FILES.filter((it) => it !== "second.mkv")) {
    const last = probed.get(name)!.at(-1)!.time;
    const duration = webmOpusDuration(files.get(name)!)!;
    assert(duration > last && duration <= last + 60, `${name}: ${duration}, ${last}`);
  }
});

// Broken files

for (const name of ["plain.ogg", "lacing-255.ogg", "plain.webm", "live.webm", "xiph.mkv"]) {
  judge(`${name}: cut off at 50 places, it gives all before`, ({ files, probed }) => {
    const bytes = files.get(name)!;
    const expected = hashes(probed.get(name)!);
    let most = 0;
    let errors = 0;
    for (let i = 0; i < 50; i++) {
      const size = Math.floor(bytes.length * (i + 0.5) / 50);
      const { packets, error } = demux(demuxerFor(name), bytes.subarray(0, size));
      assertEquals(hashes(packets), expected.slice(0, packets.length));
      assert(packets.length >= most, `${size}`);
      most = packets.length;
      if (error === undefined) continue;
      errors++;
      assertInstanceOf(error, SyntaxError);
      assertMatch(error.message, / ends /);
    }
    assertGreater(errors, 45);
    assertGreater(most, expected.length * 0.6);
  });
}

judge("WebM with a hole breaks at its byte, and loses nothing before", ({ files, probed }) => {
  const bytes = files.get("unlaced.mkv")!;
  const expected = hashes(probed.get("unlaced.mkv")!);
  const half = bytes.length >> 1;
  const holed = new Uint8Array([...bytes.subarray(0, half), ...bytes.subarray(half + 1000)]);
  const { packets, error } = demux(new WebmOpusDemuxer(), holed);
  assertInstanceOf(error, SyntaxError);
  const at = Number(/ at byte (\d+): /.exec(error.message)?.[1]);
  assert(at >= half && at < half + 1000, error.message);
  const whole = demux(new WebmOpusDemuxer(), bytes.subarray(0, half)).packets.length;
  assertGreater(whole, 40);
  assertEquals(hashes(packets).slice(0, whole), expected.slice(0, whole));
  assertLess(packets.length, whole + 3);
});

judge("Ogg with a hole loses the packets of it, and goes on", ({ files, probed }) => {
  const bytes = files.get("pages.ogg")!;
  const expected = hashes(probed.get("pages.ogg")!);
  const half = bytes.length >> 1;
  const holed = new Uint8Array([...bytes.subarray(0, half), ...bytes.subarray(half + 1000)]);
  const { packets, error, demuxer } = demux(new OggOpusDemuxer(), holed);
  assertEquals(error, undefined);
  assertGreater((demuxer as OggOpusDemuxer).losses.skippedBytes, 0);
  const lost = expected.filter((it) => !hashes(packets).includes(it));
  assertEquals(packets.length, expected.length - lost.length);
  assert(lost.length > 0 && lost.length < 8, `${lost.length}`);
});
