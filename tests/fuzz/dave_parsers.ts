/**
 * The parsers of DAVE: frames and what is in them, and the messages of MLS.
 *
 * Behind real cryptography a mutated message ends at its tag or its signature, and each costs
 * a check of a signature, about a millisecond: these entries get 2,000 inputs. So each of them
 * has a twin whose cryptography holds nothing back, where mutations come as far as the tree. Its
 * members are made anew after every message that they take, which costs ten times as much as
 * the message, so it gets 3,000. Rows are short there, to stay near to what is valid.
 *
 * The valid messages are made here of seeded randomness. Where the library draws it in another
 * order they are others, and the corpus is to be made again.
 *
 * @module
 */

import { LocalProtocolError } from "../../lib/errors.ts";
import { makeSnapshot } from "../../lib/dave/snapshot.ts";
import { Secret } from "../../lib/secret.ts";
import type { FrameAeadProvider } from "../../lib/dave/frames/aead.ts";
import { type FrameCodec, layOutFrame, sealedSizeLimit } from "../../lib/dave/frames/codecs.ts";
import {
  type FrameFault,
  type FrameForm,
  type FrameMedia,
  FrameOpener,
} from "../../lib/dave/frames/frame_opener.ts";
import { FrameSealer } from "../../lib/dave/frames/frame_sealer.ts";
import { pureFrameAead } from "../../lib/dave/frames/gcm.ts";
import { findStartCode } from "../../lib/dave/frames/h26x.ts";
import { GENERATION_SIZE } from "../../lib/dave/frames/key_ratchet.ts";
import {
  leb128Size,
  leb128Span,
  leb128Value,
  readLeb128,
  writeLeb128,
} from "../../lib/dave/frames/leb128.ts";
import { ClearRanges } from "../../lib/dave/frames/ranges.ts";
import { SendRatchet, type SendRatchetState } from "../../lib/dave/frames/send_ratchet.ts";
import { isSilence } from "../../lib/audio/opus_toc.ts";
import {
  TRAILER_BASE_SIZE,
  TrailerParser,
  trailerSize,
  writeTrailer,
} from "../../lib/dave/frames/trailer.ts";
import { Reader, takeWhole, u64, vector } from "../../lib/dave/mls/codec.ts";
import { takeExternalSender } from "../../lib/dave/mls/external_sender.ts";
import { encodePublicMessage, takePublicMessage } from "../../lib/dave/mls/framing.ts";
import {
  checkKeyPackage,
  encodeKeyPackage,
  hashKeyPackage,
  takeKeyPackage,
} from "../../lib/dave/mls/key_package.ts";
import {
  encodeAppend,
  encodeRevoke,
  ExternalSender,
  type MlsCrypto,
  MlsError,
  type MlsErrorCode,
  MlsMember,
  nobleMlsCrypto,
  type SentProposal,
} from "../../lib/dave/mls/mod.ts";
import { MAX_LEAVES, RatchetTree } from "../../lib/dave/mls/ratchet_tree.ts";
import { checkTree } from "../../lib/dave/mls/tree_validation.ts";
import { encodeWelcome, takeWelcome, trimWelcome } from "../../lib/dave/mls/welcome.ts";
import { PENDING_LIMIT } from "../../lib/dave/pending.ts";
import { DaveSession, type DaveSessionOptions, HELD_LIMIT } from "../../lib/dave/session.ts";
import { DAVE_STATES } from "../../lib/dave/transitions.ts";
import { decodeId, encodeId } from "../../lib/dave/user_id.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../../lib/payloads.ts";
import { hex, loadVectors, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";
import { join, type Json } from "./mutate.ts";
import {
  type AnyParser,
  BYTES,
  check,
  checkInteger,
  checkSame,
  checkU32,
  type Parser,
  parser,
  rejection,
  VALUE,
} from "./parser.ts";

interface RangeCase {
  readonly codec: FrameCodec;
  readonly frame_hex: string;
}

const { cases: RANGE_CASES } = loadVectors<{ cases: readonly RangeCase[] }>("dave_ranges.json");
const FRAME_CASES = loadVectors<{ cases: readonly { frame_hex?: string }[] }>(
  "libdave_frames.json",
).cases.flatMap(({ frame_hex }) => frame_hex === undefined ? [] : [hex(frame_hex)]);

// What is in a frame

const leb128 = parser({
  name: "readLeb128",
  covers: ["readLeb128", "leb128Span", "leb128Value"],
  domain: BYTES,
  seeds: ["00", "7f", "8001", "ffffffff0f", "808001", "ffffff7f", "8000"].map(hex),
  outcomes: ["value", "longer than it must be", "too large", "none"],
  share: 1 / 8,
  run: (bytes) => {
    const value = readLeb128(bytes, 0, bytes.length);
    const behind = readLeb128(join(hex("80"), bytes, hex("00")), 1, 1 + bytes.length);
    check(behind === value, () => `it is ${behind} elsewhere, not ${value}`);
    const span = leb128Span(bytes, 0, bytes.length);
    check(value < 0 || span === leb128Size(value), () => `${span} bytes of ${value}`);
    if (span === 0) return "none";
    if (span > 7) return "too large";
    const whole = leb128Value(bytes, 0, span);
    const wanted = bytes.subarray(0, span).reduceRight((sum, b) => sum * 128 + b % 128, 0);
    check(whole === wanted, () => `it is ${whole}, not ${wanted}`);
    if (value < 0) return whole < 2 ** 32 ? "longer than it must be" : "too large";
    checkU32("the value", value);
    const again = new Uint8Array(span);
    check(writeLeb128(value, again, 0) === span, () => `${value} has another size once more`);
    checkSame("the value written again", again, bytes.subarray(0, span));
    return "value";
  },
  large: { "1 MiB without an end": ["none", () => new Uint8Array(2 ** 20).fill(0x80)] },
});

const startCode = parser({
  name: "findStartCode",
  covers: ["findStartCode"],
  domain: BYTES,
  seeds: ["000001", "00000001", "0000000000010000", "02000200000100", "00010001000001"].map(hex),
  outcomes: ["start code", "none"],
  share: 1 / 8,
  run: (bytes) => {
    const text = toHex(bytes).match(/../g) ?? [];
    for (const [start, end] of [[0, bytes.length], [1, bytes.length], [0, bytes.length - 1]]) {
      const found = findStartCode(bytes, start, end);
      const wanted = text.findIndex((_, i) =>
        i >= start && i + 3 <= end && text.slice(i, i + 3).join("") === "000001"
      );
      check(found === wanted, () => `at ${found}, not ${wanted}, of ${start} to ${end}`);
    }
    return findStartCode(bytes, 0, bytes.length) < 0 ? "none" : "start code";
  },
  large: { "64 KiB of zeros": ["none", () => new Uint8Array(2 ** 16)] },
});

const RANGED_TRAILER = hex("0000000000000000ac0200010202ff01");

const trailer = parser({
  name: "TrailerParser.parse",
  covers: ["TrailerParser"],
  domain: BYTES,
  seeds: [
    hex("0000000000000000010cfafa"),
    hex("f81122334455667788ffffffff0f10fafa"),
    ...FRAME_CASES,
    withSize(join(new Uint8Array(300), RANGED_TRAILER)),
    withSize(join(new Uint8Array(3), hex("000000000000000001000001000100"))),
  ],
  outcomes: ["trailer", "trailer with ranges", "none"],
  share: 1 / 2,
  run: (frame) => {
    const parsed = new TrailerParser();
    if (!parsed.parse(frame)) return "none";
    const { mediaSize, nonce, ranges } = parsed;
    checkU32("nonce", nonce);
    checkInteger("mediaSize", mediaSize, 0, frame.length - TRAILER_BASE_SIZE - 1);
    checkRanges(ranges, mediaSize);
    const size = frame.length - mediaSize;
    check(trailerSize(nonce, ranges) === size, () => `a trailer of ${size} bytes`);
    const again = frame.slice();
    again.fill(0, mediaSize + 8);
    check(writeTrailer(again, mediaSize, nonce, ranges) === frame.length, () => "another size");
    checkSame("the trailer written again", again, frame);
    const gathered = new Uint8Array(mediaSize);
    const scattered = new Uint8Array(mediaSize);
    ranges.gather(frame, mediaSize, gathered);
    ranges.scatter(gathered, gathered, ranges.clearSize, mediaSize, scattered);
    checkSame("the frame put together again", scattered, frame.subarray(0, mediaSize));
    return ranges.count === 0 ? "trailer" : "trailer with ranges";
  },
  large: {
    "121 empty ranges": [
      "trailer with ranges",
      () => withSize(join(new Uint8Array(8 + 1 + 2 * 121))),
    ],
    "1 MiB of markers": ["none", () => new Uint8Array(2 ** 20).fill(0xfa)],
  },
});

/** Adds the size, where the last 8 bytes and more are the trailer, and the markers. */
function withSize(bytes: Uint8Array): Uint8Array {
  const parsed = new TrailerParser();
  for (let size = 255; size >= TRAILER_BASE_SIZE; size--) {
    const frame = join(bytes, Uint8Array.of(size, 0xfa, 0xfa));
    if (parsed.parse(frame)) return frame;
  }
  throw new Error(`No size makes a trailer of ${toHex(bytes)}`);
}

function checkRanges(ranges: ClearRanges, size: number): void {
  let free = 0;
  for (let i = 0; i < ranges.count; i++) {
    checkInteger(`offset ${i}`, ranges.offsets[i], free, size);
    free = ranges.offsets[i] + ranges.sizes[i];
    checkInteger(`end of range ${i}`, free, ranges.offsets[i], size);
  }
}

// Frames

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i);
const OLD_SECRET = Uint8Array.from({ length: 16 }, (_, i) => 0x20 + i);
const UNKNOWN_SECRET = Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i);

