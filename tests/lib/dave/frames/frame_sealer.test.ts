import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { gcm } from "@noble/ciphers/aes.js";
import test from "node:test";
import { inspect } from "node:util";
import type { FrameAeadProvider } from "../../../../lib/dave/frames/aead.ts";
import { type FrameCodec, sealedSizeLimit } from "../../../../lib/dave/frames/codecs.ts";
import { FrameOpener } from "../../../../lib/dave/frames/frame_opener.ts";
import {
  FrameSealer,
  NONCE_RESERVE,
  NONCE_RESERVE_LIMIT,
  SEAL_ATTEMPTS,
} from "../../../../lib/dave/frames/frame_sealer.ts";
import { findStartCode } from "../../../../lib/dave/frames/h26x.ts";
import { KeyRatchet } from "../../../../lib/dave/frames/key_ratchet.ts";
import type { SendRatchetState } from "../../../../lib/dave/frames/send_ratchet.ts";
import { LocalProtocolError } from "../../../../lib/errors.ts";
import { Secret } from "../../../../lib/secret.ts";
import { hex, randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

const SECRET = hex("cedd61b1b8a1ca69046554282cf70b7b");
const KEY = new KeyRatchet(SECRET).deriveKey(0);
const FRAME = hex("00112233445566778899");

function sealerOf(secret = SECRET): FrameSealer {
  const sealer = new FrameSealer();
  sealer.setRatchet(secret);
  return sealer;
}

function seal(sealer: FrameSealer, frame = FRAME, codec: FrameCodec = "opus"): Uint8Array {
  const into = new Uint8Array(sealedSizeLimit(codec, frame.length));
  const size = sealer.seal(frame, into, codec);
  assert(size >= 0, sealer.fault);
  return into.subarray(0, size);
}

/** What a frame of nonce 1 to 127 must be. */
function wantedFrame(nonce: number, plain: Uint8Array): string {
  const iv = new Uint8Array(12);
  iv[8] = nonce;
  const box = gcm(KEY, iv).encrypt(plain).subarray(0, plain.length + 8);
  return toHex(box) + toHex(Uint8Array.of(nonce, 12)) + "fafa";
}

test("FrameSealer.seal() numbers frames from 1 and cuts the tag", () => {
  const sealer = sealerOf();
  for (const nonce of [1, 2, 3]) {
    assertEquals(toHex(seal(sealer)), wantedFrame(nonce, FRAME));
    assertEquals(sealer.nonce, nonce);
  }
  assertEquals(toHex(seal(sealer, hex(""))), wantedFrame(4, hex("")));
});

test("FrameSealer.seal() leaves the frame and what is behind its room alone", () => {
  const frame = FRAME.slice();
  const into = new Uint8Array(40).fill(0xee);
  const size = sealerOf().seal(frame, into);
  assertEquals([size, toHex(frame)], [22, toHex(FRAME)]);
  assertEquals(toHex(into.subarray(size)), "ee".repeat(18));
});

test("FrameSealer.seal() adds 12 to 16 bytes to Opus, by the size of the nonce", () => {
  for (const [nonce, overhead] of [[0, 12], [127, 13], [2 ** 14, 14], [2 ** 21, 15]]) {
    const sealer = new FrameSealer();
    sealer.restore(stateAt(nonce));
    assertEquals(seal(sealer).length - FRAME.length, overhead);
  }
});

test("FrameSealer.seal() starts again with 1 under a new secret only", () => {
  const sealer = sealerOf();
  seal(sealer);
  assertThrows(() => sealer.setRatchet(SECRET), LocalProtocolError, "is the one of the last");
  assertEquals(sealer.nonce, 1);
  const other = hex("000102030405060708090a0b0c0d0e0f");
  sealer.setRatchet(other);
  assertEquals(sealer.nonce, 0);
  assertEquals(toHex(seal(sealer)), toHex(seal(sealerOf(other))));
  sealer.erase();
  assertEquals([sealer.ready, sealer.nonce], [false, 0]);
  assertThrows(() => sealer.setRatchet(other), LocalProtocolError, "is the one of the last");
});

test("FrameSealer.seal() refuses without a key, and in passthrough needs none", () => {
  const sealer = new FrameSealer();
  const into = new Uint8Array(40);
  assertEquals([sealer.seal(FRAME, into), sealer.fault, sealer.ready], [-1, "no-key", false]);
  sealer.setPassthrough(true);
  assertEquals(toHex(seal(sealer)), toHex(FRAME));
  sealer.setRatchet(SECRET);
  assertEquals([toHex(seal(sealer)), sealer.nonce], [toHex(FRAME), 0]);
  sealer.setPassthrough(false);
  assertEquals(toHex(seal(sealer)), wantedFrame(1, FRAME));
});

test("FrameSealer.seal() sends silence in clear, if it is of Opus and not told otherwise", () => {
  const silence = hex("f8fffe");
  const sealer = sealerOf();
  assertEquals([toHex(seal(sealer, silence)), sealer.nonce], ["f8fffe", 0]);
  assertEquals(seal(sealer, silence, "vp9").length, 15);
  const strict = new FrameSealer({ sealSilence: true });
  strict.setRatchet(SECRET);
  assertEquals(toHex(seal(strict, silence)), wantedFrame(1, silence));
});

test("FrameSealer.seal() demands room before it spends a nonce", () => {
  const sealer = sealerOf();
  assertThrows(() => sealer.seal(FRAME, new Uint8Array(25)), RangeError, "has 25 bytes, want 26");
  assertEquals(sealer.nonce, 0);
  assertEquals(sealer.seal(FRAME, new Uint8Array(26)), 22);
});

test("FrameSealer.seal() refuses what has more clear ranges than a trailer can tell", () => {
  const slice = hex("00000165b8aabb");
  for (const [slices, sealed] of [[60, true], [100, false], [200, false]] as const) {
    const frame = new Uint8Array(slices * slice.length);
    for (let i = 0; i < slices; i++) frame.set(slice, i * slice.length);
    const sealer = sealerOf();
    const into = new Uint8Array(sealedSizeLimit("h264", frame.length));
    assertEquals(sealer.seal(frame, into, "h264") > 0, sealed, `${slices} slices`);
    if (!sealed) assertEquals([sealer.fault, sealer.nonce], ["too-many-ranges", 0]);
  }
});

/** A cipher whose ciphertext holds a start code for the first nonces. */
function startCodes(until: number): FrameAeadProvider {
  return {
    aes128gcm: () => ({
      seal(packet, aadSize, _plainSize, nonce) {
        packet.fill(0x55, aadSize);
        if (nonce[8] < until) packet.set([0, 0, 1], aadSize + 2);
      },
      open: () => false,
      erase: () => {},
    }),
  };
}

test("FrameSealer.seal() takes another nonce where H26x ciphertext holds a start code", () => {
  const h264 = hex("0000000165b8" + "aa".repeat(20));
  const h265 = hex("000000012601" + "aa".repeat(20));
  for (const [codec, frame] of [["h264", h264], ["h265", h265]] as const) {
    const sealer = new FrameSealer({ aead: startCodes(SEAL_ATTEMPTS) });
    sealer.setRatchet(SECRET);
    assertEquals(seal(sealer, frame, codec)[6 + 14], 0x55);
    assertEquals(sealer.nonce, SEAL_ATTEMPTS);
    const unlucky = new FrameSealer({ aead: startCodes(SEAL_ATTEMPTS + 1) });
    unlucky.setRatchet(SECRET);
    assertEquals(unlucky.seal(frame, new Uint8Array(400), codec), -1);
    assertEquals([unlucky.fault, unlucky.nonce], ["start-code", SEAL_ATTEMPTS]);
  }
  const opus = new FrameSealer({ aead: startCodes(SEAL_ATTEMPTS) });
  opus.setRatchet(SECRET);
  seal(opus, h264);
  assertEquals(opus.nonce, 1);
});

test("FrameSealer.seal() leaves no start code but its own in thousands of H264 slices", () => {
  const random = seededRandom(4);
  const sealer = sealerOf();
  const into = new Uint8Array(20_000);
  let opened = 0;
  for (let round = 0; round < 300; round++) {
    const body = randomBytes(random, 9000).map((byte) => byte | 2);
    const frame = Uint8Array.of(0, 0, 0, 1, 0x65, 0xb8, ...body);
    const size = sealer.seal(frame, into, "h264");
    assert(size > 0);
    assertEquals(findStartCode(into, 0, size), 1);
    assertEquals(findStartCode(into, 4, size), -1);
    opened++;
  }
  // About one in 1900 ciphertexts of this size holds one by chance.
  assert(sealer.nonce >= opened);
});

function stateAt(nonce: number): SendRatchetState {
  return {
    nonce,
    generation: 0,
    secret: new Secret(SECRET),
    fingerprint: new Uint8Array(32),
  };
}

test("FrameSealer.exportState() ends the sealer, and another goes on behind the reserve", () => {
  const sealer = sealerOf();
  seal(sealer);
  const state = sealer.exportState()!;
  assertEquals(state.nonce, 1 + NONCE_RESERVE);
  for (
    const action of [
      () => sealer.seal(FRAME, new Uint8Array(99)),
      () => sealer.setRatchet(FRAME),
      () => sealer.exportState(),
      () => sealer.restore(state),
    ]
  ) {
    const error = assertThrows(action);
    assert(error instanceof Error && /^Cannot /.test(error.message));
  }
  assertThrows(() => sealer.seal(FRAME, new Uint8Array(99)), LocalProtocolError, "was exported");
  const other = new FrameSealer();
  other.restore(state);
  const opener = new FrameOpener();
  opener.addRatchet(SECRET, 0);
  assertEquals(opener.open(seal(other), new Uint8Array(99), 0), FRAME.length);
  assertEquals(other.nonce, 2 + NONCE_RESERVE);
  assertThrows(() => other.setRatchet(SECRET), LocalProtocolError, "is the one of the last");
  assertThrows(() => other.restore(state), LocalProtocolError, "is the one of the last");
});

test("FrameSealer.exportState() has no state without a ratchet, and demands a reserve", () => {
  const sealer = new FrameSealer();
  for (const reserve of [-1, 0.5, NaN, Infinity, NONCE_RESERVE_LIMIT + 1]) {
    assertThrows(() => sealer.exportState(reserve), RangeError, "want 0 to");
  }
  assertEquals(sealer.exportState(), undefined);
  assertThrows(() => sealer.setRatchet(SECRET), LocalProtocolError, "was exported");
});

test("FrameSealer shows no key", () => {
  const sealer = sealerOf();
  seal(sealer);
  for (const text of [JSON.stringify(sealer), inspect(sealer, { depth: 9, showHidden: true })]) {
    for (const secret of [SECRET, KEY]) {
      assert(!text.includes(toHex(secret)) && !text.includes([...secret].join(", ")), text);
    }
  }
});

test("FrameSealer never sends the same bytes for the same frame", () => {
  const sealer = sealerOf();
  assertNotEquals(toHex(seal(sealer)), toHex(seal(sealer)));
});
