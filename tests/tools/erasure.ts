/**
 * What every cipher must do once its key is erased.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import type { Aead } from "../../lib/aead.ts";
import { LocalProtocolError } from "../../lib/errors.ts";
import { randomBytes, seededRandom } from "./vectors.ts";

/** A cipher that can be erased, and its sizes. */
export interface Erasable {
  readonly make: (key: Uint8Array) => Aead;
  readonly keySize: number;
  readonly nonceSize: number;
  readonly tagSize: number;
}

const AAD_SIZE = 12;
const SIZE = 30;

/**
 * Demands that an erased cipher seals nothing, and opens nothing: neither what it sealed before nor
 * what anyone can seal under a key of zeros.
 */
export function assertErases({ make, keySize, nonceSize, tagSize }: Erasable): void {
  const random = seededRandom(keySize + nonceSize);
  const nonce = randomBytes(random, nonceSize);
  const aead = make(randomBytes(random, keySize));
  const sealedBy = (sealer: Aead) => {
    const packet = randomBytes(random, AAD_SIZE + SIZE + tagSize);
    sealer.seal(packet, AAD_SIZE, SIZE, nonce);
    return packet;
  };
  const into = new Uint8Array(SIZE);
  const opens = (packet: Uint8Array) => aead.open(packet, AAD_SIZE, SIZE, nonce, into);
  const own = sealedBy(aead);
  const forged = sealedBy(make(new Uint8Array(keySize)));
  assertEquals([own, forged].map(opens), [true, false]);
  into.fill(0xee);
  for (let time = 0; time < 2; time++) {
    aead.erase!();
    assertEquals([own, forged].map(opens), [false, false]);
    assertEquals(into, new Uint8Array(SIZE).fill(0xee));
    const packet = own.slice();
    assertThrows(
      () => aead.seal(packet, AAD_SIZE, SIZE, nonce),
      LocalProtocolError,
      "Cannot seal a packet: the key was erased",
    );
    assertEquals(packet, own);
  }
}
