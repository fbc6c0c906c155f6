import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Buffer } from "node:buffer";
import { ctr, gcm } from "@noble/ciphers/aes.js";
import { chacha20, hchacha } from "@noble/ciphers/chacha.js";
import { KernelCiphers } from "../../../adapters/kernels/ciphers.ts";
import { Kernels } from "../../../adapters/kernels/kernels.ts";
import { type Aead, nobleAead, TAG_SIZE, wrapNoble } from "../../../lib/aead.ts";
import { FRAME_TAG_SIZE } from "../../../lib/dave/frames/aead.ts";
import { LocalProtocolError } from "../../../lib/errors.ts";
import { assertErases } from "../../tools/erasure.ts";
import { bitFlips, randomBytes, seededRandom, toHex, truncations } from "../../tools/vectors.ts";

const kernels = new Kernels();
const ciphers = new KernelCiphers(kernels);

interface Cipher {
  readonly name: string;
  readonly keySize: number;
  readonly nonceSize: number;
  readonly tagSize: number;
  make(key: Uint8Array, fallback?: (key: Uint8Array) => Aead): Aead;
  /** With a whole tag. */
  noble(key: Uint8Array): Aead;
  /** What stands in the module's memory of a key, as it is, before the first message. */
  prepared(key: Uint8Array): Uint8Array[];
  /** And after a message of 160 bytes. */
  used(key: Uint8Array, nonce: Uint8Array): Uint8Array[];
}

function unneeded(): never {
  throw new Error("the fallback is not needed");
}

/** Key stream for the tag and 160 bytes of message. */
const gcmSecrets: Pick<Cipher, "prepared" | "used"> = {
  prepared: (key) => [ctr(key, new Uint8Array(16)).encrypt(new Uint8Array(16))],
  used: (key, nonce) => [
    ctr(key, Uint8Array.from([...nonce, 0, 0, 0, 1])).encrypt(new Uint8Array(16 + 160)),
  ],
};

function xchachaSubkey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice().buffer);
  const subkey = new Uint32Array(8);
  const sigma = words(new TextEncoder().encode("expand 32-byte k"));
  hchacha(sigma, words(key), words(nonce.subarray(0, 16)), subkey);
  return new Uint8Array(subkey.buffer);
}

const CIPHERS: readonly Cipher[] = [
  {
    name: "xchacha20poly1305",
    keySize: 32,
    nonceSize: 24,
    tagSize: TAG_SIZE,
    make: (key, fallback = unneeded) => ciphers.xchacha20poly1305(key, fallback),
    noble: nobleAead.xchacha20poly1305,
    prepared: (key) => [key],
    used(key, nonce) {
      const subkey = xchachaSubkey(key, nonce);
      const rest = Uint8Array.from([0, 0, 0, 0, ...nonce.subarray(16)]);
      return [key, subkey, chacha20(subkey, rest, new Uint8Array(64 + 160))];
    },
  },
  {
    name: "aes256gcm",
    keySize: 32,
    nonceSize: 12,
    tagSize: TAG_SIZE,
    make: (key, fallback = unneeded) => ciphers.aes256gcm(key, fallback),
    noble: nobleAead.aes256gcm,
    ...gcmSecrets,
  },
  {
    name: "aes128gcm",
    keySize: 16,
    nonceSize: 12,
    tagSize: FRAME_TAG_SIZE,
    make: (key, fallback = unneeded) =>
      ciphers.aes128gcm(key, (own) => ({ erase() {}, ...fallback(own) })),
    noble: (key) => wrapNoble(gcm, key),
    ...gcmSecrets,
  },
];

/** The bytes of a packet and its tag as noble makes them; what follows is left alone. */
function expected(
  cipher: Cipher,
  key: Uint8Array,
  packet: Uint8Array,
  aadSize: number,
  size: number,
  nonce: Uint8Array,
): Uint8Array {
  const whole = new Uint8Array(aadSize + size + TAG_SIZE);
  whole.set(packet.subarray(0, aadSize + size));
  cipher.noble(key).seal(whole, aadSize, size, nonce);
  const result = packet.slice();
  result.set(whole.subarray(0, aadSize + size + cipher.tagSize));
  return result;
}