/** Lets mutated frames through: a tag is good where its first byte is below 0x80. */
const LOOSE_FRAME_AEAD: FrameAeadProvider = {
  aes128gcm: () => ({
    seal: (packet, aadSize, size) => void packet.fill(0, aadSize + size, aadSize + size + 8),
    open: (packet, aadSize, size, _nonce, into) => {
      into.set(packet.subarray(aadSize, aadSize + size));
      return packet[aadSize + size] < 0x80;
    },
    erase: () => {},
  }),
};

function sealFrame(sealer: FrameSealer, frame: Uint8Array, codec: FrameCodec): Uint8Array {
  const into = new Uint8Array(sealedSizeLimit(codec, frame.length));
  const size = sealer.seal(frame, into, codec);
  if (size < 0) throw new Error(`A frame is not sealed: ${sealer.fault}`);
  return into.slice(0, size);
}

function sealerOf(aead: FrameAeadProvider, secret: Uint8Array, nonce = 0): FrameSealer {
  const sealer = new FrameSealer({ aead, sealSilence: true });
  const fingerprint = new Uint8Array(32);
  sealer.restore({ nonce, generation: 0, secret: new Secret(secret), fingerprint });
  return sealer;
}

const H264_FRAME = hex("000000016742c00d8c8d40d0fbc900f08846a00000000168ce3c800000000165b8fafafa");

function frameSeeds(aead: FrameAeadProvider): Uint8Array[] {
  const opus = hex("f801020304050607");
  const sealer = sealerOf(aead, SECRET);
  return [
    sealFrame(sealer, opus, "opus"),
    sealFrame(sealer, new Uint8Array(0), "opus"),
    sealFrame(sealer, H264_FRAME, "h264"),
    sealFrame(sealer, hex("9d012a8002e0010102030405"), "vp8"),
    sealFrame(sealerOf(aead, OLD_SECRET), opus, "opus"),
    sealFrame(sealerOf(aead, UNKNOWN_SECRET, 77), opus, "opus"),
    ...[3, 200].map((generation) =>
      sealFrame(sealerOf(aead, SECRET, generation * GENERATION_SIZE + 5), opus, "opus")
    ),
    hex("f8fffe"),
    opus,
    ...FRAME_CASES,
  ];
}

interface OpenerSetting {
  readonly name: string;
  readonly aead: FrameAeadProvider;
  readonly media: FrameMedia;
  readonly keys: readonly Uint8Array[];
  readonly passthrough?: boolean;
  /** Milliseconds since the keys came. */
  readonly now: number;
  readonly outcomes: readonly (FrameForm | FrameFault)[];
  readonly share: number;
}

const PROBES = 64;
const PROBE = hex("7e57");

/**
 * Two openers of one sender, of which the second gets only what the first has accepted: they
 * must agree for ever, since what is refused changes nothing. After each frame they open one
 * more that is valid.
 */
function openerParser(setting: OpenerSetting): AnyParser {
  const { name, aead, media, keys, passthrough = false, now, outcomes, share } = setting;
  const prober = sealerOf(aead, SECRET, 1000);
  const probes = Array.from({ length: PROBES }, () => sealFrame(prober, PROBE, "opus"));
  const make = () => {
    const opener = new FrameOpener(aead);
    for (const key of keys) opener.addRatchet(key, 0);
    opener.setPassthrough(passthrough, 0);
    return opener;
  };
  const start = () => {
    const [opener, sheltered] = [make(), make()];
    let count = 0;
    return (frame: Uint8Array) => {
      const opened = openFrame(opener, frame, now, media);
      if (opened !== undefined) {
        const same = openFrame(sheltered, frame, now, media);
        check(same !== undefined, () => `without what was refused it is ${sheltered.fault}`);
        checkSame("the frame of the other opener", opened, same);
        check(opener.form === sheltered.form, () => `forms ${opener.form}, ${sheltered.form}`);
      }
      const outcome = opened === undefined ? opener.fault : opener.form;
      check(
        (media === "audio" && isSilence(frame)) === (outcome === "silence"),
        () => `silence is ${outcome}`,
      );
      if (outcome === "sealed") {
        check(openFrame(opener, frame, now, media) === undefined, () => "it is accepted twice");
      }
      const probe = probes[count++ % PROBES];
      const [one, other] = [opener, sheltered].map((each) => openFrame(each, probe, now, media));
      check((one === undefined) === (other === undefined), () => "a valid frame is one's only");
      const genuine = keys.length > 0 && aead === pureFrameAead;
      check(!genuine || one !== undefined, () => `a valid frame is ${opener.fault}`);
      check(opener.ratchetCount === keys.length, () => `${opener.ratchetCount} ratchets`);
      return outcome;
    };
  };
  const covers = ["FrameOpener", "isSilence"];
  return { name, covers, domain: BYTES, seeds: frameSeeds(aead), outcomes, share, start };
}

