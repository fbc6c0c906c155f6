import { assertEquals, assertLess } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { encodeOggPage, writeOggOpus } from "../../../lib/audio/ogg_writer.ts";
import { type Container, PROBE_SIZE, probeContainer } from "../../../lib/audio/probe.ts";
import { encodeWav } from "../../../lib/audio/wav.ts";
import { join } from "../../fuzz/mutate.ts";
import {
  ebml,
  element,
  live,
  OPUS_TRACKS,
  opusHead,
  otherEntry,
  VOID_ID,
} from "../../tools/matroska.ts";

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const oggWith = (body: Uint8Array, serial = 1, bos = true): Uint8Array =>
  encodeOggPage({
    ...{ continued: false, bos, eos: false, granule: 0n, serial, sequence: bos ? 0 : 1 },
    ...{ lacing: [body.length], body },
  });
const VORBIS = ascii("\x01vorbis");
const SURROUND = join(opusHead(6).with(18, 1), Uint8Array.of(4, 2, 0, 4, 1, 2, 3, 5));
const VIDEO = otherEntry(1, 1, "V_VP8");
const WAV = encodeWav(new Int16Array(20), 48_000, 2);

const FILES: readonly (readonly [string, Container, Uint8Array])[] = [
  ["Ogg Opus", "ogg-opus", writeOggOpus([])],
  ["Opus beside Theora", "ogg-opus", join(oggWith(ascii("\x80theora")), oggWith(opusHead(), 2))],
  ["Ogg Vorbis", "ogg-other", join(oggWith(VORBIS), oggWith(VORBIS, 1, false))],
  ["surround sound", "ogg-other", oggWith(SURROUND)],
  ["Ogg without a beginning", "ogg-other", oggWith(VORBIS, 1, false)],
  ["WebM", "webm-opus", join(ebml(), live("Segment", OPUS_TRACKS))],
  ["Matroska", "webm-opus", join(ebml("matroska"), element("Segment", OPUS_TRACKS))],
  [
    "Matroska without Opus",
    "matroska-other",
    join(ebml(), live("Segment", element("Tracks", VIDEO))),
  ],
  ["EBML of another kind", "matroska-other", join(ebml("other"), live("Segment"))],
  ["WAV", "wav", WAV],
  ["RF64", "wav", join(ascii("RF64"), WAV.subarray(4))],
  ["AVI", "other", ascii("RIFF\0\0\0\0AVI LIST")],
  ["MP3", "other", ascii("ID3\x04")],
  ["MP4", "other", ascii("\0\0\0\x20ftypM4A ")],
  ["text", "other", ascii("<!doctype html>")],
];

for (const [name, container, file] of FILES) {
  test(`probeContainer() knows ${name}, and never anything else of less`, () => {
    assertEquals(probeContainer(file), container);
    assertEquals(probeContainer(join(file, new Uint8Array(PROBE_SIZE))), container);
    let known = false;
    for (let size = 0; size < file.length; size++) {
      const found = probeContainer(file.subarray(0, size));
      if (known || found !== undefined) assertEquals(found, container, `${size}`);
      known ||= found !== undefined;
    }
  });
}

test("probeContainer() wants more of nothing, and answers after PROBE_SIZE", () => {
  assertEquals(probeContainer(new Uint8Array(0)), undefined);
  const padding = element(VOID_ID, new Uint8Array(2 * PROBE_SIZE));
  const late = join(ebml(), live("Segment", padding, OPUS_TRACKS));
  assertEquals(probeContainer(late.subarray(0, PROBE_SIZE - 1)), undefined);
  assertEquals(probeContainer(late.subarray(0, PROBE_SIZE)), "matroska-other");
  assertEquals(probeContainer(late), "matroska-other");
  const damaged = join(
    ascii("OggS\0"),
    new Uint8Array(21),
    Uint8Array.of(255),
    new Uint8Array(PROBE_SIZE).fill(255),
  );
  assertEquals(probeContainer(damaged), "ogg-other");
});

test("probeContainer() knows a real file by its first page", () => {
  const talk = new Uint8Array(readFileSync(new URL("../../audio/talk.ogg", import.meta.url)));
  let size = 0;
  while (probeContainer(talk.subarray(0, size)) === undefined) size++;
  assertEquals(probeContainer(talk.subarray(0, size)), "ogg-opus");
  assertLess(size, 100);
});