const GUARD = 40;

/** Seals and opens at several places; noble must agree, and nothing else may be written. */
function check(cipher: Cipher, aead: Aead, key: Uint8Array, message: {
  readonly nonce: Uint8Array;
  readonly aadSize: number;
  readonly size: number;
  readonly place: (size: number, at?: number) => Uint8Array;
}): void {
  const { nonce, aadSize, size, place } = message;
  const total = aadSize + size + cipher.tagSize;
  const memory = place(total + 2 * GUARD);
  memory.set(randomBytes(seededRandom(size), memory.length));
  const packet = memory.subarray(GUARD, GUARD + total);
  const plain = packet.slice(aadSize, aadSize + size);
  const wanted = memory.slice();
  wanted.set(expected(cipher, key, packet, aadSize, size, nonce), GUARD);
  aead.seal(packet, aadSize, size, nonce);
  assertEquals(toHex(memory), toHex(wanted), `${aadSize} + ${size}`);

  const room = place(size + 2 * GUARD, 6000).fill(0xee);
  assertEquals(aead.open(packet, aadSize, size, nonce, room.subarray(GUARD, GUARD + size)), true);
  assertEquals(toHex(room.subarray(GUARD, -GUARD)), toHex(plain));
  assertEquals(
    toHex(room.subarray(0, GUARD)) + toHex(room.subarray(-GUARD)),
    "ee".repeat(2 * GUARD),
  );
  assertEquals(toHex(memory), toHex(wanted));
}