function openFrame(
  opener: FrameOpener,
  frame: Uint8Array,
  now: number,
  media: FrameMedia,
): Uint8Array | undefined {
  const into = new Uint8Array(frame.length);
  const size = opener.open(frame, into, now, media);
  checkInteger("the size", size, -1, frame.length);
  return size < 0 ? undefined : into.subarray(0, size);
}

const OPENER_SETTINGS: readonly OpenerSetting[] = [
  {
    name: "FrameOpener.open",
    aead: pureFrameAead,
    media: "audio",
    keys: [OLD_SECRET, SECRET],
    now: 9_000,
    outcomes: ["sealed", "silence", "unencrypted", "bad-tag", "bad-generation", "replayed"],
    share: 1 / 4,
  },
  {
    name: "FrameOpener.open with a loose cipher",
    aead: LOOSE_FRAME_AEAD,
    media: "video",
    keys: [SECRET],
    // Old enough for 20 generations.
    now: 2e9,
    outcomes: ["sealed", "unencrypted", "bad-tag", "bad-generation", "replayed"],
    share: 1 / 2,
  },
  {
    name: "FrameOpener.open without a key in passthrough",
    aead: LOOSE_FRAME_AEAD,
    media: "audio",
    keys: [],
    passthrough: true,
    now: 0,
    outcomes: ["passthrough", "silence", "no-key"],
    share: 1 / 4,
  },
];

/**
 * Lays out a frame, then seals and opens it: what is opened is what was laid out.
 *
 * @param unit Of many of them a frame has more clear ranges than a trailer can tell.
 */
function layoutParser(codec: FrameCodec, unit: Uint8Array): AnyParser {
  const sealer = sealerOf(pureFrameAead, SECRET);
  const opener = new FrameOpener();
  opener.addRatchet(SECRET, 0);
  return parser({
    name: `layOutFrame ${codec}`,
    covers: ["layOutFrame", "FrameSealer"],
    domain: BYTES,
    seeds: RANGE_CASES.filter((item) => item.codec === codec).map((item) => hex(item.frame_hex)),
    outcomes: [
      ...["ranges", "all encrypted"],
      ...(codec === "vp8" ? [] : ["not sealed: too-many-ranges"]),
    ],
    share: 1 / 8,
    run: (frame) => {
      const limit = sealedSizeLimit(codec, frame.length);
      // More than the limit, to see that no more is used.
      const into = new Uint8Array(limit + 64).fill(0xee);
      const ranges = new ClearRanges();
      const size = layOutFrame(codec, frame, into, ranges);
      checkInteger("the size", size, 0, limit);
      check(into.subarray(limit).every((byte) => byte === 0xee), () => "it writes too far");
      checkRanges(ranges, size);
      const laidOut = into.slice(0, size);
      if (codec !== "av1") checkStable(codec, laidOut, ranges);
      const sealedSize = sealer.seal(frame, into, codec);
      if (sealedSize < 0) return `not sealed: ${sealer.fault}`;
      const sealed = into.subarray(0, sealedSize);
      if (codec === "h264" || codec === "h265") checkStartCodes(sealed, ranges);
      const opened = openFrame(opener, sealed, 9_000, "video");
      check(opened !== undefined, () => `it cannot be opened: ${opener.fault}`);
      checkSame("the frame opened", opened, laidOut);
      return ranges.count === 0 ? "all encrypted" : "ranges";
    },
    large: {
      "65536 zeros": [
        codec === "vp8" || codec === "av1" ? "ranges" : "all encrypted",
        () => new Uint8Array(65_536),
      ],
      [`1000 units of ${unit.length} bytes`]: [
        codec === "vp8" ? "ranges" : "not sealed: too-many-ranges",
        () => join(...Array.from({ length: 1000 }, () => unit)),
      ],
    },
  });
}

/** What is laid out stays as it is when it is laid out once more. */
function checkStable(codec: FrameCodec, frame: Uint8Array, ranges: ClearRanges): void {
  const into = new Uint8Array(sealedSizeLimit(codec, frame.length));
  const again = new ClearRanges();
  checkSame("the frame once more", into.subarray(0, layOutFrame(codec, frame, into, again)), frame);
  check(again.count === ranges.count, () => `${again.count} ranges once more`);
}

/** Every start code is in one of the clear ranges. */
function checkStartCodes(sealed: Uint8Array, { count, offsets, sizes }: ClearRanges): void {
  for (let at = -1; (at = findStartCode(sealed, at + 1, sealed.length)) >= 0;) {
    const inside = Array.from({ length: count }, (_, i) => i)
      .some((i) => at >= offsets[i] && at + 3 <= offsets[i] + sizes[i]);
    check(inside, () => `a start code at ${at} of the sealed frame`);
  }
}

// A ratchet that is handed on

const RATCHET_SEEDS: readonly Json[] = [
  ratchetSeed(0, 0, 16),
  ratchetSeed(1, 0, 16),
  ratchetSeed(3 * GENERATION_SIZE + 5, 1, 32),
  ratchetSeed(256 * GENERATION_SIZE, 0, 16),
  ratchetSeed(257 * GENERATION_SIZE, 0, 16),
  ratchetSeed(5, 1, 32),
  ratchetSeed(Number.MAX_SAFE_INTEGER, 2 ** 29 - 1, 32),
  ratchetSeed(2 ** 32, 256, 32),
  ratchetSeed(0, 0, 32),
  ratchetSeed(0.5, 0, 16),
  ratchetSeed(1, -1, 32),
];

function ratchetSeed(nonce: number, generation: number, size: number): Json {
  return { nonce, generation, secret: "5a".repeat(size), fingerprint: "a5".repeat(32) };
}

const ratchetState = parser({
  name: "SendRatchet.restore",
  covers: ["SendRatchet"],
  domain: VALUE,
  seeds: RATCHET_SEEDS,
  outcomes: [
    ...["no state", "restored", "restored with all nonces spent"],
    ...["RangeError: Cannot restore a ratchet", "RangeError: Cannot start a key ratchet"],
  ],
  share: 1 / 8,
  run: (value) => {
    const state = stateOf(value);
    if (state === undefined) return "no state";
    try {
      return useRatchet(SendRatchet.restore(state, pureFrameAead), state);
    } catch (error) {
      return rejection(error, RangeError).split(": ").slice(0, 2).join(": ");
    }
  },
});

/** A state as the types demand it, whatever its values are. */
function stateOf(value: Json): SendRatchetState | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { nonce, generation, secret, fingerprint } = value;
  const numbers = typeof nonce === "number" && typeof generation === "number";
  const texts = typeof secret === "string" && typeof fingerprint === "string";
  if (!numbers || !texts) return undefined;
  const bytes = { secret: new Secret(hex(secret)), fingerprint: hex(fingerprint) };
  return { nonce, generation, ...bytes };
}

