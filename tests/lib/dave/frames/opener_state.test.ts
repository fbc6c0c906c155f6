// Invariant: an opener that was restored opens and refuses what the one it was taken from would
// have, which opens nothing any more.

import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { sealedSizeLimit } from "../../../../lib/dave/frames/codecs.ts";
import { FrameOpener, RATCHET_LIMIT } from "../../../../lib/dave/frames/frame_opener.ts";
import { FrameSealer } from "../../../../lib/dave/frames/frame_sealer.ts";
import { encodeInteger } from "../../../../lib/dave/frames/opener_state.ts";
import { FRAME_RATE_LIMIT, RATCHET_OVERLAP } from "../../../../lib/dave/frames/remote_ratchet.ts";
import { MISSING_LIMIT } from "../../../../lib/dave/frames/replay_window.ts";
import { concat } from "../../../../lib/dave/mls/bytes.ts";
import { optional, u64, vector } from "../../../../lib/dave/mls/codec.ts";
import { makeSnapshot } from "../../../../lib/dave/snapshot.ts";
import { Secret } from "../../../../lib/secret.ts";
import { hex, seededRandom, toHex, truncations } from "../../../tools/vectors.ts";

const VERSION = 1;
const FRAME = hex("00112233445566778899");
const PLAIN = toHex(FRAME);
const GENERATION = 2 ** 24;
/** The first nonce of generation 2. */
const LATER = 2 * GENERATION;
/** Milliseconds until a generation may be in use. */
const AGE = Math.ceil(GENERATION / FRAME_RATE_LIMIT) * 1000;

function secretOf(epoch: number): Uint8Array {
  return new Uint8Array(16).fill(epoch);
}

/** A sealed frame of an epoch. */
function frameOf(epoch: number, nonce: number): Uint8Array {
  const sealer = new FrameSealer();
  const secret = new Secret(secretOf(epoch));
  sealer.restore({ nonce: nonce - 1, generation: 0, secret, fingerprint: new Uint8Array(32) });
  const into = new Uint8Array(sealedSizeLimit("opus", FRAME.length));
  return into.slice(0, sealer.seal(FRAME, into));
}

/** The plaintext, or the fault. */
function open(opener: FrameOpener, frame: Uint8Array, now: number): string {
  const into = new Uint8Array(frame.length);
  const size = opener.open(frame, into, now);
  return size < 0 ? opener.fault : toHex(into.subarray(0, size));
}

/** An opener with all there is: two epochs, two generations, missing nonces, plaintext for a while. */
function rich(now: number): FrameOpener {
  const opener = new FrameOpener();
  opener.addRatchet(secretOf(1), now - 3 * AGE);
  for (const nonce of [1, LATER - 9, LATER - 5, LATER + 3]) {
    assertEquals(open(opener, frameOf(1, nonce), now - 1000), PLAIN);
  }
  opener.setPassthrough(true, now);
  opener.setPassthrough(false, now, 7000);
  opener.addRatchet(secretOf(2), now);
  assertEquals(open(opener, frameOf(2, 3), now), PLAIN);
  return opener;
}

test("FrameOpener that is handed on knows what came, whatever the clock is there", () => {
  const opener = FrameOpener.restore(rich(5 * AGE).exportState(5 * AGE), 100);
  assertEquals(opener.ratchetCount, 2);
  const again = [[1, LATER - 9], [1, LATER + 3], [2, 3]] as const;
  const faults = again.map(([epoch, nonce]) => open(opener, frameOf(epoch, nonce), 100));
  assertEquals(faults, ["bad-generation", "bad-generation", "replayed"]);
  for (const [epoch, nonce] of [[1, LATER - 8], [1, LATER + 1], [2, 1], [2, 4]] as const) {
    assertEquals(open(opener, frameOf(epoch, nonce), 100), PLAIN);
  }
});

