/**
 * The parsers of WebM and Matroska, and what tells containers and durations.
 *
 * @module
 */

import { oggOpusDuration, webmOpusDuration } from "../../lib/audio/duration.ts";
import { parseEbmlFloat, parseEbmlInt, parseEbmlUint } from "../../lib/audio/ebml.ts";
import { parseMatroskaBlock } from "../../lib/audio/matroska_block.ts";
import { MATROSKA_ELEMENTS } from "../../lib/audio/matroska_elements.ts";
import { writeOggOpus } from "../../lib/audio/ogg_writer.ts";
import { OPUS_SILENCE, packetDuration } from "../../lib/audio/opus_toc.ts";
import { probeContainer } from "../../lib/audio/probe.ts";
import { encodeWav } from "../../lib/audio/wav.ts";
import { WebmOpusDemuxer, type WebmOpusPacket } from "../../lib/audio/webm_opus.ts";
import { readWebmOpus } from "../../lib/audio/webm_opus.ts";
import {
  block,
  cluster,
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
  uint,
  UNKNOWN_ID,
  vint,
  VOID_ID,
} from "../tools/matroska.ts";
import { hex, toHex } from "../tools/vectors.ts";
import { join } from "./mutate.ts";
import { type AnyParser, BYTES, check, checkInteger, parser, reasonOf } from "./parser.ts";

const SILENCE = Uint8Array.from(OPUS_SILENCE);
const MEBIBYTE = 2 ** 20;

// Blocks

const BLOCK_FAULT = "SyntaxError: Cannot read Matroska block at byte #: ";
const BLOCK_FAULTS = [
  `${BLOCK_FAULT}it has no track number`,
  `${BLOCK_FAULT}it has # bytes, want at least #`,
  `${BLOCK_FAULT}it ends before its frame sizes`,
  `${BLOCK_FAULT}its frames need # bytes more than it has`,
  `${BLOCK_FAULT}# bytes do not make # equal frames`,
  `${BLOCK_FAULT}a frame has no size`,
  `${BLOCK_FAULT}a frame has # bytes, want at least #`,
  `${BLOCK_FAULT}a size has # bytes, want at most #`,
];
const XIPH = block(1, -3, 0x82, hex("02030103"), SILENCE, hex("f8"), SILENCE);
const FIXED = block(1, 0, 0x84, hex("02"), SILENCE, SILENCE, SILENCE);
const EBML_LACED = block(
  1,
  20,
  0x86,
  join(hex("02"), vint(3), lacedDifference(-2, 2)),
  ...[SILENCE, hex("f8"), SILENCE],
);
const LONG_SIZE = block(1, 0, 0x86, hex("01"), vint(3, 8), SILENCE, SILENCE);

const matroskaBlock = parser({
  name: "parseMatroskaBlock",
  covers: ["parseMatroskaBlock", "parseVint"],
  domain: BYTES,
  share: 0.5,
  seeds: [
    block(1, 0, 0x80, SILENCE),
    ...[XIPH, FIXED, EBML_LACED],
    block(300, 7, 0),
    LONG_SIZE,
  ],
  outcomes: ["frames", ...BLOCK_FAULTS],
  run: (body) => {
    try {
      const { track, timestamp, frames } = parseMatroskaBlock(body);
      check(track >= 0 && track <= 2 ** 56, () => `track ${track}`);
      checkInteger("timestamp", timestamp, -32_768, 32_767);
      checkInteger("frames", frames.length, 1, 256);
      let end = body.byteOffset + body.length;
      for (const frame of frames.toReversed()) {
        check(frame.byteOffset + frame.length === end, () => "a frame is elsewhere");
        end = frame.byteOffset;
      }
      return "frames";
    } catch (error) {
      return faultOf(error);
    }
  },
  large: {
    "1 MiB of one size": [
      `${BLOCK_FAULT}it ends before its frame sizes`,
      () => join(block(1, 0, 2, hex("01")), new Uint8Array(MEBIBYTE).fill(255)),
    ],
  },
});