for (const cipher of CIPHERS) {
  const { name, keySize, nonceSize, tagSize, make } = cipher;

  /** Memory that is used over and over: what was given is never taken back. */
  const inside = ciphers.allocate(12_000);
  const places = [
    (size: number) => new Uint8Array(size),
    (size: number, at = 3) => inside.subarray(at, at + size),
  ];

  test(`${name} equals noble at all sizes, inside and outside of the kernels' memory`, () => {
    const random = seededRandom(nonceSize);
    const key = randomBytes(random, keySize);
    const aead = make(key);
    for (let size = 0; size < 420; size++) {
      const nonce = randomBytes(random, nonceSize);
      const aadSize = [0, 12, 16, 33][size % 4]!;
      check(cipher, aead, key, { nonce, aadSize, size, place: places[random() % 2]! });
    }
    for (const size of [767, 768, 769, 1500, 4095]) {
      for (const place of places) {
        const nonce = randomBytes(random, nonceSize);
        check(cipher, aead, key, { nonce, aadSize: 1024, size, place });
      }
    }
  });

  test(`${name} takes nonces in any order: counters of both byte orders, wraps, repetitions`, () => {
    const random = seededRandom(1);
    const key = randomBytes(random, keySize);
    const aead = make(key);
    const counters = [0, 1, 2, 3, 4, 5, 9, 8, 7, 7, 0xfffffffe, 0xffffffff, 0, 1, 255, 256, 65535];
    for (const isBigEndian of [true, false]) {
      for (const end of [0, 1]) {
        for (const counter of [...counters, 0x1000000, 0x2000000, 0x80000000]) {
          const nonce = new Uint8Array(nonceSize);
          new DataView(nonce.buffer).setUint32(0, counter, !isBigEndian);
          nonce[nonceSize - 1] = end;
          nonce[7] = end;
          check(cipher, aead, key, { nonce, aadSize: 12, size: 40, place: places[0]! });
        }
      }
    }
  });

  test(`${name} refuses every flipped bit and every truncation, and writes nothing`, () => {
    const random = seededRandom(2);
    const aead = make(randomBytes(random, keySize));
    const nonce = randomBytes(random, nonceSize);
    const packet = randomBytes(random, 3 + 17 + tagSize);
    aead.seal(packet, 3, 17, nonce);
    const into = new Uint8Array(17);
    for (const wrong of [...bitFlips(packet), ...truncations(packet)]) {
      assertEquals(aead.open(wrong, 3, 17, nonce, into), false);
    }
    for (const wrong of bitFlips(nonce)) {
      assertEquals(aead.open(packet, 3, 17, wrong, into), false);
    }
    assertEquals(aead.open(packet, 4, 16, nonce, into), false);
    assertEquals(toHex(into), "00".repeat(17));
    assertEquals(aead.open(packet, 3, 17, nonce, into), true);
  });

  test(`${name} opens into the packet's own memory, wherever that begins`, () => {
    const random = seededRandom(3);
    const aead = make(randomBytes(random, keySize));
    const nonce = randomBytes(random, nonceSize);
    const size = 200;
    for (const place of places) {
      for (const shift of [-20, -16, -5, 0, 1, 15, 16, 17, 199, 200, 230]) {
        const memory = place(600);
        const packet = memory.subarray(100, 100 + 12 + size + tagSize);
        packet.set(randomBytes(random, packet.length));
        const plain = toHex(packet.subarray(12, 12 + size));
        aead.seal(packet, 12, size, nonce);
        const into = memory.subarray(112 + shift, 112 + shift + size);
        assertEquals(aead.open(packet, 12, size, nonce, into), true);
        assertEquals(toHex(into), plain, `${shift}`);
      }
    }
  });

  test(`${name} keeps a key of its own until it is erased, and another gets its place clean`, () => {
    const random = seededRandom(4);
    const key = randomBytes(random, keySize);
    const nonce = new Uint8Array(nonceSize);
    const given = key.slice();
    const aead = make(given);
    given.fill(0);
    check(cipher, aead, key, { nonce, aadSize: 12, size: 30, place: places[0]! });
    aead.erase!();
    const other = randomBytes(random, keySize);
    check(cipher, make(other), other, { nonce, aadSize: 12, size: 30, place: places[0]! });
  });

  test(`${name} seals and opens nothing any more once it is erased, nor does its fallback`, () => {
    assertErases({ make, keySize, nonceSize, tagSize });
    const erased = make(new Uint8Array(keySize), cipher.noble);
    erased.erase!();
    const packet = new Uint8Array(12 + 65_537 + TAG_SIZE);
    assertThrows(
      () => erased.seal(packet, 12, 65_537, new Uint8Array(nonceSize)),
      LocalProtocolError,
    );
    cipher.noble(new Uint8Array(keySize)).seal(packet, 12, 65_537, new Uint8Array(nonceSize));
    const into = new Uint8Array(65_537);
    assertEquals(erased.open(packet, 12, 65_537, new Uint8Array(nonceSize), into), false);
  });

  test(`${name} leaves nothing of its key in the module's memory once it is erased`, () => {
    const random = seededRandom(6);
    for (const use of ["nothing", "sealing", "opening"] as const) {
      const [key, nonce] = [randomBytes(random, keySize), randomBytes(random, nonceSize)];
      const aead = make(key);
      const packet = randomBytes(random, 12 + 160 + TAG_SIZE);
      if (use === "sealing") aead.seal(packet, 12, 160, nonce);
      if (use === "opening") {
        packet.set(expected(cipher, key, packet, 12, 160, nonce));
        assertEquals(aead.open(packet, 12, 160, nonce, packet.subarray(12)), true);
      }
      const secrets = use === "nothing" ? cipher.prepared(key) : cipher.used(key, nonce);
      const pieces = secrets.flatMap((secret) =>
        Array.from(
          { length: secret.length / 8 },
          (_, i) => Buffer.from(secret.slice(8 * i, 8 * i + 8)),
        )
      );
      const end = new Uint8Array(inside.buffer).findLastIndex((byte) => byte !== 0);
      const written = Buffer.from(inside.buffer, 0, end + 1);
      assertEquals(pieces.filter((piece) => !written.includes(piece)), [], use);
      aead.erase!();
      assertEquals(pieces.filter((piece) => written.includes(piece)), [], use);
    }
  });

  test(`${name} leaves to the fallback what is too large, with the same key`, () => {
    const random = seededRandom(5);
    const key = randomBytes(random, keySize);
    let made = 0;
    const noble = (own: Uint8Array) => {
      made++;
      const whole = cipher.noble(own);
      // Only whether it is asked counts here: its tag may be longer.
      return { seal: whole.seal, open: whole.open };
    };
    const aead = make(key, noble);
    const nonce = randomBytes(random, nonceSize);
    for (const [aadSize, size] of [[12, 65_520], [12, 65_536], [1025, 10]] as const) {
      const packet = randomBytes(random, aadSize + size + TAG_SIZE);
      const plain = toHex(packet.subarray(aadSize, aadSize + size));
      aead.seal(packet, aadSize, size, nonce);
      const into = new Uint8Array(size);
      assertEquals(aead.open(packet, aadSize, size, nonce, into), true);
      assertEquals(toHex(into), plain);
    }
    assertEquals(made, 1);
    aead.erase!();
  });

  test(`${name} refuses buffers that are too small, and keys and nonces of other sizes`, () => {
    const aead = make(new Uint8Array(keySize));
    const nonce = new Uint8Array(nonceSize);
    const packet = new Uint8Array(12 + 30 + tagSize);
    assertThrows(() => aead.seal(packet, 12, 31, nonce), RangeError, "the buffer has");
    aead.seal(packet, 12, 30, nonce);
    assertEquals(aead.open(packet, 12, 30, nonce, new Uint8Array(29)), false);
    for (const wrong of [nonce.subarray(1), new Uint8Array(nonceSize + 1)]) {
      assertThrows(() => aead.seal(packet, 12, 30, wrong), RangeError, "nonce");
      assertEquals(aead.open(packet, 12, 30, wrong, new Uint8Array(30)), false);
    }
    for (const size of [0, 15, 31, 33]) {
      assertThrows(() => make(new Uint8Array(size)), RangeError, `${size} bytes`);
    }
  });
}

