/**
 * The parsers of audio: Opus packets, Ogg, Opus in Ogg, WAV.
 *
 * @module
 */

import { JitterBuffer } from "../../lib/audio/jitter_buffer.ts";
import {
  oggChecksum,
  OggDemuxer,
  type OggDemuxerOptions,
  type OggPacket,
} from "../../lib/audio/ogg.ts";
import {
  type OggOpusFile,
  parseOpusHead,
  parseOpusTags,
  readOggOpus,
} from "../../lib/audio/ogg_opus.ts";
import { encodeOggPage, writeOggOpus } from "../../lib/audio/ogg_writer.ts";
import {
  hasFec,
  OPUS_SILENCE,
  opusFrames,
  packetDuration,
  parseToc,
} from "../../lib/audio/opus_toc.ts";
import { encodeWav, parseWav } from "../../lib/audio/wav.ts";
import { WavReader } from "../../lib/audio/wav_reader.ts";
import { hex, loadVectors, toHex } from "../tools/vectors.ts";
import { join, mutateBytes } from "./mutate.ts";
import {
  type AnyParser,
  BYTES,
  check,
  checkInteger,
  checkSame,
  checkU32,
  type Domain,
  parser,
  reasonOf,
} from "./parser.ts";

const SILENCE = Uint8Array.from(OPUS_SILENCE);
const MEBIBYTE = 2 ** 20;

/** What of a reason stands behind the parser's own prefix. */
function syntaxFault(error: unknown, ...more: (new (message: string) => Error)[]): string {
  const known = [SyntaxError, ...more].find((type) => error instanceof type);
  if (known === undefined) throw error;
  const { name, message } = error as Error;
  check(/^Cannot (?:parse|read) /.test(message), () => `a message without its action: ${message}`);
  return `${name}: ${reasonOf(message).replace(/the bytes [#0-9a-f ]+/, "the bytes #")}`;
}

// Opus packets

const OPUS_FAULT = "SyntaxError: Cannot parse Opus packet: ";

const opusPacket = parser({
  name: "parseToc, packetDuration, opusFrames",
  covers: ["parseToc", "packetDuration", "opusFrames", "hasFec"],
  domain: BYTES,
  seeds: [
    SILENCE,
    hex("fc030a11181f262d"),
    hex("f901020304"),
    hex("fa0201020304"),
    hex("fafc0001020304"),
    hex("fb03aabbccddeeff"),
    hex("fb43020102030405060000"),
    hex("fb8302010a0b0c0d0e0f"),
    hex("fbc3ff01fe0201aabbcc"),
    join(hex("7b41ff05"), new Uint8Array(300)),
    join(hex("78"), new Uint8Array(1276)),
    join(hex("fb81"), new Uint8Array(1290)),
    hex("1b30"),
    hex("4840aabb"),
    hex("5f0201aabb"),
  ],
  outcomes: [
    "frames",
    "frames with FEC",
    `${OPUS_FAULT}it is empty, want at least # byte`,
    `${OPUS_FAULT}it ends before its frame count, want at least # bytes`,
    `${OPUS_FAULT}it holds # frames, want at least #`,
    `${OPUS_FAULT}it lasts # samples, want at most #`,
    `${OPUS_FAULT}its padding is larger than the packet`,
    `${OPUS_FAULT}# bytes do not make # equal frames`,
    `${OPUS_FAULT}its frames need # bytes more than it has`,
    `${OPUS_FAULT}it ends before its frame sizes`,
    `${OPUS_FAULT}a frame has # bytes, want at most #`,
  ],
  run: (packet) => {
    try {
      const toc = parseToc(packet);
      checkInteger("config", toc.config, 0, 31);
      checkInteger("frameCount", toc.frameCount, 1, 48);
      checkInteger("frameSize", toc.frameSize, 120, 2880);
      checkInteger("duration", toc.duration, 120, 5760);
      check(packetDuration(packet) === toc.duration, () => "packetDuration differs");
      const frames = opusFrames(packet);
      check(frames.length === toc.frameCount, () => `${frames.length} of ${toc.frameCount} frames`);
      for (const frame of frames) {
        check(frame.buffer === packet.buffer, () => "a frame is no view");
        const end = frame.byteOffset - packet.byteOffset + frame.length;
        checkInteger("the end of a frame", end, 1, packet.length);
        checkInteger("the size of a frame", frame.length, 0, 1275);
      }
      checkFrames(packet, frames);
      if (!hasFec(packet)) return "frames";
      check(toc.mode !== "celt" && frames[0].length > 0, () => "FEC where none can be");
      return "frames with FEC";
    } catch (error) {
      check(!hasFec(packet), () => "FEC in no packet");
      return syntaxFault(error);
    }
  },
  large: {
    "1 MiB of padding sizes": [
      `${OPUS_FAULT}it ends before its frame sizes`,
      () => {
        const packet = new Uint8Array(MEBIBYTE).fill(0xff);
        packet.set([0xfb, 0x41]);
        packet[MEBIBYTE - 1] = 0;
        return packet;
      },
    ],
    "48 frames in 1 MiB": [
      `${OPUS_FAULT}a frame has # bytes, want at most #`,
      () => join(hex("83b0"), new Uint8Array(MEBIBYTE)),
    ],
  },
});