/** A reason with neither numbers nor names of elements. */
function faultOf(error: unknown): string {
  const known = error instanceof SyntaxError || error instanceof RangeError;
  if (!known) throw error;
  const { name, message } = error;
  check(/^Cannot (?:parse|read) /.test(message), () => `a message without its action: ${message}`);
  check(message.length < 500, () => `a message of ${message.length} characters`);
  const named = reasonOf(message.replace(/ bytes [0-9a-f ]+, want/, " bytes 0, want"))
    .replace(/its DocType is ".*", want/, 'its DocType is "...", want')
    .replace(/it holds .*, want/, "it holds ..., want")
    .replace(/algorithm #|bzlib|LZO/, "zlib");
  return `${name}: ${named.replace(ELEMENT_NAMES, "X")}`;
}

const ELEMENT_NAMES = new RegExp(
  `\\b(${Array.from(MATROSKA_ELEMENTS.values(), ({ name }) => name).join("|")})\\b(?=${
    [" has", " cannot", " goes", "$"].join("|")
  })|an unknown element|an element$`,
  "g",
);

// Values

const ebmlValues = parser({
  name: "parseEbmlUint, parseEbmlInt, parseEbmlFloat",
  covers: ["parseEbmlUint", "parseEbmlInt", "parseEbmlFloat"],
  domain: BYTES,
  share: 0.1,
  seeds: [
    hex("00"),
    hex("ff7f"),
    hex("40c3880000000000"),
    hex("3fc00000"),
    hex("8000000000000000"),
  ],
  outcomes: ["a float", "no float"],
  run: (bytes) => {
    const body = bytes.subarray(0, 8);
    const [uint, int] = [parseEbmlUint(body), parseEbmlInt(body)];
    check(Number.isInteger(uint) && uint >= 0 && uint <= 2 ** 64, () => `${uint}`);
    check(Number.isInteger(int) && Math.abs(int) <= 2 ** 63, () => `${int}`);
    check(body[0] >= 0x80 ? int < 0 : int === uint, () => `${int} and ${uint}`);
    const isFloat = [0, 4, 8].includes(body.length);
    const value = parseEbmlFloat(body);
    check(isFloat || Number.isNaN(value), () => `${value}`);
    return isFloat ? "a float" : "no float";
  },
});

// Files

const compression = (...parts: readonly Uint8Array[]): Uint8Array =>
  element("ContentEncodings", element("ContentEncoding", ...parts));
const stripped = compression(
  element(
    "ContentCompression",
    uint("ContentCompAlgo", 3),
    element("ContentCompSettings", hex("f8")),
  ),
);
const withTracks = (...entries: readonly Uint8Array[]): Uint8Array =>
  join(ebml(), live("Segment", element("Tracks", ...entries), cluster(0, simple(0, SILENCE))));
const surround = join(opusHead(6).with(18, 1), Uint8Array.of(4, 2, 0, 4, 1, 2, 3, 5));

const LIVE = join(
  ebml("matroska"),
  live(
    "Segment",
    OPUS_TRACKS,
    live("Cluster", uint("Timestamp", 0), simple(0, SILENCE), simple(20, SILENCE)),
    live("Cluster", uint("Timestamp", 40), element("SimpleBlock", XIPH)),
    element("Cues", new Uint8Array(4)),
  ),
);
const FILE = join(
  ebml(),
  element(
    "Segment",
    element("SeekHead", new Uint8Array(4)),
    element("Info", uint("TimestampScale", 500_000), float("Duration", 80)),
    element("Tracks", otherEntry(2, 1, "V_VP8"), opusEntry(stripped)),
    cluster(0, simple(0, hex("fffe")), element(UNKNOWN_ID), simple(0, new Uint8Array(40), 2)),
    element(VOID_ID, new Uint8Array(9)),
    cluster(
      40,
      element("BlockGroup", element("Block", FIXED), element("DiscardPadding", hex("989680"))),
    ),
  ),
);
const FILES: readonly Uint8Array[] = [
  LIVE,
  FILE,
  join(FILE, LIVE),
  withTracks(opusEntry(compression(element("ContentCompression")))),
  withTracks(opusEntry(compression(uint("ContentEncodingType", 1)))),
  withTracks(
    opusEntry(element("ContentEncodings", element("ContentEncoding"), element("ContentEncoding"))),
  ),
  withTracks(opusEntry(element("CodecPrivate", surround))),
  withTracks(otherEntry(1, 2, "A_VORBIS")),
  withTracks(element("TrackEntry", uint("TrackType", 2), element("CodecID", hex("415f4f505553")))),
  withTracks(otherEntry(1, 2, "A_OPUS")),
  join(ebml("other"), live("Segment")),
  join(ebml(), live("Segment", cluster(0))),
  join(LIVE, cluster(60, element("SimpleBlock", EBML_LACED))),
  join(LIVE, cluster(60, element("SimpleBlock", LONG_SIZE))),
];

const EBML_FAULT = "SyntaxError: Cannot read EBML at byte #: ";
const CUT = "SyntaxError: Cannot read WebM: the input ends ";
const WEBM_FAULT = "SyntaxError: Cannot read WebM at byte #: ";
const REFUSAL = "RangeError: Cannot read WebM at byte #: ";
const HEAD_FAULT = "SyntaxError: Cannot parse OpusHead: ";

interface Result {
  readonly packets: readonly WebmOpusPacket[];
  readonly fault: string | undefined;
  readonly message: string;
}

/** Pushes pieces of one size and pulls in between. */
function demux(bytes: Uint8Array, piece: number): Result {
  const demuxer = new WebmOpusDemuxer();
  const packets: WebmOpusPacket[] = [];
  const drain = () => {
    for (let packet; (packet = demuxer.pull()) !== undefined;) packets.push(packet);
  };
  try {
    for (let at = 0; at < bytes.length; at += piece) {
      demuxer.push(bytes.subarray(at, at + piece));
      drain();
    }
    demuxer.end();
    drain();
    return { packets, fault: undefined, message: "" };
  } catch (error) {
    return { packets, fault: faultOf(error), message: (error as Error).message };
  } finally {
    for (const [name, count] of Object.entries(demuxer.losses)) {
      checkInteger(name, count, 0, 256 * bytes.length);
    }
  }
}

const describe = ({ packets, message }: Result): string =>
  [...packets.map((it) => [toHex(it.packet), it.time, it.discard].join()), message].join("\n");

const webmOpus = parser({
  name: "readWebmOpus",
  covers: ["readWebmOpus", "WebmOpusDemuxer", "EbmlReader", "TrackEntry", "asciiOf", "withPrefix"],
  domain: BYTES,
  seeds: FILES,
  outcomes: [
    ...["packets", "nothing", ...BLOCK_FAULTS],
    "SyntaxError: Cannot read WebM: it begins with the bytes #, want #a # df a#",
    `${EBML_FAULT}the byte # begins no element ID`,
    `${EBML_FAULT}a size has more than # bytes`,
    `${EBML_FAULT}a size has more than # bits`,
    `${CUT}before its EBML header`,
    `${CUT}before its X`,
    `${CUT}within the header of X`,
    `${CUT}# bytes before the end of its X`,
    `${CUT}# bytes before the end of X`,
    `${WEBM_FAULT}X has no size`,
    `${WEBM_FAULT}X goes beyond the end of X`,
    `${WEBM_FAULT}X cannot be in X`,
    `${WEBM_FAULT}X cannot be at the top level`,
    `${WEBM_FAULT}X has # bytes, want at most #`,
    `${REFUSAL}X has # bytes, want at most #`,
    `${WEBM_FAULT}its DocType is "...", want "webm" or "matroska"`,
    `${WEBM_FAULT}it holds ..., want A_OPUS`,
    `${WEBM_FAULT}Cluster comes before X`,
    `${WEBM_FAULT}its Opus track has no number`,
    `${WEBM_FAULT}its Opus track has no X`,
    `${REFUSAL}its Opus track is encrypted`,
    `${REFUSAL}its Opus track is compressed with zlib, want header stripping at most`,
    `${REFUSAL}its Opus track has # content encodings, want at most #`,
    `${REFUSAL}its Opus track has headers of # bytes stripped, want at most #`,
    `${REFUSAL}its Opus track has # streams for # channels, want # stream (mono or stereo)`,
    `${HEAD_FAULT}it does not begin with "OpusHead"`,
    `${HEAD_FAULT}it has # bytes, want at least #`,
    `${HEAD_FAULT}it has # channels, want at least #`,
    `${HEAD_FAULT}its version is #, want # to #`,
    `${HEAD_FAULT}mapping family # has # channels, want # or #`,
    `${HEAD_FAULT}# streams, # of them stereo, are impossible`,
    `${HEAD_FAULT}it maps channel #, want less than #`,
  ],
  run: (bytes) => {
    const whole = demux(bytes, Math.max(1, bytes.length));
    checkInteger("packets", whole.packets.length, 0, 256 * bytes.length);
    for (const { packet, duration, time, discard } of whole.packets) {
      check(packetDuration(packet) === duration, () => "the duration is another packet's");
      check(Number.isFinite(time), () => `time is ${time}`);
      checkInteger("discard", discard, -duration, duration);
      check(packet.buffer !== bytes.buffer, () => "a packet is a view of the input");
    }
    if (bytes.length % 8 === 0 && bytes.length > 3 && bytes.length < 1000) {
      const pieces = demux(bytes, 61);
      check(
        describe(pieces) === describe(whole),
        () => `whole: ${describe(whole)}\nin pieces: ${describe(pieces)}`,
      );
    }
    if (whole.fault !== undefined) return whole.fault;
    check(readWebmOpus(bytes).packets.length === whole.packets.length, () => "other packets");
    return whole.packets.length > 0 ? "packets" : "nothing";
  },
  large: {
    "20000 clusters of unknown size": ["packets", () =>
      join(
        LIVE,
        ...new Array<Uint8Array>(20_000).fill(live("Cluster", simple(0, SILENCE))),
      )],
    "a chain of 2000 files": ["packets", () => join(...new Array<Uint8Array>(2000).fill(FILE))],
    "20000 tracks": [
      "nothing",
      () =>
        join(
          ebml(),
          live(
            "Segment",
            element("Tracks", ...new Array(20_000).fill(otherEntry(2, 1, "V")), opusEntry()),
          ),
        ),
    ],
    "20000 frames with stripped headers of 255 bytes": [
      "nothing",
      () => {
        const settings = element("ContentCompSettings", new Uint8Array(255).fill(0xff));
        const entry = opusEntry(
          compression(element("ContentCompression", uint("ContentCompAlgo", 3), settings)),
        );
        const laced = element("SimpleBlock", block(1, 0, 4, hex("ff")));
        return join(
          ebml(),
          live("Segment", element("Tracks", entry), live("Cluster", ...new Array(80).fill(laced))),
        );
      },
    ],
    "a stripped header of 256 bytes": [
      `${REFUSAL}its Opus track has headers of # bytes stripped, want at most #`,
      () => {
        const settings = element("ContentCompSettings", new Uint8Array(256));
        const algorithm = uint("ContentCompAlgo", 3);
        return withTracks(
          opusEntry(compression(element("ContentCompression", algorithm, settings))),
        );
      },
    ],
    "a block of 16 MiB and more": [
      `${REFUSAL}X has # bytes, want at most #`,
      () => join(LIVE, live("Cluster", hex("a3"), vint(2 ** 25), block(1, 0, 0, SILENCE, SILENCE))),
    ],
  },
});

// What tells containers and durations

const HEADS: readonly Uint8Array[] = [
  writeOggOpus([SILENCE, SILENCE], { packetsPerPage: 1 }),
  ...FILES,
  encodeWav(Int16Array.of(1, -1), 48_000, 2),
  hex("5246363400000000574156450000"),
];

const container = parser({
  name: "probeContainer, oggOpusDuration, webmOpusDuration",
  covers: ["probeContainer", "oggOpusDuration", "webmOpusDuration"],
  domain: BYTES,
  share: 0.25,
  seeds: HEADS,
  outcomes: ["ogg-opus", "ogg-other", "webm-opus", "matroska-other", "wav", "other", "unknown"],
  run: (bytes) => {
    const ogg = oggOpusDuration(bytes);
    const webm = webmOpusDuration(bytes);
    for (const duration of [ogg, webm]) {
      check(duration === undefined || duration >= 0, () => `a duration of ${duration}`);
    }
    const found = probeContainer(bytes);
    check(found !== "webm-opus" || webm !== undefined, () => "Opus in WebM has no duration");
    check(found !== "ogg-opus" || ogg !== undefined, () => "Opus in Ogg has no duration");
    return found ?? "unknown";
  },
  large: {
    "1 MiB of OggS": ["ogg-other", () => {
      const bytes = new Uint8Array(MEBIBYTE).fill(0x4f);
      for (let at = 0; at + 4 <= bytes.length; at += 7) bytes.set(hex("4f676753"), at);
      return bytes.with(4, 0);
    }],
  },
});

/** The parsers of WebM and Matroska. */
export const WEBM_PARSERS: readonly AnyParser[] = [
  matroskaBlock,
  ebmlValues,
  webmOpus,
  container,
];