test("KernelCiphers keeps thousands of keys apart, and has a cipher for those beyond its slots", () => {
  const own = new KernelCiphers(new Kernels());
  const nonce = new Uint8Array(24);
  const packet = new Uint8Array(12 + 3 + TAG_SIZE);
  const keyOf = (n: number) => new Uint8Array(32).fill(n & 255).fill(n >> 8, 0, 9);
  const all = Array.from(
    { length: 8200 },
    (_, n) => own.xchacha20poly1305(keyOf(n), nobleAead.xchacha20poly1305),
  );
  for (const n of [0, 1, 4095, 8191, 8192, 8199]) {
    const wanted = packet.slice();
    nobleAead.xchacha20poly1305(keyOf(n)).seal(wanted, 12, 3, nonce);
    const sealed = packet.slice();
    all[n]!.seal(sealed, 12, 3, nonce);
    assertEquals(toHex(sealed), toHex(wanted), `key ${n}`);
  }
  for (const aead of all) aead.erase!();
  own.xchacha20poly1305(keyOf(1), unneeded).seal(packet, 12, 3, nonce);
});

test("KernelCiphers.allocate() gives memory that is zero, its own, and outside once there is no more", () => {
  const own = new KernelCiphers(new Kernels());
  const buffers = [1, 2048, 100_000, 200_000, 70_000].map((size) => own.allocate(size));
  assertEquals(buffers.map(({ length }) => length), [1, 2048, 100_000, 200_000, 70_000]);
  const inside = buffers.filter(({ buffer }) => buffer === buffers[0]!.buffer);
  assertEquals(inside.map(({ length }) => length), [1, 2048, 100_000, 70_000]);
  for (const buffer of buffers) {
    assertEquals(buffer.every((byte) => byte === 0), true);
    buffer.fill(1);
  }
  const key = new Uint8Array(32).fill(9);
  const packet = new Uint8Array(60);
  own.aes256gcm(key, unneeded).seal(packet, 12, 32, new Uint8Array(12));
  for (const buffer of buffers) assertEquals(buffer.every((byte) => byte === 1), true);
});