function useRatchet(ratchet: SendRatchet, state: SendRatchetState): string {
  const { nonce, secret, fingerprint } = state;
  checkSame("the fingerprint", ratchet.fingerprint, fingerprint);
  const before = toHex(secret.reveal());
  check(ratchet.nonce === nonce, () => `nonce ${ratchet.nonce}, not ${nonce}`);
  const sealed = sealedBy(ratchet);
  if (sealed === undefined) return "restored with all nonces spent";
  check(ratchet.nonce === nonce + 1, () => `nonce ${ratchet.nonce} after ${nonce}`);
  checkSame("what the same state seals", sealedBy(SendRatchet.restore(state, AEAD))!, sealed);
  const handed = ratchet.export(0);
  checkInteger("generation", handed.generation, 0, Math.floor((nonce + 1) / GENERATION_SIZE));
  check(handed.nonce === nonce + 1, () => `nonce ${handed.nonce} handed on after ${nonce}`);
  const next = SendRatchet.restore(handed, AEAD);
  check(next.nonce === nonce + 1, () => `nonce ${next.nonce} after it was handed on`);
  check(toHex(secret.reveal()) === before, () => "the state was changed");
  return "restored";
}

const AEAD: FrameAeadProvider = pureFrameAead;

function sealedBy(ratchet: SendRatchet): Uint8Array | undefined {
  try {
    checkU32("the nonce as it is sent", ratchet.spend());
  } catch (error) {
    rejection(error, LocalProtocolError);
    return undefined;
  }
  const packet = new Uint8Array(4 + 8);
  ratchet.aead.seal(packet, 0, 4, new Uint8Array(12));
  return packet;
}

// States that are handed on

/**
 * An entry for what restores a state. Inputs are what stands in it between version and hash,
 * since behind the hash nothing would come of a mutation.
 */
function stateParser<T>(
  entry: Pick<Parser<Uint8Array>, "name" | "covers" | "seeds" | "outcomes" | "share">,
  restore: (state: Secret<Uint8Array>) => T,
  exportAgain: (restored: T) => Secret<Uint8Array>,
): AnyParser {
  const attempt = (state: Secret<Uint8Array>): T | string => {
    try {
      return restore(state);
    } catch (error) {
      return rejection(error, RangeError).split(": ").slice(1).join(": ");
    }
  };
  const run = (content: Uint8Array) => {
    const bare = attempt(new Secret(content));
    check(typeof bare === "string", () => "it is restored without version and hash");
    const state = makeSnapshot(STATE_VERSION, [content]);
    const restored = attempt(state);
    if (typeof restored === "string") return restored;
    checkSame("the state once more", exportAgain(restored).reveal(), state.reveal());
    return "restored";
  };
  return parser({ ...entry, domain: BYTES, run });
}

const STATE_VERSION = 1;

/** What stands in a state between version and hash. */
function contentOf(state: Secret<Uint8Array>): Uint8Array {
  return state.reveal().slice(2, -32);
}

/** States of openers: empty ones, of two epochs, and one of two generations, which is large. */
function openerStates(): Uint8Array[] {
  const now = 2e9;
  const frame = (secret: Uint8Array, nonce: number) =>
    sealFrame(sealerOf(pureFrameAead, secret, nonce), PROBE, "opus");
  return [0, 1, 2].flatMap((count) =>
    [true, false].map((on) => {
      const opener = new FrameOpener();
      opener.setPassthrough(true, 0);
      opener.setPassthrough(on, now);
      for (const secret of [OLD_SECRET, SECRET].slice(2 - count)) {
        opener.addRatchet(secret, 0);
        const first = count === 1 && on ? 3 * GENERATION_SIZE - 9 : 2;
        for (const nonce of [first, first + 14]) {
          openFrame(opener, frame(secret, nonce), now, "audio");
        }
      }
      return contentOf(opener.exportState(now));
    })
  );
}

/** States with one ratchet, or so many, that cannot be. */
function wrongOpenerStates(): Uint8Array[] {
  const unlimited = hex("00");
  const number = (value: number) => u64(BigInt(value));
  const ratchet = (secretSize: number, ...missing: number[]) => {
    const head = join(unlimited, number(5), number(0), vector(new Uint8Array(secretSize)));
    return join(head, number(9), vector(...missing.map(number)), vector());
  };
  const one = ratchet(16, 1, 7);
  return [[ratchet(15)], [ratchet(16, 7, 1)], [ratchet(16, 8)], Array(17).fill(one)].map((all) =>
    join(unlimited, vector(...all))
  );
}

const OPENED_AFTERWARDS = [0, 3, 255].map((generation) =>
  sealFrame(sealerOf(pureFrameAead, SECRET, generation * GENERATION_SIZE + 7), PROBE, "opus")
);

const openerState = stateParser(
  {
    name: "FrameOpener.restore",
    covers: ["FrameOpener", "RemoteRatchet", "ReplayWindow", "readSnapshot"],
    seeds: [...openerStates(), ...wrongOpenerStates()],
    outcomes: [
      "restored",
      ...[
        "its state is malformed",
        "its state has an integer that is not exact",
        "its state has a missing nonce that cannot be",
        "its state has a generation that cannot be",
        "its state has too many ratchets",
      ].map((what) => `Cannot restore a frame opener: ${what}`),
      "Cannot start a key ratchet: generation # with # bytes, want an unsigned integer with # bytes",
    ],
    share: 1 / 8,
  },
  (state) => {
    const used = FrameOpener.restore(state, 1000);
    for (const frame of OPENED_AFTERWARDS) openFrame(used, frame, 2e9, "audio");
    return FrameOpener.restore(state, 1000);
  },
  (opener) => opener.exportState(1000),
);

// MLS: what is read, before any cryptography

/** Takes what a reader of MLS gives, or names its refusal. */
function attempt<T>(action: () => T, done: (value: T) => string): string {
  let value: T;
  try {
    value = action();
  } catch (error) {
    return refusal(error);
  }
  return done(value);
}

/** The code of an `MlsError`; throws what is none. */
function refusal(error: unknown): MlsErrorCode {
  rejection(error, MlsError);
  const { message, code } = error as MlsError;
  check(message.length < 200, () => `a message of ${message.length} characters`);
  check(!/[0-9a-f]{32}/.test(message), () => `a message with received bytes: ${message}`);
  return code;
}

/** An entry for a reader whose value is written again. */
function readerParser<T>(
  entry: Pick<Parser<Uint8Array>, "name" | "covers" | "seeds" | "outcomes" | "large">,
  take: (reader: Reader) => T,
  encode: (value: T) => Uint8Array,
  done: (value: T) => string = () => "taken",
): AnyParser {
  const run = (bytes: Uint8Array) =>
    attempt(() => takeWhole(bytes, take), (value) => {
      checkSame("what is written again", encode(value), bytes);
      return done(value);
    });
  return parser({ ...entry, domain: BYTES, share: 1 / 8, run });
}

// MLS: members

const GROUP_ID = hex("0807060504030201");
const STRANGER = 9;

function identityOf(id: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, id);
}

function isRecognized(identity: Uint8Array): boolean {
  return identity.length === 8 && identity[7] !== STRANGER;
}

/** The primitives, with randomness that is always the same. */
function realCrypto(): MlsCrypto {
  const random = seededRandom(11);
  return nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
}

/**
 * Cryptography that lets mutated messages through: ciphertext is plaintext, public keys hold
 * their private keys, all tags are zeros, and signatures and tags of ciphertexts are good where
 * a byte of theirs is below 0x80. Hashes are real, and so is all that follows from them.
 */