/** Frames have the sizes that are announced, and with head and padding make up the packet. */
function checkFrames(packet: Uint8Array, frames: readonly Uint8Array[]): void {
  const code = packet[0] & 3;
  let at = code === 3 ? 2 : 1;
  let padding = 0;
  for (let more = code === 3 && (packet[1] & 0x40) !== 0; more; at++) {
    more = packet[at] === 255;
    padding += Math.min(packet[at], 254);
  }
  const variable = code === 2 || (code === 3 && (packet[1] & 0x80) !== 0);
  for (const { length } of variable ? frames.slice(0, -1) : []) {
    let size = packet[at++];
    if (size >= 252) size += 4 * packet[at++];
    check(size === length, () => `a frame has ${length} bytes, not ${size}`);
  }
  const size = frames.reduce((sum, { length }) => sum + length, at + padding);
  check(size === packet.length, () => `${size} bytes in all`);
}

// Ogg

/** Mutated pages mostly get a new checksum: with a wrong one nothing behind it would be met. */
const OGG_BYTES: Domain<Uint8Array> = {
  ...BYTES,
  mutate: (bytes, word, seeds) => {
    const changed = mutateBytes(bytes, word, seeds);
    return word % 4 === 0 ? changed : withChecksums(changed);
  },
};

/** The same bytes with the right checksum in whatever looks like a whole page. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const repaired = bytes.slice();
  for (let at = 0; at + 27 <= repaired.length; at++) {
    if (repaired[at] !== 0x4f || repaired[at + 1] !== 0x67) continue;
    const bodyOffset = at + 27 + repaired[at + 26];
    const end = repaired.subarray(at + 27, bodyOffset).reduce(
      (sum, size) => sum + size,
      bodyOffset,
    );
    if (end > repaired.length) continue;
    const page = repaired.subarray(at, end);
    new DataView(page.buffer, page.byteOffset).setUint32(22, oggChecksum(page), true);
    at = end - 1;
  }
  return repaired;
}

const BEGIN = { continued: false, bos: true, eos: false, granule: 0n, sequence: 0 };
const FILE = writeOggOpus([SILENCE, SILENCE, SILENCE], { packetsPerPage: 2, comments: ["A=b"] });
const VORBIS = encodeOggPage({
  ...BEGIN,
  serial: 5,
  lacing: [7],
  body: hex("01766f72626973"),
});
/** Three pages with one packet of 600 bytes and one of none. */
const CONTINUED = join(
  encodeOggPage({ ...BEGIN, serial: 9, lacing: [255], body: new Uint8Array(255) }),
  encodeOggPage({
    ...BEGIN,
    ...{ bos: false, continued: true, granule: -1n, sequence: 1 },
    ...{ serial: 9, lacing: [255], body: new Uint8Array(255) },
  }),
  encodeOggPage({
    ...BEGIN,
    ...{ bos: false, continued: true, eos: true, granule: 7n, sequence: 2 },
    ...{ serial: 9, lacing: [90, 0], body: new Uint8Array(90) },
  }),
);

function beginnings(count: number): Uint8Array {
  return join(
    ...Array.from(
      { length: count },
      (_, serial) => encodeOggPage({ ...BEGIN, serial, lacing: [1], body: Uint8Array.of(serial) }),
    ),
  );
}

/** A train of pages of one stream, with one packet of one byte each. */
function pageTrain(count: number): Uint8Array {
  return join(...Array.from({ length: count }, (_, sequence) =>
    encodeOggPage({
      ...BEGIN,
      ...{ bos: sequence === 0, sequence, serial: 3, lacing: [1], body: Uint8Array.of(1) },
    })));
}

