import { assert, assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import test from "node:test";
import { nobleAead, TAG_SIZE } from "../../lib/aead.ts";
import { pureAead } from "../../lib/pure_aead.ts";
import { bitFlips, randomBytes, seededRandom, truncations } from "../tools/vectors.ts";

const CIPHERS = [["aes256gcm", 12], ["xchacha20poly1305", 24]] as const;

/**
 * Packets between two looks at the heap, sealed and opened. One number on the heap for each would
 * be 12 bytes or more; where three batches in a row grow by less than a byte a packet, the optimised
 * code makes none. What the engine allocates before it has optimised is let pass.
 */
const BATCH = 10_000;

/** Bytes around what is borrowed, which must stay. */
const MARGIN = 5;

/** A packet with additional data and plaintext, and the same one sealed by noble. */
interface Sample {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly plain: Uint8Array;
  readonly packet: Uint8Array;
  readonly sealed: Uint8Array;
}

function sampleOf(cipher: typeof CIPHERS[number], aadSize: number, size: number): Sample {
  const [name, nonceSize] = cipher;
  const random = seededRandom(1 + 1000 * aadSize + size);
  const [key, nonce] = [randomBytes(random, 32), randomBytes(random, nonceSize)];
  const packet = randomBytes(random, aadSize + size + TAG_SIZE);
  const sealed = packet.slice();
  nobleAead[name](key).seal(sealed, aadSize, size, nonce);
  return { key, nonce, plain: packet.slice(aadSize, aadSize + size), packet, sealed };
}

for (const cipher of CIPHERS) {
  const [name, nonceSize] = cipher;
  const make = pureAead[name];
  const title = `pureAead.${name}`;

  test(`${title} seals and opens as noble does, at all sizes, inside of larger memory`, () => {
    const sizes = [...Array(301).keys(), 511, 512, 513, 1023, 1024, 1025, 1400, 4099];
    for (const size of sizes) {
      const aadSize = [12, 0, 1, 15, 16, 17, 20, 33, 100][size % 9];
      const { key, nonce, plain, packet, sealed } = sampleOf(cipher, aadSize, size);
      const aead = make(key);
      const memory = new Uint8Array(packet.length + 2 * MARGIN).fill(0xee);
      const view = memory.subarray(MARGIN, -MARGIN);
      view.set(packet);
      aead.seal(view, aadSize, size, nonce);
      const before = memory.slice();
      assertEquals(view, sealed, `${size} bytes`);
      const into = new Uint8Array(size + 2 * MARGIN).fill(0xee);
      assert(aead.open(view, aadSize, size, nonce, into.subarray(MARGIN)), `${size} bytes`);
      assertEquals(into.slice(MARGIN, MARGIN + size), plain);
      const around = [memory.subarray(0, MARGIN), memory.subarray(-MARGIN)];
      const beside = [into.subarray(0, MARGIN), into.subarray(MARGIN + size)];
      for (const margin of [...around, ...beside]) {
        assertEquals(margin, new Uint8Array(MARGIN).fill(0xee));
      }
      assertEquals(memory, before);
    }
  });

  test(`${title} opens into the packet's own memory, in place and at its start`, () => {
    for (const size of [0, 1, 3, 16, 63, 64, 65, 160, 300]) {
      for (const target of [12, 11, 9, 8, 0]) {
        const { key, nonce, plain, sealed } = sampleOf(cipher, 12, size);
        const packet = sealed.slice();
        assert(make(key).open(packet, 12, size, nonce, packet.subarray(target)));
        assertEquals(packet.slice(target, target + size), plain, `${size} bytes at ${target}`);
        assertEquals(packet.slice(target + size), sealed.slice(target + size));
      }
    }
  });

  for (const size of [0, 5, 40]) {
    test(`${title} refuses every flipped bit and truncation of ${size} bytes, and writes nothing`, () => {
      const { key, nonce, plain, sealed } = sampleOf(cipher, 12, size);
      const aead = make(key);
      const into = new Uint8Array(size).fill(0xee);
      for (const wrong of [...bitFlips(sealed), ...truncations(sealed)]) {
        const before = wrong.slice();
        assertEquals(aead.open(wrong, 12, size, nonce, into), false);
        assertEquals(wrong, before);
        if (wrong.length < 12 + size) continue;
        assertEquals(aead.open(wrong, 12, size, nonce, wrong.subarray(12)), false);
        assertEquals(wrong, before);
      }
      for (const wrong of bitFlips(nonce)) {
        assertEquals(aead.open(sealed, 12, size, wrong, into), false);
      }
      for (const wrong of bitFlips(key)) {
        assertEquals(make(wrong).open(sealed, 12, size, nonce, into), false);
      }
      assertEquals(into, new Uint8Array(size).fill(0xee));
      assert(aead.open(sealed, 12, size, nonce, into));
      assertEquals(into, plain);
    });
  }

  test(`${title} opens nothing with a nonce of another size or into too little room`, () => {
    const { key, nonce, sealed } = sampleOf(cipher, 12, 20);
    const into = new Uint8Array(20);
    for (const wrong of [nonce.subarray(1), Uint8Array.from([...nonce, 0]), new Uint8Array(0)]) {
      assertEquals(make(key).open(sealed, 12, 20, wrong, into), false);
    }
    assertEquals(make(key).open(sealed, 12, 20, nonce, into.subarray(1)), false);
    assertEquals(into, new Uint8Array(20));
  });

  test(`${title} seals nothing with a nonce of another size or in too little room`, () => {
    const { key, nonce, packet } = sampleOf(cipher, 12, 20);
    const before = packet.slice();
    const aead = make(key);
    for (const wrong of [nonce.subarray(1), Uint8Array.from([...nonce, 0])]) {
      assertThrows(
        () => aead.seal(packet, 12, 20, wrong),
        RangeError,
        `Cannot seal with a nonce of ${wrong.length} bytes: the cipher takes ${nonceSize} bytes`,
      );
    }
    assertThrows(
      () => aead.seal(packet.subarray(1), 12, 20, nonce),
      RangeError,
      "Cannot seal a packet of 48 bytes: the buffer has 47 bytes",
    );
    assertEquals(packet, before);
  });

  // Bun's heap has no counter that sees single objects.
  if ("Bun" in globalThis) continue;
  test(`${title} allocates nothing for a packet`, () => {
    const packet = new Uint8Array(200);
    const [nonce, into] = [new Uint8Array(nonceSize), new Uint8Array(160)];
    const aead = make(new Uint8Array(32).fill(3));
    const growth = () => {
      const before = process.memoryUsage().heapUsed;
      for (let n = 0; n < BATCH; n++) {
        nonce[0] = n;
        aead.seal(packet, 12, 160, nonce);
        aead.open(packet, 12, 160, nonce, into);
      }
      return process.memoryUsage().heapUsed - before;
    };
    const growths: number[] = [];
    const isQuiet = () => growths.slice(-3).every((bytes) => Math.abs(bytes) < BATCH);
    while (growths.length < 3 || !isQuiet()) {
      assert(growths.length < 40, `Bytes in ${BATCH} packets: ${growths.join(", ")}`);
      growths.push(growth());
    }
  });
}