export function looseCrypto(): MlsCrypto {
  const isPublicKey = (bytes: Uint8Array) => bytes.length === 65 && bytes[0] === 4;
  return {
    ...realCrypto(),
    hmac: () => new Uint8Array(32),
    seal: (_key, _nonce, _aad, plain) => join(plain, new Uint8Array(16)),
    open: (_key, _nonce, _aad, sealed) =>
      sealed.length >= 16 && sealed[sealed.length - 16] < 0x80 ? sealed.slice(0, -16) : undefined,
    publicKey: (privateKey) => join(hex("04"), privateKey, new Uint8Array(32)),
    isPublicKey,
    agree: (privateKey, publicKey) =>
      isPublicKey(publicKey) ? privateKey.map((byte, i) => byte ^ publicKey[1 + i]) : undefined,
    sign: () => new Uint8Array(8),
    verify: (_key, _message, signature) => signature.length > 0 && signature[0] < 0x80,
  };
}

/** A call of four in its first epoch, and all that may come next. */
interface Scene {
  readonly crypto: MlsCrypto;
  /** A member with one proposal, to remove the last one. */
  readonly proposing: MlsMember;
  /** A member with all proposals. */
  readonly committing: MlsMember;
  /** Who comes, with a key package. */
  readonly joining: MlsMember;
  readonly keyPackages: readonly Uint8Array[];
  readonly externalSender: Uint8Array;
  readonly proposals: readonly Uint8Array[];
  readonly commits: readonly Uint8Array[];
  readonly welcomes: readonly Uint8Array[];
}

/** Plays it, the same way each time. The founder commits, the member at leaf 1 is to receive it. */
function play(makeCrypto: () => MlsCrypto): Scene {
  const crypto = makeCrypto();
  const gateway = new ExternalSender(crypto);
  const make = (id: number) => {
    const member = new MlsMember({ crypto, groupId: GROUP_ID, identity: identityOf(id) });
    member.setExternalSender(gateway.bytes);
    return member;
  };
  const add = (epoch: bigint, own: Uint8Array) => gateway.add(GROUP_ID, epoch, own);
  const remove = (leaf: number) => gateway.remove(GROUP_ID, 1n, leaf);
  const founder = make(1);
  const committing = make(2);
  const proposing = make(3);
  const last = make(4);
  const firstKeyPackages = [committing, proposing, last].map((each) => each.createKeyPackage());
  const first = encodeAppend(firstKeyPackages.map((own) => add(0n, own).message));
  founder.processProposals(first, isRecognized);
  const { commit, welcome } = founder.commit()!;
  founder.processCommit(commit);
  for (const each of [committing, proposing, last]) each.joinFromWelcome(welcome!);

  const joining = make(5);
  const keyPackage = joining.createKeyPackage();
  const added = add(1n, keyPackage);
  const lastRemoved = remove(3);
  const receiverRemoved = remove(1);
  const stranger = add(1n, make(STRANGER).createKeyPackage());
  const append = (...sent: { message: Uint8Array }[]) =>
    encodeAppend(sent.map(({ message }) => message));
  const commits: Uint8Array[] = [];
  const welcomes: Uint8Array[] = [];
  const commitAll = () => {
    const made = founder.commit()!;
    commits.push(made.commit);
    if (made.welcome !== undefined) welcomes.push(made.welcome);
  };
  founder.processProposals(append(added), isRecognized);
  commitAll();
  founder.processProposals(append(lastRemoved), isRecognized);
  commitAll();
  founder.processProposals(encodeRevoke([added.ref, lastRemoved.ref]), isRecognized);
  founder.processProposals(append(receiverRemoved), isRecognized);
  commitAll();
  committing.processProposals(append(added, lastRemoved, receiverRemoved), isRecognized);
  proposing.processProposals(append(lastRemoved), isRecognized);
  const ref = hashKeyPackage(crypto, keyPackage);
  const trimmed = welcomes.map((each) =>
    encodeWelcome(trimWelcome(takeWhole(each, takeWelcome), ref))
  );
  return {
    crypto,
    proposing,
    committing,
    joining,
    keyPackages: [keyPackage, ...firstKeyPackages],
    externalSender: gateway.bytes,
    proposals: [
      append(added),
      append(lastRemoved),
      append(added, receiverRemoved),
      append(stranger),
      encodeRevoke([lastRemoved.ref]),
      encodeRevoke([added.ref]),
      append({ message: commits[0] }),
      append(gateway.add(hex("00"), 1n, keyPackage), gateway.remove(GROUP_ID, 2n, 0)),
    ],
    commits: [...commits, commit, added.message],
    welcomes: [...trimmed, ...welcomes, welcome!],
  };
}

/** What can be seen of a member. */
function viewOf(member: MlsMember): string {
  const { epoch, epochAuthenticator, leafIndex, pendingProposals, roster } = member;
  const users = roster.map((entry) => `${entry.leafIndex} ${toHex(entry.identity)}`);
  const authenticator = epochAuthenticator === undefined ? "" : toHex(epochAuthenticator);
  return [epoch, authenticator, leafIndex, pendingProposals, ...users].join();
}

type Act = (member: MlsMember, message: Uint8Array) => string;

/** Received bytes are borrowed: what is done with them afterwards changes no member. */
function actOnBorrowed(act: Act, member: MlsMember, message: Uint8Array): string {
  const borrowed = message.slice();
  const outcome = act(member, borrowed);
  checkSame("the message", borrowed, message);
  const taken = viewOf(member);
  borrowed.fill(0xee);
  check(viewOf(member) === taken, () => "the member has a view of the message");
  return outcome;
}

/** Makes scenes: the same one again until its member has taken a message. */
class Stage {
  readonly #makeCrypto: () => MlsCrypto;
  #scene: Scene | undefined;

  constructor(makeCrypto: () => MlsCrypto) {
    this.#makeCrypto = makeCrypto;
  }

  get scene(): Scene {
    return this.#scene ??= play(this.#makeCrypto);
  }

  /**
   * Gives a message to a member, and sees that a refused one changes nothing.
   *
   * @param valid What the member must be able to take after a refusal. It costs a new scene,
   * so it is tried on one refusal of 32.
   */
  take(
    member: (scene: Scene) => MlsMember,
    act: Act,
    message: Uint8Array,
    valid?: Uint8Array,
  ): string {
    const target = member(this.scene);
    const before = viewOf(target);
    let outcome: string;
    try {
      outcome = actOnBorrowed(act, target, message);
    } catch (error) {
      outcome = refusal(error);
      const after = viewOf(target);
      check(after === before, () => `it was refused (${outcome}), and ${before} became ${after}`);
      if (valid === undefined || message.length % 32 !== 0) return outcome;
      act(target, valid);
    }
    if (viewOf(target) !== before) this.#scene = undefined;
    return outcome;
  }
}

function checkMember(member: MlsMember): void {
  const { roster, epoch, leafIndex } = member;
  if (epoch === undefined) return;
  checkInteger("members", roster.length, 1, MAX_LEAVES);
  roster.forEach((entry, i) => {
    checkInteger("leaf", entry.leafIndex, i === 0 ? 0 : roster[i - 1].leafIndex + 1, MAX_LEAVES);
  });
  check(roster.some((entry) => entry.leafIndex === leafIndex), () => "we are not in the roster");
  const secret = member.exportSecret("fuzz", identityOf(1), 16);
  check(secret.length === 16, () => `a secret of ${secret.length} bytes`);
}

