import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { nativeFrameAead } from "../../adapters/native_frame_aead.ts";
import { FRAME_TAG_SIZE } from "../../lib/dave/frames/aead.ts";
import { FrameOpener, FrameSealer, pureFrameAead } from "../../lib/dave/frames/mod.ts";
import {
  bitFlips,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  truncations,
} from "../tools/vectors.ts";

interface WycheproofGroup {
  readonly keySize: number;
  readonly tests: readonly {
    readonly tcId: number;
    readonly key: string;
    readonly iv: string;
    readonly aad: string;
    readonly msg: string;
    readonly ct: string;
    readonly tag: string;
  }[];
}

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const NONCE = hex("000000000000000001000000");

/** Seals with both: the same bytes, and nothing is written behind them. */
function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  const packet = new Uint8Array(aad.length + plain.length + FRAME_TAG_SIZE + 1).fill(0xee);
  packet.set(aad);
  packet.set(plain, aad.length);
  const expected = packet.slice();
  nativeFrameAead.aes128gcm(key).seal(packet, aad.length, plain.length, nonce);
  pureFrameAead.aes128gcm(key).seal(expected, aad.length, plain.length, nonce);
  assertEquals(toHex(packet), toHex(expected));
  return packet.subarray(0, -1);
}

test("nativeFrameAead equals pureFrameAead at all sizes, and opens what it seals", () => {
  const random = seededRandom(1);
  for (let size = 0; size <= 1400; size += size < 70 ? 1 : 133) {
    for (const aadSize of [0, 1, 16, 17, 100]) {
      const [key, nonce] = [randomBytes(random, 16), randomBytes(random, 12)];
      const plain = randomBytes(random, size);
      const packet = seal(key, nonce, randomBytes(random, aadSize), plain);
      const before = packet.slice();
      const into = new Uint8Array(size + 1).fill(0xee);
      const opened = nativeFrameAead.aes128gcm(key).open(packet, aadSize, size, nonce, into);
      assertEquals(opened, true);
      assertEquals(toHex(into), toHex(plain) + "ee");
      assertEquals(packet, before);
    }
  }
});

test("nativeFrameAead gives the verdicts of pureFrameAead on Wycheproof's cases, and how many", () => {
  let count = 0;
  const { testGroups } = loadVectors<{ testGroups: WycheproofGroup[] }>(
    "wycheproof/aes_gcm_test.json",
  );
  const cases = testGroups.filter(({ keySize }) => keySize === 128).flatMap(({ tests }) => tests);
  for (const { tcId, key, iv, aad, msg, ct, tag } of cases) {
    const packet = hex(aad + ct + tag.slice(0, 2 * FRAME_TAG_SIZE));
    const results = [nativeFrameAead, pureFrameAead].map((provider) => {
      const into = new Uint8Array(msg.length / 2 + 1).fill(0xee);
      const aead = provider.aes128gcm(hex(key));
      const opened = aead.open(packet, aad.length / 2, ct.length / 2, hex(iv), into);
      return `${opened} ${toHex(into)}`;
    });
    assertEquals(results[0], results[1], `case ${tcId}`);
    seal(hex(key), hex(iv), hex(aad), hex(msg));
    count++;
  }
  assertEquals(count, 67);
});

test("nativeFrameAead refuses every flipped bit and every truncation, and writes nothing", () => {
  const packet = seal(KEY, NONCE, hex("aabbcc"), hex("0011223344556677889900aabbccddeeff"));
  const aead = nativeFrameAead.aes128gcm(KEY);
  const into = new Uint8Array(17);
  for (const wrong of [...bitFlips(packet), ...truncations(packet)]) {
    assertEquals(aead.open(wrong, 3, 17, NONCE, into), false);
    assertEquals(toHex(into), "00".repeat(17));
  }
  for (const wrong of bitFlips(NONCE)) assertEquals(aead.open(packet, 3, 17, wrong, into), false);
  assertEquals(aead.open(packet, 4, 16, NONCE, into), false);
  assertEquals(aead.open(packet, 3, 17, NONCE, into), true);
});

test("nativeFrameAead keeps a key of its own until it is erased", () => {
  const packet = seal(KEY, NONCE, hex(""), hex("001122"));
  const key = KEY.slice();
  const aead = nativeFrameAead.aes128gcm(key);
  key.fill(0);
  assertEquals(aead.open(packet, 0, 3, NONCE, new Uint8Array(3)), true);
  aead.erase();
  assertEquals(aead.open(packet, 0, 3, NONCE, new Uint8Array(3)), false);
});

test("nativeFrameAead reads a key and a message that are views", () => {
  const memory = hex("ffffff000102030405060708090a0b0c0d0e0fff");
  const wanted = seal(KEY, NONCE, hex(""), hex("001122"));
  assertEquals(seal(memory.subarray(3, 19), NONCE, hex(""), hex("001122")), wanted);
});

for (const size of [0, 15, 17, 32]) {
  test(`nativeFrameAead refuses a key of ${size} bytes`, () => {
    assertThrows(
      () => nativeFrameAead.aes128gcm(new Uint8Array(size)),
      RangeError,
      `${size} bytes`,
    );
  });
}

test("FrameSealer and FrameOpener work across nativeFrameAead and pureFrameAead", () => {
  const secret = new Uint8Array(16).fill(3);
  const frame = hex("f8112233445566778899aabbccddeeff00");
  for (const [from, to] of [[nativeFrameAead, pureFrameAead], [pureFrameAead, nativeFrameAead]]) {
    const sealer = new FrameSealer({ aead: from });
    const opener = new FrameOpener(to);
    sealer.setRatchet(secret);
    opener.addRatchet(secret, 0);
    const [sealed, opened] = [new Uint8Array(100), new Uint8Array(100)];
    for (let n = 0; n < 300; n++) {
      const size = sealer.seal(frame, sealed);
      assertEquals(opener.open(sealed.subarray(0, size), opened, 0), frame.length);
      assertEquals(opened.subarray(0, frame.length), frame);
    }
  }
});