const OGG_SEEDS: readonly Uint8Array[] = [
  FILE,
  CONTINUED,
  VORBIS,
  beginnings(2),
  beginnings(17),
  join(FILE, FILE),
  join(FILE.subarray(0, 150), hex("00010203"), FILE.subarray(150)),
  pageTrain(3),
];

interface OggResult {
  readonly packets: OggPacket[];
  readonly fault: string | undefined;
}

/** Pushes pieces of one size and pulls in between. */
function demux(bytes: Uint8Array, piece: number, options: OggDemuxerOptions): OggResult {
  const demuxer = new OggDemuxer(options);
  const packets: OggPacket[] = [];
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
    return { packets, fault: undefined };
  } catch (error) {
    let again: unknown;
    try {
      demuxer.pull();
    } catch (thrown) {
      again = thrown;
    }
    check(again === error, () => "a later pull does not fail in the same way");
    return { packets, fault: syntaxFault(error, RangeError) };
  } finally {
    for (const [name, count] of Object.entries(demuxer.losses)) {
      checkInteger(name, count, 0, bytes.length);
    }
  }
}

function describe({ packets, fault }: OggResult): string {
  const text = packets.map(({ data, serial, granule, bos, eos, gap }) =>
    [toHex(data), serial, granule, bos, eos, gap].join()
  );
  return [...text, fault].join("\n");
}

/** What is pushed in pieces is the same stream. */
function checkPieces(bytes: Uint8Array, whole: OggResult, options: OggDemuxerOptions): void {
  const pieces = demux(bytes, 61, options);
  check(
    describe(pieces) === describe(whole),
    () => `whole: ${describe(whole)}\nin pieces: ${describe(pieces)}`,
  );
}

const OGG_FAULT = "SyntaxError: Cannot read Ogg";
const NOT_OGG = `${OGG_FAULT}: it begins with the bytes #, want #f # # # # ("OggS", version #)`;
const PACKET_LIMIT = 400;

const ogg = parser({
  name: "OggDemuxer",
  covers: ["OggDemuxer", "oggChecksum"],
  domain: OGG_BYTES,
  seeds: OGG_SEEDS,
  outcomes: [
    ...["packets", "nothing", NOT_OGG],
    `${OGG_FAULT}: its first page does not begin a logical stream`,
    `${OGG_FAULT} page: the input ends after # of # bytes`,
    `${OGG_FAULT} page: the input ends after # of at least # bytes`,
    `${OGG_FAULT} packet: the input ends after # of its bytes`,
    `${OGG_FAULT}: # bytes are damaged, want at most #`,
    "RangeError: Cannot read Ogg packet: it has # bytes or more, want at most #",
    "RangeError: Cannot read Ogg: want at most # multiplexed streams",
  ],
  run: (bytes) => {
    const options = { maxPacketSize: PACKET_LIMIT };
    const whole = demux(bytes, Math.max(1, bytes.length), options);
    checkInteger("packets", whole.packets.length, 0, bytes.length);
    for (const { data, serial } of whole.packets) {
      checkU32("serial", serial);
      checkInteger("the size of a packet", data.length, 0, Math.min(PACKET_LIMIT, bytes.length));
      check(data.buffer !== bytes.buffer, () => "a packet is a view of the input");
    }
    if (bytes.length % 4 === 0 && bytes.length < 1000) checkPieces(bytes, whole, options);
    return whole.fault ?? (whole.packets.length > 0 ? "packets" : "nothing");
  },
  large: {
    "a page whose damaged size reaches past those behind it": ["packets", () => {
      const [first, damaged] = [pageTrain(1), pageTrain(2).subarray(pageTrain(1).length)];
      damaged[27] = 255;
      return join(first, damaged, pageTrain(3).subarray(2 * first.length));
    }],
    "a train of 20000 pages": ["packets", () => pageTrain(20_000)],
    "1 MiB without a page behind the first": [
      `${OGG_FAULT}: # bytes are damaged, want at most #`,
      () => join(pageTrain(1), new Uint8Array(MEBIBYTE)),
    ],
    "1 MiB of beginnings of pages": [
      `${OGG_FAULT}: # bytes are damaged, want at most #`,
      () => join(pageTrain(1), ...new Array<Uint8Array>(40_000).fill(hex("4f67675300ff"))),
    ],
    "pages that are all damaged": [
      `${OGG_FAULT}: # bytes are damaged, want at most #`,
      () => {
        const page = encodeOggPage({
          ...BEGIN,
          ...{ serial: 3, lacing: new Array(255).fill(255), body: new Uint8Array(65_025) },
        });
        page[22] ^= 1;
        return join(pageTrain(1), ...new Array<Uint8Array>(16).fill(page));
      },
    ],
    "pages of 255 empty packets": [
      "packets",
      () =>
        join(...Array.from({ length: 300 }, (_, sequence) =>
          encodeOggPage({
            ...BEGIN,
            ...{ bos: sequence === 0, sequence, serial: 3 },
            ...{ lacing: new Array(255).fill(0), body: new Uint8Array(0) },
          }))),
    ],
  },
});