const ACTIONS = {
  processProposals: (member: MlsMember, body: Uint8Array) => {
    const before = member.pendingProposals;
    member.processProposals(body, isRecognized);
    checkMember(member);
    const more = member.pendingProposals - before;
    return more > 0 ? "proposals" : more < 0 ? "revoked" : "nothing new";
  },
  processCommit: (member: MlsMember, message: Uint8Array) => {
    const outcome = member.processCommit(message);
    checkMember(member);
    check(member.pendingProposals === 0, () => "proposals are left");
    const epoch = outcome === "removed" ? undefined : 2n;
    check(member.epoch === epoch, () => `epoch ${member.epoch} after a commit`);
    return outcome;
  },
  joinFromWelcome: (member: MlsMember, welcome: Uint8Array) => {
    member.joinFromWelcome(welcome);
    checkMember(member);
    check(member.established, () => "it joined, and is not in the group");
    return "joined";
  },
} as const;

type ActionName = keyof typeof ACTIONS;

const TARGETS: {
  readonly [N in ActionName]: {
    readonly member: (scene: Scene) => MlsMember;
    readonly seeds: (scene: Scene) => readonly Uint8Array[];
  };
} = {
  processProposals: { member: (s) => s.proposing, seeds: (s) => s.proposals },
  processCommit: { member: (s) => s.committing, seeds: (s) => s.commits },
  joinFromWelcome: { member: (s) => s.joining, seeds: (s) => s.welcomes },
};

function memberParser(
  action: ActionName,
  loose: boolean,
  outcomes: readonly string[],
): AnyParser {
  const stage = new Stage(loose ? looseCrypto : realCrypto);
  const { member, seeds: seedsOf } = TARGETS[action];
  const seeds = seedsOf(stage.scene);
  return parser({
    name: `MlsMember.${action}${loose ? " with loose cryptography" : ""}`,
    covers: loose ? ["MlsMember"] : ["MlsMember", "isSignedBy"],
    domain: BYTES,
    seeds,
    outcomes,
    row: 2,
    share: loose ? 0.03 : 0.02,
    run: (message) => {
      const outcome = stage.take(member, ACTIONS[action], message, loose ? seeds[0] : undefined);
      if (!loose && action === "processCommit" && ["applied", "removed"].includes(outcome)) {
        const known = seeds.some((seed) => toHex(seed) === toHex(message));
        check(known, () => `a commit that nobody sent is ${outcome}`);
      }
      return outcome;
    },
  });
}

const REAL = play(realCrypto);
const LOOSE = play(looseCrypto);

/** States of members: founders, of four in a group, of one who waits, with and without a commit. */
function memberStates(): Uint8Array[] {
  const { crypto, proposing, committing, joining, externalSender } = play(looseCrypto);
  const fresh = new MlsMember({ crypto, groupId: GROUP_ID, identity: identityOf(1) });
  const resting = new MlsMember({ crypto, groupId: GROUP_ID, identity: identityOf(1) });
  resting.setExternalSender(externalSender);
  proposing.commit();
  const states = [fresh, resting, joining, committing, proposing].map((member) =>
    contentOf(member.exportState())
  );
  const [nothing, own] = states;
  // Before a group and the rest stand two vectors, a key, and the external sender.
  const who = nothing.subarray(0, 9 + 9 + 33);
  const orphan = join(who, hex("00"), own.subarray(who.length + 1 + externalSender.length));
  const removal = join(vector(hex("aa")), hex("000300000000"));
  const twice = join(who, hex("000000"), vector(removal, removal), hex("00"));
  return [...states, orphan, twice];
}

const memberState = stateParser(
  {
    name: "MlsMember.restore",
    covers: ["MlsMember", "readSnapshot"],
    seeds: memberStates(),
    outcomes: [
      "restored",
      ...[
        "its state is malformed",
        "its state has a key package with other keys",
        "its state has a commit without a group",
        "its state has a group without an external sender",
        "its state has another member at the own leaf",
        "its state has a private key of no node above the own leaf",
        "its state has a private key of another node",
        "its state has no private key of the own leaf",
        "its state has a proposal twice",
        "its state has a private key that is none",
        "its state has a secret of # bytes",
      ].map((what) => `Cannot restore a member: ${what}`),
    ],
    share: 1 / 16,
  },
  (state) => {
    const member = MlsMember.restore(state, LOOSE.crypto);
    checkMember(member);
    return member;
  },
  (member) => member.exportState(),
);

/** Trees of leaves and of all they can have: with parents, with blanks, with unmerged leaves. */
/** A tree whose last node is a parent: hidden now, it would be the root once the tree grows. */
function treeThatEndsWithParent(): Uint8Array {
  const { leaf } = takeWhole(LOOSE.keyPackages[0], takeKeyPackage);
  const tree = RatchetTree.ofMember(leaf);
  const { length: leafSize } = new Reader(tree.encode()).vector();
  tree.add(leaf);
  const { encryptionKey } = leaf;
  tree.setParent(1, { encryptionKey, parentHash: new Uint8Array(32), unmergedLeaves: [] });
  const nodes = new Reader(tree.encode()).vector();
  return vector(nodes.subarray(0, nodes.length - leafSize));
}

function treeSeeds(): Uint8Array[] {
  const leaves = LOOSE.keyPackages.map((own) => takeWhole(own, takeKeyPackage).leaf);
  const tree = RatchetTree.ofMember(leaves[0]);
  const seeds = [tree.encode()];
  for (const leaf of leaves.slice(1)) {
    tree.add(leaf);
    seeds.push(tree.encode());
  }
  const encryptionKey = leaves[0].encryptionKey;
  tree.setParent(1, { encryptionKey, parentHash: new Uint8Array(32), unmergedLeaves: [1] });
  seeds.push(tree.encode());
  tree.remove(2);
  return [...seeds, tree.encode(), treeThatEndsWithParent()];
}

const keyPackages = readerParser(
  {
    name: "takeKeyPackage, checkKeyPackage",
    covers: ["takeKeyPackage", "checkKeyPackage"],
    seeds: [...LOOSE.keyPackages, ...REAL.keyPackages],
    outcomes: ["valid", "malformed", "unsupported", "bad-key-package", "bad-signature"],
  },
  takeKeyPackage,
  encodeKeyPackage,
  (keyPackage) => {
    const encoded = encodeKeyPackage(keyPackage);
    const { message } = new ExternalSender(LOOSE.crypto).add(GROUP_ID, 1n, encoded);
    const { body } = takeWhole(message, takePublicMessage);
    check(body.type === "proposal" && body.proposal.type === "add", () => "it is no Add");
    checkSame("the one proposed", encodeKeyPackage(body.proposal.keyPackage), encoded);
    return attempt(() => checkKeyPackage(LOOSE.crypto, keyPackage), () => "valid");
  },
);

const externalSender = readerParser(
  {
    name: "takeExternalSender, MlsMember.setExternalSender",
    covers: ["takeExternalSender", "MlsMember"],
    seeds: [LOOSE.externalSender, REAL.externalSender, hex("00000100"), hex("0000010100")],
    outcomes: ["set", "malformed", "unsupported"],
  },
  takeExternalSender,
  ({ bytes }) => bytes,
  ({ bytes }) => {
    const identity = identityOf(1);
    const member = new MlsMember({ crypto: LOOSE.crypto, groupId: GROUP_ID, identity });
    const outcome = attempt(() => member.setExternalSender(bytes), () => "set");
    check((member.epoch === 0n) === (outcome === "set"), () => `epoch ${member.epoch}: ${outcome}`);
    const known = toHex(bytes) === toHex(LOOSE.externalSender);
    const before = viewOf(LOOSE.committing);
    const again = attempt(() => LOOSE.committing.setExternalSender(bytes), () => "set");
    check((again === "set") === known, () => `in an established group it is ${again}`);
    check(viewOf(LOOSE.committing) === before, () => "the established group has changed");
    return outcome;
  },
);