test("FrameOpener that is handed on keeps the times that remain, to the millisecond", () => {
  const restore = () => FrameOpener.restore(rich(5 * AGE).exportState(5 * AGE + 500), 0);
  const old = restore();
  assertEquals(open(old, frameOf(1, LATER - 8), RATCHET_OVERLAP - 1500), PLAIN);
  assertEquals(open(old, frameOf(1, LATER - 7), RATCHET_OVERLAP - 1499), "bad-generation");
  assertEquals(open(old, frameOf(1, LATER + 4), RATCHET_OVERLAP - 500), PLAIN);
  assertEquals(open(old, frameOf(1, LATER + 5), RATCHET_OVERLAP - 499), "bad-generation");
  const plain = restore();
  assertEquals([open(plain, FRAME, 6499), open(plain, FRAME, 6500)], [PLAIN, "unencrypted"]);
});

test("FrameOpener that is handed on keeps plaintext without a limit, and the lack of it", () => {
  for (const on of [true, false]) {
    const opener = new FrameOpener();
    opener.setPassthrough(on, 50);
    const restored = FrameOpener.restore(opener.exportState(60), 0);
    assertEquals(restored.allowsPassthrough(0), on);
    assertEquals(restored.allowsPassthrough(1e9), on);
  }
});

test("FrameOpener that is handed on knows how old its epochs are", () => {
  const opener = new FrameOpener();
  opener.addRatchet(secretOf(1), 1000.5);
  const restored = FrameOpener.restore(opener.exportState(AGE + 999.75), 7);
  const frame = frameOf(1, GENERATION);
  assertEquals(open(restored, frame, 7), "bad-generation");
  assertEquals(open(restored, frame, 9), PLAIN);
});

test("FrameOpener that gave its state away opens nothing any more", () => {
  const opener = rich(5 * AGE);
  opener.exportState(5 * AGE);
  assertEquals(open(opener, frameOf(2, 7), 5 * AGE), "no-key");
  assertEquals(open(opener, FRAME, 5 * AGE), "unencrypted");
  assertEquals(opener.ratchetCount, 0);
  const empty = FrameOpener.restore(opener.exportState(0), 0);
  assertEquals(open(empty, frameOf(2, 7), 0), "no-key");
});

test("FrameOpener gives the same bytes at any clock, and shows none of them", () => {
  const state = rich(5 * AGE).exportState(5 * AGE);
  const before = toHex(state.reveal());
  const again = FrameOpener.restore(state, 1e6).exportState(1e6);
  assertEquals([toHex(again.reveal()), toHex(state.reveal())], [before, before]);
  assertEquals([String(state), JSON.stringify(state)], ["[redacted]", `"[redacted]"`]);
});

test("FrameOpener handed on again and again agrees with one that never was", () => {
  const random = seededRandom(3);
  const steady = new FrameOpener();
  let moved = new FrameOpener();
  let [now, offset, epoch, highest] = [0, 0, 1, 0];
  for (const opener of [steady, moved]) opener.addRatchet(secretOf(epoch), now);
  const met = new Map<string, number>();
  for (let round = 0; round < 1000; round++) {
    now += random() % 200;
    if (random() % 10 === 0) {
      const state = moved.exportState(now + offset);
      offset = random() % 1e6 - now;
      moved = FrameOpener.restore(state, now + offset);
    }
    if (random() % 40 === 0) {
      epoch++;
      highest = 0;
      steady.addRatchet(secretOf(epoch), now);
      moved.addRatchet(secretOf(epoch), now + offset);
    }
    const old = random() % 4 === 0;
    const nonce = old ? 1 + random() % 50 : Math.max(1, highest - 20 + random() % 30);
    if (!old) highest = Math.max(highest, nonce);
    const frame = frameOf(Math.max(1, old ? epoch - 1 : epoch), nonce);
    const [one, other] = [open(steady, frame, now), open(moved, frame, now + offset)];
    assertEquals(other, one);
    met.set(one, (met.get(one) ?? 0) + 1);
  }
  assertEquals([...met.keys()].sort(), [PLAIN, "bad-tag", "replayed"].sort());
});