const HEAD_FAULT = "SyntaxError: Cannot parse OpusHead: ";
const TAGS_FAULT = "SyntaxError: Cannot parse OpusTags: ";
const HEAD_FAULTS = [
  `${HEAD_FAULT}it has # bytes, want at least #`,
  `${HEAD_FAULT}its version is #, want # to #`,
  `${HEAD_FAULT}it has # channels, want at least #`,
  `${HEAD_FAULT}mapping family # has # channels, want # or #`,
  `${HEAD_FAULT}# streams, # of them stereo, are impossible`,
  `${HEAD_FAULT}it maps channel #, want less than #`,
];
const TAGS_FAULTS = [
  `${TAGS_FAULT}it does not begin with "OpusTags"`,
  `${TAGS_FAULT}it ends at byte # before a length`,
  `${TAGS_FAULT}a text of # bytes has only #`,
];

const HEADS: readonly Uint8Array[] = [
  ...loadVectors<{ cases: { opus_head_hex: string }[] }>("opus_head.json").cases.map((item) =>
    hex(item.opus_head_hex)
  ),
  hex("4f707573486561640106380180bb0000000001040200040102ff05"),
  hex("4f707573486561640102380180bb0000000001010100ff"),
];

const opusHead = parser({
  name: "parseOpusHead",
  covers: ["parseOpusHead"],
  domain: BYTES,
  seeds: HEADS,
  outcomes: ["head", `${HEAD_FAULT}it does not begin with "OpusHead"`, ...HEAD_FAULTS],
  run: (packet) => {
    try {
      const head = parseOpusHead(packet);
      checkInteger("version", head.version, 0, 15);
      checkInteger("channels", head.channels, 1, 255);
      checkInteger("preSkip", head.preSkip, 0, 0xffff);
      checkU32("inputSampleRate", head.inputSampleRate);
      check(Math.abs(head.outputGain) <= 128, () => `outputGain ${head.outputGain}`);
      checkInteger("mappingFamily", head.mappingFamily, 0, 255);
      checkInteger("streamCount", head.streamCount, 1, 255);
      checkInteger("coupledCount", head.coupledCount, 0, head.streamCount);
      check(head.channelMapping.length === head.channels, () => "a channel is not mapped");
      return "head";
    } catch (error) {
      return syntaxFault(error);
    }
  },
});

const TAGS = hex("4f707573546167730300000061c3a90200000003000000413d6200000000");

const opusTags = parser({
  name: "parseOpusTags",
  covers: ["parseOpusTags"],
  domain: BYTES,
  seeds: [
    TAGS,
    hex("4f707573546167730000000000000000"),
    hex("4f7075735461677300000000010000000c000000f09f9880eda080c080e282ff"),
  ],
  outcomes: ["tags", ...TAGS_FAULTS],
  run: (packet) => {
    try {
      const { vendor, comments } = parseOpusTags(packet);
      checkInteger("comments", comments.length, 0, packet.length / 4);
      const size = comments.reduce((sum, comment) => sum + comment.length, vendor.length);
      checkInteger("characters", size, 0, packet.length);
      return "tags";
    } catch (error) {
      return syntaxFault(error);
    }
  },
  large: {
    "262000 empty comments": ["tags", () => {
      const packet = new Uint8Array(16 + 4 * 262_000);
      packet.set(hex("4f7075735461677300000000"));
      new DataView(packet.buffer).setUint32(12, 262_000, true);
      return packet;
    }],
    "2^32 - 1 comments announced": [TAGS_FAULTS[1], () => {
      const packet = new Uint8Array(MEBIBYTE);
      packet.set(hex("4f7075735461677300000000ffffffff"));
      return packet;
    }],
    "1 MiB of text that is not UTF-8": ["tags", () => {
      const packet = new Uint8Array(16 + MEBIBYTE).fill(0xf0);
      packet.set(hex("4f70757354616773"));
      new DataView(packet.buffer).setUint32(8, MEBIBYTE, true);
      packet.fill(0, 12 + MEBIBYTE);
      return packet;
    }],
  },
});