const publicMessages = readerParser(
  {
    name: "takePublicMessage",
    covers: ["takePublicMessage", "takeCommit", "takeProposal", "takeLeafNode"],
    seeds: [...REAL.commits, ...LOOSE.commits],
    outcomes: ["taken", "malformed", "unsupported"],
  },
  takePublicMessage,
  encodePublicMessage,
);

const welcomes = readerParser(
  {
    name: "takeWelcome",
    covers: ["takeWelcome", "takeHpkeCiphertext"],
    seeds: [...LOOSE.welcomes, ...REAL.welcomes],
    outcomes: ["taken", "malformed", "unsupported"],
  },
  takeWelcome,
  encodeWelcome,
);

const trees = readerParser(
  {
    name: "RatchetTree.take",
    covers: ["RatchetTree", "takeExtensions", "takeCredential"],
    seeds: treeSeeds(),
    outcomes: ["valid", "malformed", "unsupported", "bad-tree", "bad-signature"],
  },
  (reader) => RatchetTree.take(reader),
  (tree) => tree.encode(),
  (tree) => {
    const { leafCount } = tree;
    check(Number.isInteger(Math.log2(leafCount)), () => `${leafCount} leaves`);
    checkInteger("leaves", leafCount, 1, MAX_LEAVES);
    const before = tree.encode();
    checkHash("the hash", tree);
    const grown = tree.copy();
    const [[, leaf]] = tree.members();
    const added = grown.add(leaf);
    checkHash("the hash with one more", grown);
    grown.remove(added);
    checkHash("the hash without", grown);
    checkSame("the tree after its copy has changed", tree.encode(), before);
    return attempt(() => checkTree(LOOSE.crypto, tree, GROUP_ID), () => "valid");
  },
);

/** A hash that was kept is the one of the tree as others read it. */
function checkHash(what: string, tree: RatchetTree): void {
  const read = takeWhole(tree.encode(), (reader) => RatchetTree.take(reader));
  checkSame(what, tree.hash(LOOSE.crypto), read.hash(LOOSE.crypto));
}

const ids = parser({
  name: "decodeId",
  covers: ["decodeId"],
  domain: BYTES,
  seeds: [identityOf(1), hex("ffffffffffffffff"), hex("0100000000000000"), GROUP_ID],
  outcomes: ["id", "none"],
  share: 1 / 8,
  run: (identity) => {
    const id = decodeId(identity);
    check((id !== undefined) === (identity.length === 8), () => `${id}`);
    if (id === undefined) return "none";
    checkSame("the identity of the id", encodeId(id), identity);
    checkSame("the id the other way round", encodeId(id, true), identity.toReversed());
    return "id";
  },
});

// A whole session

const SESSION_USER = 2;
const SESSION_TIME = 1000;
/** Opcodes that mean something to a session, by the first byte of an input. */
const SESSION_OPS = [4, 11, 13, 21, 22, 24, 25, 27, 29, 30] as const;

function messageBytes(op: (typeof SESSION_OPS)[number], ...d: readonly Uint8Array[]): Uint8Array {
  return join(Uint8Array.of(SESSION_OPS.indexOf(op)), ...d);
}

/** An input as a message: payloads of JSON are read out of its bytes, as they come. */
function messageOf(input: Uint8Array): VoiceReceivePayload | undefined {
  const [first = 0, x = 0, y = 0, z = 0] = input;
  const op = SESSION_OPS[first % SESSION_OPS.length];
  const d = input.subarray(1);
  const transition_id = x << 8 | y;
  switch (op) {
    case 4: {
      const described = { mode: "", secret_key: new Secret(new Uint8Array(32)) };
      return { op, d: { ...described, dave_protocol_version: x % 3 } } as VoiceReceivePayload;
    }
    case 11:
      return { op, d: { user_ids: Array.from(d, String) } };
    case 13:
      return { op, d: { user_id: String(x) } };
    case 21:
      return { op, d: { transition_id, protocol_version: z % 3 } };
    case 22:
      return { op, d: { transition_id } };
    case 24:
      return { op, d: { protocol_version: x % 3, epoch: y } };
    default:
      return { op, d };
  }
}

interface SessionScene {
  readonly crypto: MlsCrypto;
  /** States of the session by name. */
  readonly states: Readonly<Record<string, Secret<Uint8Array>>>;
  readonly messages: readonly Uint8Array[];
}

function restoreSession(crypto: MlsCrypto, state: Secret<Uint8Array>): DaveSession {
  return DaveSession.restore(state, sessionOptions(crypto), SESSION_TIME);
}

function sessionOptions(crypto: MlsCrypto): DaveSessionOptions {
  return { userId: String(SESSION_USER), channelId: GROUP, crypto, aead: pureFrameAead };
}

const GROUP = String(BigInt(`0x${toHex(GROUP_ID)}`));

/** A session that joins a call of three, and all that it is told then. */
function playSession(): SessionScene {
  const crypto = looseCrypto();
  const gateway = new ExternalSender(crypto);
  let session = new DaveSession(sessionOptions(crypto));
  const states: Record<string, Secret<Uint8Array>> = {};
  const messages: Uint8Array[] = [];
  let keyPackage = new Uint8Array(0);
  const tell = (...[op, ...d]: Parameters<typeof messageBytes>) => {
    messages.push(messageBytes(op, ...d));
    session.handle(messageOf(messages.at(-1)!)!, SESSION_TIME);
    for (let output = session.poll(); output !== undefined; output = session.poll()) {
      if (output.type === "send" && output.message.op === 26) keyPackage = output.message.d.slice();
    }
  };
  const freeze = (name: string) => {
    states[name] = session.exportState(SESSION_TIME);
    session = restoreSession(crypto, states[name]);
  };
  const make = (id: number) => {
    const member = new MlsMember({ crypto, groupId: GROUP_ID, identity: identityOf(id) });
    member.setExternalSender(gateway.bytes);
    return member;
  };
  const [founder, other, guest] = [make(1), make(3), make(5)];
  const add = (epoch: bigint, own: Uint8Array) => gateway.add(GROUP_ID, epoch, own);
  tell(11, Uint8Array.of(1, 3, 5));
  freeze("idle");
  tell(4, Uint8Array.of(1));
  freeze("waiting");
  tell(25, gateway.bytes);
  freeze("founded");
  const first = [keyPackage, other.createKeyPackage()].map((own) => add(0n, own).message);
  founder.processProposals(encodeAppend(first), isRecognized);
  const { commit, welcome } = founder.commit()!;
  founder.processCommit(commit);
  tell(30, hex("0001"), welcome!);
  freeze("prepared");
  tell(22, hex("0001"));
  const added = add(1n, guest.createKeyPackage());
  const [removed, ownRemoval] = [2, 1].map((leaf) => gateway.remove(GROUP_ID, 1n, leaf));
  const commitOf = (...proposals: SentProposal[]) => {
    const body = encodeAppend(proposals.map(({ message }) => message));
    founder.processProposals(body, isRecognized);
    const made = founder.commit()!.commit;
    founder.processProposals(encodeRevoke(proposals.map(({ ref }) => ref)), isRecognized);
    return made;
  };
  const commits = [commitOf(added), commitOf(removed), commitOf(ownRemoval)];
  const proposals = [added, removed, ownRemoval].map(({ message }) => message);
  tell(27, encodeAppend(proposals));
  freeze("proposed");
  const more = [
    ...proposals.map((message) => messageBytes(27, encodeAppend([message]))),
    messageBytes(27, encodeRevoke([added.ref])),
    ...commits.map((each, i) => messageBytes(29, Uint8Array.of(0, i), each)),
    messageBytes(4, hex("00")),
    messageBytes(13, hex("03")),
    messageBytes(21, hex("000000")),
    messageBytes(21, hex("000901")),
    messageBytes(22, hex("0009")),
    messageBytes(24, hex("0101")),
    messageBytes(24, hex("0102")),
  ];
  return { crypto, states, messages: [...messages, ...more] };
}

