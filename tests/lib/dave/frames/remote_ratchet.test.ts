import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import type { FrameAead, FrameAeadProvider } from "../../../../lib/dave/frames/aead.ts";
import { KeyRatchet } from "../../../../lib/dave/frames/key_ratchet.ts";
import {
  FRAME_RATE_LIMIT,
  GENERATION_GAP,
  RATCHET_OVERLAP,
  RemoteRatchet,
} from "../../../../lib/dave/frames/remote_ratchet.ts";
import { hex, toHex } from "../../../tools/vectors.ts";

const SECRET = hex("cedd61b1b8a1ca69046554282cf70b7b");
/** Milliseconds until a generation may be in use. */
const AGE = Math.ceil(2 ** 24 / FRAME_RATE_LIMIT) * 1000;

/** Ciphers that know their key, and whether they were erased. */
class Keys implements FrameAeadProvider {
  readonly live: string[] = [];
  readonly aes128gcm = (bytes: Uint8Array): FrameAead & { key: string } => {
    const key = toHex(bytes);
    this.live.push(key);
    return {
      key,
      seal: () => {},
      open: () => true,
      erase: () => void this.live.splice(this.live.indexOf(key), 1),
    };
  };
}

function keyOf(generation: number): string {
  return toHex(new KeyRatchet(SECRET).deriveKey(generation));
}

/** The nonce as it is sent. */
function nonce(generation: number, count: number): number {
  return (generation % 256) * 2 ** 24 + count;
}

function start(now = 0): { ratchet: RemoteRatchet; keys: Keys } {
  const keys = new Keys();
  return { ratchet: new RemoteRatchet(SECRET, now, keys), keys };
}

function accept(ratchet: RemoteRatchet, generation: number, count: number, now: number): void {
  const aead = ratchet.prepare(nonce(generation, count), now) as { key: string } | undefined;
  assertEquals(aead?.key, keyOf(generation));
  ratchet.accept(now);
}

test("RemoteRatchet has one cipher for a generation and refuses a nonce that came", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 1, 0);
  accept(ratchet, 0, 2, 0);
  assertEquals(keys.live, [keyOf(0)]);
  assertEquals([ratchet.prepare(nonce(0, 2), 0), ratchet.fault], [undefined, "replayed"]);
  assertEquals(ratchet.prepare(nonce(0, 1), 0), undefined);
});

test("RemoteRatchet.prepare() alone spends nothing", () => {
  const { ratchet } = start(0);
  for (let i = 0; i < 3; i++) assert(ratchet.prepare(nonce(0, 1), 0));
  assert(ratchet.prepare(nonce(1, 5), AGE));
  assert(ratchet.prepare(nonce(0, 1), AGE + 20 * RATCHET_OVERLAP));
});

test("RemoteRatchet refuses a generation until it can be due, to the second", () => {
  const { ratchet } = start(500);
  for (const [generation, due] of [[1, AGE], [2, 2 * 2 ** 24 / FRAME_RATE_LIMIT * 1000]]) {
    const at = 500 + Math.ceil(due / 1000) * 1000;
    assertEquals(ratchet.prepare(nonce(generation, 0), at - 1), undefined);
    assertEquals(ratchet.fault, "bad-generation");
    assert(ratchet.prepare(nonce(generation, 0), at));
  }
});

test("RemoteRatchet refuses a generation more than 250 ahead of the newest", () => {
  const { ratchet } = start();
  const late = 1000 * AGE;
  assertEquals(ratchet.prepare(nonce(GENERATION_GAP + 1, 0), late), undefined);
  assertEquals(ratchet.fault, "bad-generation");
  accept(ratchet, GENERATION_GAP, 0, late);
  accept(ratchet, GENERATION_GAP + 1, 0, late);
});

test("RemoteRatchet keeps an older generation for 10 s after a newer one, to the millisecond", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 7, 0);
  accept(ratchet, 1, 0, AGE);
  assertEquals(keys.live, [keyOf(0), keyOf(1)]);
  accept(ratchet, 0, 2 ** 24 - 1, AGE + RATCHET_OVERLAP);
  assertEquals(ratchet.prepare(nonce(0, 2 ** 24 - 2), AGE + RATCHET_OVERLAP + 1), undefined);
  assertEquals(ratchet.fault, "bad-generation");
  assertEquals(keys.live, [keyOf(1)]);
  accept(ratchet, 1, 1, AGE + RATCHET_OVERLAP + 1);
});

test("RemoteRatchet does not give an older generation more time with each newer one", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 7, 0);
  accept(ratchet, 1, 0, 2 * AGE);
  accept(ratchet, 2, 0, 2 * AGE + 5000);
  ratchet.expire(2 * AGE + RATCHET_OVERLAP + 1);
  assertEquals(keys.live, [keyOf(1), keyOf(2)]);
  ratchet.expire(2 * AGE + 5000 + RATCHET_OVERLAP + 1);
  assertEquals(keys.live, [keyOf(2)]);
});

test("RemoteRatchet.expire() erases an older generation without a frame", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 7, 0);
  accept(ratchet, 1, 0, AGE);
  ratchet.expire(AGE + RATCHET_OVERLAP);
  assertEquals(keys.live.length, 2);
  ratchet.expire(AGE + RATCHET_OVERLAP + 1);
  assertEquals(keys.live, [keyOf(1)]);
});

test("RemoteRatchet opens late frames of a generation that was jumped over", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 1, 0);
  accept(ratchet, 3, 900, 3 * AGE);
  accept(ratchet, 2, 2 ** 24 - 1, 3 * AGE + 5000);
  assertEquals(ratchet.prepare(nonce(0, 0), 3 * AGE + RATCHET_OVERLAP + 1), undefined);
  accept(ratchet, 2, 2 ** 24 - 2, 3 * AGE + 5000 + RATCHET_OVERLAP);
  ratchet.expire(3 * AGE + 5000 + RATCHET_OVERLAP + 1);
  assertEquals(keys.live, [keyOf(3)]);
});

test("RemoteRatchet follows a counter that wraps at 2^32", () => {
  const { ratchet } = start();
  const at = 300 * AGE;
  accept(ratchet, 200, 5, at);
  accept(ratchet, 255, 2 ** 24 - 1, at);
  ratchet.expire(at + RATCHET_OVERLAP + 1);
  accept(ratchet, 256, 0, at + RATCHET_OVERLAP + 1);
  accept(ratchet, 256, 1, at + RATCHET_OVERLAP + 1);
  assertEquals(ratchet.prepare(nonce(256, 1), at + RATCHET_OVERLAP + 1), undefined);
});

test("RemoteRatchet keeps one cipher that was never verified, and erases all", () => {
  const { ratchet, keys } = start();
  accept(ratchet, 0, 1, 0);
  for (const generation of [1, 2, 3, 2]) ratchet.prepare(nonce(generation, 9), 9 * AGE);
  assertEquals(keys.live, [keyOf(0), keyOf(2)]);
  accept(ratchet, 0, 2, 9 * AGE);
  assertEquals(keys.live, [keyOf(0)]);
  ratchet.prepare(nonce(1, 0), 9 * AGE);
  ratchet.erase();
  assertEquals(keys.live, []);
});