function opusFile(
  head: Uint8Array,
  tags: Uint8Array = TAGS,
  audio: Uint8Array = SILENCE,
): Uint8Array {
  return join(
    encodeOggPage({ ...BEGIN, serial: 1, lacing: [head.length], body: head }),
    encodeOggPage({
      ...BEGIN,
      bos: false,
      sequence: 1,
      serial: 1,
      lacing: [tags.length],
      body: tags,
    }),
    encodeOggPage({
      ...BEGIN,
      ...{ bos: false, eos: true, sequence: 2, serial: 1, granule: 960n },
      ...{ lacing: [audio.length], body: audio },
    }),
  );
}

const oggOpus = parser({
  name: "readOggOpus",
  covers: ["readOggOpus", "OggOpusDemuxer"],
  domain: OGG_BYTES,
  seeds: [
    FILE,
    opusFile(HEADS[0]),
    opusFile(HEADS[2]),
    opusFile(HEADS[0], TAGS, new Uint8Array(0)),
    join(VORBIS, opusFile(HEADS[0])),
    ...["\x7fFLAC", "\x80theora", "Speex   ", "fishead\0"].map((name) =>
      opusFile(Uint8Array.from(name, (character) => character.charCodeAt(0)))
    ),
    ...OGG_SEEDS.slice(1, 6),
  ],
  outcomes: [
    ...["file", NOT_OGG, ...HEAD_FAULTS, ...TAGS_FAULTS],
    `${OGG_FAULT}: its first page does not begin a logical stream`,
    `${OGG_FAULT} page: the input ends after # of # bytes`,
    `${OGG_FAULT} page: the input ends after # of at least # bytes`,
    `${OGG_FAULT} packet: the input ends after # of its bytes`,
    "RangeError: Cannot read Ogg: want at most # multiplexed streams",
    `${OGG_FAULT} Opus: the input ends before its comment header`,
    `${OGG_FAULT} Opus: the input ends before its identification header`,
    ...["Vorbis", "FLAC", "Theora", "Speex", "a skeleton", "an unknown codec"].map((codec) =>
      `${OGG_FAULT} Opus: the stream holds ${codec}, want Opus`
    ),
    "RangeError: Cannot read Ogg Opus: each packet holds # streams for # channels, want # stream (mono or stereo)",
  ],
  run: (bytes) => {
    let file: OggOpusFile;
    try {
      file = readOggOpus(bytes);
    } catch (error) {
      return syntaxFault(error, RangeError);
    }
    checkInteger("packets", file.packets.length, 0, bytes.length);
    for (const { packet, duration } of file.packets) {
      checkInteger("duration", duration, 120, 5760);
      check(packetDuration(packet) === duration, () => "the duration is another packet's");
    }
    checkInteger("streams", file.head.streamCount, 1, 1);
    return "file";
  },
  large: {
    "a file of 20000 packets": [
      "file",
      () => writeOggOpus(new Array<Uint8Array>(20_000).fill(SILENCE)),
    ],
    "a chain of 2000 files": ["file", () => join(...new Array<Uint8Array>(2000).fill(FILE))],
  },
});

// WAV

const WAV_FAULT = "SyntaxError: Cannot parse WAV: ";

function wavWith(format: string, data = "0000000000000000"): Uint8Array {
  const size = (format.length / 2).toString(16).padStart(2, "0");
  return hex(
    `52494646ffffffff57415645666d7420${size}000000${format}64617461${
      (data.length / 2).toString(16).padStart(2, "0")
    }000000${data}`,
  );
}

const FLOAT_FORMAT = "0300010080bb000000ee020004002000";