const SESSION_SCENE = playSession();

/** Hands a message to a session, and names what came of it. */
function tellSession(session: DaveSession, message: VoiceReceivePayload, now: number): string {
  session.handle(message, now);
  const sent: number[] = [];
  const events: string[] = [];
  for (let output = session.poll(); output !== undefined; output = session.poll()) {
    if (output.type === "send") {
      sent.push(output.message.op);
      checkSent(output.message);
    } else events.push(output.event.type);
  }
  checkInteger("outputs", sent.length + events.length, 0, OUTPUT_LIMIT);
  checkSession(session, now);
  if (sent.includes(31)) return "recovery";
  if (sent.length > 0) return `sends ${sent.at(-1)}`;
  return events.includes("daveIgnored") ? "ignored" : session.state;
}

/** Messages that were held come all at once. */
const OUTPUT_LIMIT = 4 * HELD_LIMIT;

function checkSent({ op, d }: VoiceSendPayload): void {
  if (op === 23 || op === 31) return checkInteger("transition_id", d.transition_id, 0, 0xffff);
  check(op === 26 || op === 28, () => `op ${op} is sent`);
  check(d instanceof Uint8Array && d.length > 0, () => "an empty message is sent");
}

function checkSession(session: DaveSession, now: number): void {
  const { state, privacyCode, pendingTransitions, identities } = session;
  const established = state === "established";
  check(DAVE_STATES.includes(state), () => `the state is ${state}`);
  check(established === (privacyCode !== undefined), () => `${state} with code ${privacyCode}`);
  check(established || identities.length === 0, () => `${identities.length} members`);
  checkInteger("transitions that wait", pendingTransitions, 0, PENDING_LIMIT);
  const timeout = session.pollTimeout();
  check(timeout === undefined || Number.isFinite(timeout), () => `the timeout is ${timeout}`);
  const size = session.seal(PROBE, new Uint8Array(64));
  check(size >= 0 || session.sealFault === "no-key", () => `not sealed: ${session.sealFault}`);
  checkInteger("what is opened", session.open("1", PROBE, new Uint8Array(64), now), -1, 2);
}

function sessionParser(name: string, outcomes: readonly string[]): AnyParser {
  const { crypto, states, messages } = SESSION_SCENE;
  return {
    name: `DaveSession.handle while ${name}`,
    covers: ["DaveSession", "readSnapshot"],
    domain: BYTES,
    seeds: messages,
    outcomes: [...outcomes, "ignored", "recovery", "sends 23", "sends 26"],
    row: 16,
    share: 1 / 10,
    start: () => {
      const session = restoreSession(crypto, states[name]);
      let now = SESSION_TIME;
      return (input: Uint8Array) => {
        const borrowed = input.slice();
        const message = messageOf(borrowed)!;
        const outcome = tellSession(session, message, now += 2000);
        borrowed.fill(0xee);
        checkSession(session, now);
        return outcome;
      };
    },
  };
}

/** A state can be written in more ways than one; the second time it is as the first time. */
const sessionState = parser({
  name: "DaveSession.restore",
  covers: ["DaveSession", "readSnapshot"],
  domain: BYTES,
  seeds: Object.values(SESSION_SCENE.states).map(contentOf),
  outcomes: ["restored", "refused"],
  share: 1 / 16,
  run: (content) => {
    const handOn = (state: Secret<Uint8Array>) => {
      checkSession(restoreSession(SESSION_SCENE.crypto, state), SESSION_TIME);
      return restoreSession(SESSION_SCENE.crypto, state).exportState(SESSION_TIME, 0);
    };
    let again: Secret<Uint8Array>;
    try {
      again = handOn(makeSnapshot(STATE_VERSION, [content]));
    } catch (error) {
      rejection(error, RangeError);
      return "refused";
    }
    checkSame("the state the second time", handOn(again).reveal(), again.reveal());
    return "restored";
  },
});

/** The parsers of DAVE. */
export const DAVE_PARSERS: readonly AnyParser[] = [
  leb128,
  startCode,
  trailer,
  ...OPENER_SETTINGS.map(openerParser),
  layoutParser("vp8", hex("00")),
  layoutParser("h264", hex("0000000165b8fafafa")),
  layoutParser("h265", hex("000000012601afafaf")),
  layoutParser("av1", hex("3202aabb")),
  ratchetState,
  openerState,
  memberState,
  ids,
  keyPackages,
  externalSender,
  publicMessages,
  welcomes,
  trees,
  memberParser("processProposals", false, [
    ...["proposals", "revoked", "nothing new", "malformed", "unsupported", "wrong-group"],
    ...["wrong-epoch", "wrong-sender", "bad-signature", "unrecognized-user"],
  ]),
  memberParser("processProposals", true, [
    ...["proposals", "revoked", "nothing new", "malformed", "unsupported", "wrong-group"],
    ...["wrong-epoch", "wrong-sender", "bad-signature", "unrecognized-user", "bad-proposal"],
    ...["bad-key-package"],
  ]),
  memberParser("processCommit", false, [
    ...["applied", "removed", "malformed", "unsupported", "wrong-group", "wrong-epoch"],
    ...["wrong-sender", "bad-tag"],
  ]),
  memberParser("processCommit", true, [
    ...["applied", "removed", "malformed", "unsupported", "wrong-group", "wrong-epoch"],
    ...["wrong-sender", "bad-tag", "bad-signature", "bad-path", "unknown-proposal"],
  ]),
  memberParser("joinFromWelcome", false, [
    ...["joined", "malformed", "unsupported", "not-invited", "bad-ciphertext"],
  ]),
  memberParser("joinFromWelcome", true, [
    ...["joined", "malformed", "unsupported", "not-invited", "bad-ciphertext", "bad-tree"],
    ...["bad-signature", "bad-path", "bad-tag", "wrong-sender", "wrong-group"],
  ]),
  sessionState,
  sessionParser("idle", ["idle", "waiting", "off"]),
  sessionParser("waiting", ["waiting", "founded", "off"]),
  sessionParser("founded", ["founded", "off"]),
  sessionParser("prepared", ["established", "founded", "off", "sends 28"]),
  sessionParser("proposed", ["established", "founded", "off", "removed"]),
];
