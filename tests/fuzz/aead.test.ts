// Invariant: the ciphers in TypeScript seal and open each packet as noble's do, whatever is in it
// and wherever it stands; what was changed on its way they refuse, and write nothing.

import { gcm } from "@noble/ciphers/aes.js";
import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { type Aead, nobleAead, wrapNoble } from "../../lib/aead.ts";
import { pureFrameAead } from "../../lib/dave/frames/mod.ts";
import { pureAead } from "../../lib/pure_aead.ts";
import { seededRandom } from "../tools/vectors.ts";
import { RUNS, SEED } from "./harness.ts";

interface Pair {
  readonly keySize: number;
  readonly nonceSize: number;
  readonly tagSize: number;
  readonly pure: (key: Uint8Array) => Aead;
  readonly noble: (key: Uint8Array) => Aead;
}

const PAIRS: Readonly<Record<string, Pair>> = {
  "AES-256-GCM": {
    keySize: 32,
    nonceSize: 12,
    tagSize: 16,
    pure: pureAead.aes256gcm,
    noble: nobleAead.aes256gcm,
  },
  "XChaCha20-Poly1305": {
    keySize: 32,
    nonceSize: 24,
    tagSize: 16,
    pure: pureAead.xchacha20poly1305,
    noble: nobleAead.xchacha20poly1305,
  },
  "AES-128-GCM of DAVE": {
    keySize: 16,
    nonceSize: 12,
    tagSize: 8,
    pure: pureFrameAead.aes128gcm,
    noble: (key) => wrapNoble(gcm, key),
  },
};

/** A seeded source of sizes and bytes. */
class Source {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  below(limit: number): number {
    return this.#next() % limit;
  }

  /** Of every kind that sums and carries may care for. */
  bytes(size: number): Uint8Array {
    const kind = this.below(6);
    if (kind < 2) return new Uint8Array(size).fill(kind === 0 ? 0 : 0xff);
    const extremes = [0, 0xff, 0x80, 1];
    return new Uint8Array(size).map(() => kind === 2 ? extremes[this.below(4)] : this.below(256));
  }

  /** Mostly those of Opus frames, seldom large. */
  size(): number {
    return this.below([20, 80, 200, 400][this.below(4)]) + (this.below(50) === 0 ? 4000 : 0);
  }
}

/** One packet, there and back. */
function tryPacket({ keySize, nonceSize, tagSize, pure, noble }: Pair, source: Source): void {
  const [key, nonce] = [source.bytes(keySize), source.bytes(nonceSize)];
  const [aadSize, size, margin] = [source.below(40), source.size(), source.below(9)];
  const aead = pure(key);

  // Noble's tag always has 16 bytes; DAVE sends the first 8.
  const wanted = new Uint8Array(aadSize + size + 16);
  wanted.set(source.bytes(aadSize + size));
  const packet = new Uint8Array(margin + aadSize + size + tagSize).subarray(margin);
  packet.set(wanted.subarray(0, aadSize + size));
  const plain = packet.slice(aadSize, aadSize + size);
  noble(key).seal(wanted, aadSize, size, nonce);
  aead.seal(packet, aadSize, size, nonce);
  assertEquals(packet, wanted.slice(0, packet.length));

  const wrong = packet.slice();
  wrong[source.below(wrong.length)] ^= 1 << source.below(8);
  const before = wrong.slice();
  assertEquals(aead.open(wrong, aadSize, size, nonce, wrong.subarray(aadSize)), false);
  assertEquals(wrong, before);

  const inPlace = source.below(2) === 0;
  const into = inPlace ? packet.subarray(aadSize) : new Uint8Array(size + 1).subarray(1);
  assert(aead.open(packet, aadSize, size, nonce, into));
  assertEquals(into.slice(0, size), plain);
}

for (const [name, pair] of Object.entries(PAIRS)) {
  const runs = Math.ceil(RUNS / 20);
  test(`${name}: ${runs} packets equal noble's, seed ${SEED}`, () => {
    for (let n = 0; n < runs; n++) {
      const seed = 100_000 * SEED + n;
      try {
        tryPacket(pair, new Source(seed));
      } catch (cause) {
        throw new Error(`A packet of seed ${seed} differs`, { cause });
      }
    }
  });
}