const WAV_SEEDS: readonly Uint8Array[] = [
  encodeWav(Int16Array.of(1, -1, 2, -2), 48_000, 2),
  encodeWav(Int16Array.of(), 1, 1),
  wavWith(FLOAT_FORMAT),
  wavWith(`feff${FLOAT_FORMAT.slice(4)}160020000000000003000000000010008000` + "00aa00389b71"),
  wavWith("0100010080bb0000802200000300180000"),
  hex("52494646ffffffff574156454c495354030000006162630064617461ffffffff00"),
  join(wavWith("0100020080bb000000ee020004001000").subarray(0, 40), hex("ffffffff0102030405")),
  hex(
    "52463634ffffffff57415645647336341c000000500000000000000004000000000000000200000000000000" +
      "00000000666d7420100000000100010080bb00000077010002001000" + "64617461ffffffff0102030400",
  ),
];

const WAV_FAULTS: readonly string[] = [
  `${WAV_FAULT}it does not begin with a "RIFF" header of type "WAVE"`,
  `${WAV_FAULT}it ends inside a chunk`,
  `${WAV_FAULT}it ends after # of # bytes of data`,
  `${WAV_FAULT}it has no data chunk`,
  `${WAV_FAULT}its format chunk has # bytes, want at least #`,
  `${WAV_FAULT}# channels at # Hz, want at least # of each`,
  `${WAV_FAULT}its samples have format # (...) with # bits, want PCM of # to # bits or floats of # or # bits: ffmpeg converts others`,
  `${WAV_FAULT}its data comes before its format`,
  `${WAV_FAULT}it has # bytes of data, want a multiple of #`,
];