test("FrameOpener.restore() refuses every truncation, changed bytes and other versions", () => {
  const opener = new FrameOpener();
  for (const epoch of [1, 2]) {
    opener.addRatchet(secretOf(epoch), 0);
    for (const nonce of [2, 5]) assertEquals(open(opener, frameOf(epoch, nonce), 0), PLAIN);
  }
  const bytes = opener.exportState(0).reveal();
  const restore = (state: Uint8Array) => FrameOpener.restore(new Secret(state), 0);
  for (const wrong of truncations(bytes)) assertThrows(() => restore(wrong), RangeError);
  const random = seededRandom(4);
  for (let i = 0; i < 2000; i++) {
    const wrong = bytes.slice();
    wrong[random() % wrong.length]! ^= 1 << random() % 8;
    assertThrows(() => restore(wrong), RangeError);
  }
  const later = makeSnapshot(2, [bytes.subarray(2, -32)]).reveal();
  assertThrows(() => restore(later), RangeError, "a frame opener: its state has version 2, want 1");
  assertEquals(restore(bytes).ratchetCount, 2);
});

/** A ratchet as it is written. */
function ratchetOf(options: {
  generation?: Uint8Array;
  secret?: number;
  highest?: number;
  missing?: readonly number[];
  generations?: readonly number[];
} = {}): Uint8Array {
  const { generation = encodeInteger(0), secret = 16, highest = 0 } = options;
  const { missing = [], generations = [] } = options;
  return concat(
    optional(undefined),
    encodeInteger(5),
    generation,
    vector(new Uint8Array(secret)),
    encodeInteger(highest),
    vector(...missing.map(encodeInteger)),
    vector(...generations.map((number) => concat(encodeInteger(number), optional(undefined)))),
  );
}

test("FrameOpener.restore() refuses what no opener can be, and soon", () => {
  const restore = (...ratchets: Uint8Array[]) => {
    const state = makeSnapshot(VERSION, [optional(undefined), vector(...ratchets)]);
    return FrameOpener.restore(state, 0);
  };
  const fault = (...ratchets: Uint8Array[]) => {
    return assertThrows(() => restore(...ratchets), RangeError).message;
  };
  const has = "Cannot restore a frame opener: its state has";
  const valid = ratchetOf({ highest: 9, missing: [0, 3, 7], generations: [0, 1, 1000] });
  assertEquals(restore(...Array<Uint8Array>(RATCHET_LIMIT).fill(valid)).ratchetCount, 16);
  assertEquals(
    fault(...Array<Uint8Array>(RATCHET_LIMIT + 1).fill(valid)),
    `${has} too many ratchets`,
  );
  for (const missing of [[3, 3], [4, 3], [8], [9]]) {
    assertEquals(
      fault(ratchetOf({ highest: 9, missing })),
      `${has} a missing nonce that cannot be`,
    );
  }
  const many = Array.from({ length: MISSING_LIMIT + 1 }, (_, nonce) => nonce);
  assertEquals(restore(ratchetOf({ highest: 5000, missing: many.slice(1) })).ratchetCount, 1);
  assertEquals(
    fault(ratchetOf({ highest: 5000, missing: many })),
    `${has} a missing nonce that cannot be`,
  );
  for (const generations of [[1001], [1, 1], [2, 1], [2 ** 40]]) {
    assertEquals(fault(ratchetOf({ generations })), `${has} a generation that cannot be`);
  }
  const generation = encodeInteger(2 ** 29);
  assertEquals(fault(ratchetOf({ generation })), `${has} a generation that cannot be`);
  assertEquals(
    fault(ratchetOf({ generation: u64(2n ** 53n) })),
    `${has} an integer that is not exact`,
  );
  assert(fault(ratchetOf({ secret: 15 })).startsWith("Cannot start a key ratchet"));
  assertEquals(
    fault(valid.subarray(0, -1)),
    "Cannot restore a frame opener: its state is malformed",
  );
});
