import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { LocalProtocolError } from "../../../../lib/errors.ts";
import type { FrameAead, FrameAeadProvider } from "../../../../lib/dave/frames/aead.ts";
import { KeyRatchet } from "../../../../lib/dave/frames/key_ratchet.ts";
import { SendRatchet, type SendRatchetState } from "../../../../lib/dave/frames/send_ratchet.ts";
import { Secret } from "../../../../lib/secret.ts";
import { hex, toHex } from "../../../tools/vectors.ts";

const BASE = hex("cedd61b1b8a1ca69046554282cf70b7b");
const GENERATION = 2 ** 24;
const KEYED: FrameAeadProvider = { aes128gcm: (key) => new KeyedAead(toHex(key)) };

class KeyedAead implements FrameAead {
  readonly key: string;
  erased = false;
  constructor(key: string) {
    this.key = key;
  }
  seal(): void {}
  open(): boolean {
    return true;
  }
  erase(): void {
    this.erased = true;
  }
}

function aeadOf(ratchet: SendRatchet): KeyedAead {
  return ratchet.aead as KeyedAead;
}

function keyOf(generation: number): string {
  return toHex(new KeyRatchet(BASE).deriveKey(generation));
}

/** A ratchet whose last nonce is this one. */
function ratchetAt(nonce: number): SendRatchet {
  const ratchet = new KeyRatchet(BASE);
  ratchet.advance(Math.max(0, Math.floor(nonce / GENERATION) - 1));
  const { generation, secret } = ratchet.state();
  const fingerprint = new Uint8Array(32);
  return SendRatchet.restore({ nonce, generation, secret: new Secret(secret), fingerprint }, KEYED);
}

test("SendRatchet spends 1, 2, 3", () => {
  const ratchet = SendRatchet.start(BASE, KEYED);
  assertEquals(ratchet.nonce, 0);
  assertEquals([ratchet.spend(), ratchet.spend(), ratchet.spend(), ratchet.nonce], [1, 2, 3, 3]);
  assertEquals(aeadOf(ratchet).key, keyOf(0));
});

test("SendRatchet takes the next key with the first nonce of a generation, and erases the last", () => {
  const ratchet = ratchetAt(GENERATION - 2);
  assertEquals(ratchet.spend(), GENERATION - 1);
  const last = aeadOf(ratchet);
  assertEquals([last.key, last.erased], [keyOf(0), false]);
  assertEquals(ratchet.spend(), GENERATION);
  assertEquals([aeadOf(ratchet).key, last.erased], [keyOf(1), true]);
  assertEquals(ratchet.spend(), GENERATION + 1);
  assertEquals(aeadOf(ratchet).key, keyOf(1));
});

test("SendRatchet wraps the nonce at 2^32 and goes on with generation 256", () => {
  const ratchet = ratchetAt(2 ** 32 - 2);
  assertEquals(ratchet.spend(), 2 ** 32 - 1);
  assertEquals(aeadOf(ratchet).key, keyOf(255));
  assertEquals([ratchet.spend(), ratchet.nonce], [0, 2 ** 32]);
  assertEquals(aeadOf(ratchet).key, keyOf(256));
  assertEquals(ratchet.spend(), 1);
});

test("SendRatchet.export() counts a reserve as spent and erases the keys", () => {
  const ratchet = SendRatchet.start(BASE, KEYED);
  ratchet.spend();
  const aead = aeadOf(ratchet);
  const state = ratchet.export(100);
  assertEquals([state.nonce, state.generation, aead.erased], [101, 0, true]);
  const other = SendRatchet.restore(state, KEYED);
  assertEquals(toHex(other.fingerprint), toHex(ratchet.fingerprint));
  assertEquals([other.spend(), aeadOf(other).key], [102, keyOf(0)]);
});

test("SendRatchet.export() may reserve into later generations", () => {
  const state = SendRatchet.start(BASE, KEYED).export(3 * GENERATION + 4);
  const ratchet = SendRatchet.restore(state, KEYED);
  assertEquals([ratchet.spend(), aeadOf(ratchet).key], [3 * GENERATION + 5, keyOf(3)]);
});

test("the state of a SendRatchet does not show its secret", () => {
  const state = SendRatchet.start(BASE, KEYED).export(0);
  for (const text of [JSON.stringify(state), inspect(state, { depth: 9 }), String(state.secret)]) {
    assert(!text.includes("206") && !text.includes(toHex(BASE)), text);
  }
});

const HOSTILE: readonly (readonly [what: string, change: Partial<SendRatchetState>])[] = [
  ["a nonce that is no integer", { nonce: 1.5 }],
  ["a negative nonce", { nonce: -1 }],
  ["a nonce that is not exact", { nonce: 2 ** 53 }],
  ["NaN", { nonce: NaN }],
  ["a nonce far behind its generation", { nonce: 300 * GENERATION }],
  ["a later generation", { generation: 1 }],
  ["a secret of another size", { secret: new Secret(new Uint8Array(15)) }],
  ["a fingerprint of another size", { fingerprint: new Uint8Array(31) }],
];

for (const [what, change] of HOSTILE) {
  test(`SendRatchet.restore() refuses ${what}`, () => {
    const state = { ...SendRatchet.start(BASE, KEYED).export(0), ...change };
    assertThrows(() => SendRatchet.restore(state, KEYED), RangeError, "Cannot ");
  });
}

test("SendRatchet stops where counting would not be exact", () => {
  const secret = new Secret(new Uint8Array(32));
  const nonce = Number.MAX_SAFE_INTEGER;
  const state = { nonce, generation: 2 ** 29 - 1, secret, fingerprint: new Uint8Array(32) };
  const ratchet = SendRatchet.restore(state, KEYED);
  assertThrows(() => ratchet.spend(), LocalProtocolError, "all nonces");
  assertEquals(ratchet.nonce, nonce);
});