function wavFault(error: unknown): string {
  return syntaxFault(error).replace(/format # \(.*?\)/, "format # (...)");
}

const wav = parser({
  name: "parseWav",
  covers: ["parseWav"],
  share: 1 / 4,
  domain: BYTES,
  seeds: WAV_SEEDS,
  outcomes: ["audio", ...WAV_FAULTS],
  run: (bytes) => {
    try {
      const { samples, sampleRate, channels } = parseWav(bytes);
      checkInteger("sampleRate", sampleRate, 1, 0xffffffff);
      checkInteger("channels", channels, 1, 0xffff);
      checkInteger("samples", samples.length, 0, bytes.length);
      check(samples.length % channels === 0, () => `${samples.length} samples`);
      check(samples.buffer !== bytes.buffer, () => "the samples are a view of the input");
      if (samples instanceof Int16Array && channels <= 0x7fff && sampleRate * channels < 2 ** 30) {
        const again = parseWav(encodeWav(samples, sampleRate, channels));
        checkSame("the samples once more", bytesOf(again.samples), bytesOf(samples));
      }
      return "audio";
    } catch (error) {
      return wavFault(error);
    }
  },
  large: {
    "1 MiB of empty chunks": [
      `${WAV_FAULT}it has no data chunk`,
      () => join(hex("52494646ffffffff57415645"), new Uint8Array(MEBIBYTE)),
    ],
  },
});

interface WavResult {
  readonly samples: number[];
  readonly fault: string | undefined;
}

/** Pushes pieces of one size and pulls in between; skips a frame of each piece where told to. */
function readWav(bytes: Uint8Array, piece: number, skips: boolean): WavResult {
  const reader = new WavReader();
  const samples: number[] = [];
  const drain = () => {
    for (let part; (part = reader.pull()) !== undefined;) {
      const { channels } = reader.encoding!;
      check(part.length > 0 && part.length % channels === 0, () => `a part of ${part.length}`);
      samples.push(...part);
      if (skips) reader.skip(1);
    }
  };
  try {
    for (let at = 0; at < bytes.length; at += piece) {
      reader.push(bytes.subarray(at, at + piece));
      drain();
    }
    reader.end();
    drain();
    return { samples, fault: undefined };
  } catch (error) {
    return { samples, fault: wavFault(error) };
  }
}

const wavReader = parser({
  name: "WavReader",
  covers: ["WavReader"],
  share: 1 / 2,
  domain: BYTES,
  seeds: WAV_SEEDS,
  outcomes: ["samples", "nothing", ...WAV_FAULTS],
  run: (bytes) => {
    const whole = readWav(bytes, Math.max(1, bytes.length), false);
    checkInteger("samples", whole.samples.length, 0, bytes.length);
    const text = ({ samples, fault }: WavResult) => [...samples, fault].join();
    for (const piece of [1, 13]) {
      const pieces = readWav(bytes, piece, false);
      check(text(pieces) === text(whole), () => `${text(pieces)}, but whole ${text(whole)}`);
    }
    const skipped = readWav(bytes, 7, true);
    check(skipped.samples.length <= whole.samples.length, () => "skipping made more samples");
    check(skipped.fault === whole.fault, () => `${skipped.fault}, but whole ${whole.fault}`);
    return whole.fault ?? (whole.samples.length > 0 ? "samples" : "nothing");
  },
});

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

// A jitter buffer

const ARRIVAL_SIZE = 10;
const HELD_LIMIT = 3;

/** Ten bytes for each packet: what passes before it, SSRC, sequence, timestamp, TOC. */
function arrivals(...packets: readonly (readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(packets.length * ARRIVAL_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, [passed, ssrc, sequence, timestamp, toc]] of packets.entries()) {
    const at = i * ARRIVAL_SIZE;
    bytes[at] = passed;
    bytes[at + 1] = ssrc;
    view.setUint16(at + 2, sequence);
    view.setUint32(at + 4, timestamp);
    view.setUint16(at + 8, toc);
  }
  return bytes;
}

/** Times go on, and are numbers; a packet is handed out at most 60 s after it came. */
function checkItems(buffer: JitterBuffer, now: number, after: number): number {
  let end = after;
  for (let count = 0, item; (item = buffer.pull(now)) !== undefined; count++) {
    check(count < 1000, () => "items without end");
    check(item.at <= now && item.at >= end - 1e-6, () => `an item at ${item!.at}, not ${end}`);
    check(Number.isFinite(item.nominal), () => `a nominal instant of ${item!.nominal}`);
    checkU32("the timestamp of an item", item.timestamp);
    checkInteger("the duration of an item", item.duration, 0, 5760);
    checkInteger("what an item is stretched by", item.adjust, -30, 30);
    end = item.at + (item.duration + item.adjust) / 48;
  }
  const due = buffer.pollTimeout();
  check(due === undefined || (due > now && due < now + 60_000), () => `${due} at ${now}`);
  return end;
}

const jitterBuffer = parser({
  name: "JitterBuffer",
  covers: ["JitterBuffer", "RtpTimeline", "DelayEstimator"],
  domain: BYTES,
  seeds: [
    arrivals([1, 1, 0xffff, 0xfffffc40, 0xf8ff], [2, 1, 0, 0, 0xf8ff], [2, 1, 1, 960, 0xf800]),
    arrivals([2, 1, 9, 960, 0xf8ff], [0, 1, 8, 0, 0xf8ff], [0, 1, 9, 960, 0xf8ff]),
    arrivals([2, 1, 1, 0, 0xf801], [4, 1, 3, 1920, 0x1b04], [0, 1, 2, 960, 0xf8ff]),
    arrivals([0, 1, 1, 0, 0xf801], [0, 1, 2, 960, 0xf801], [0, 1, 3, 0, 1], [0, 1, 4, 0, 1]),
    arrivals([0, 1, 1, 0, 0xf801], [200, 2, 1, 0, 0xf801], [9, 2, 40_000, 9, 0xf801]),
  ],
  outcomes: ["nothing", "buffered", "late", "duplicate", "overflow"],
  run: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const buffer = new JitterBuffer({ limit: HELD_LIMIT });
    let outcome = "nothing";
    let now = 0;
    let end = -Infinity;
    for (let at = 0; at + ARRIVAL_SIZE <= bytes.length; at += ARRIVAL_SIZE) {
      const [sequence, timestamp] = [view.getUint16(at + 2), view.getUint32(at + 4)];
      // The last three bits say how many bytes of a packet follow its table of contents.
      const opus = new Uint8Array(1 + (bytes[at + 9] & 7)).fill(bytes[at + 9]);
      opus[0] = bytes[at + 8];
      now += 10 * bytes[at];
      end = checkItems(buffer, now, end);
      outcome = buffer.push({ ssrc: bytes[at + 1], sequence, timestamp, at: now, opus });
    }
    checkItems(buffer, now + 60_000, end);
    const { received, played, late, duplicate, overflow, held, lost, delay } = buffer.stats;
    const dropped = late + duplicate + overflow;
    check(received === played + dropped && held === 0, () => `${received}: ${played}, ${dropped}`);
    checkInteger("what is lost", lost, 0, 3000 * received);
    check(delay >= 40 && delay <= 500, () => `a delay of ${delay}`);
    return outcome;
  },
});

/** The parsers of audio. */
export const AUDIO_PARSERS: readonly AnyParser[] = [
  opusPacket,
  ogg,
  opusHead,
  opusTags,
  oggOpus,
  wav,
  wavReader,
  jitterBuffer,
];
