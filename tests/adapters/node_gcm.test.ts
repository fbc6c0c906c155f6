import { assertEquals, assertThrows } from "@std/assert";
import { createSecretKey } from "node:crypto";
import test from "node:test";
import { nodeAes256gcm } from "../../adapters/native_aead.ts";
import { nodeAes128gcm } from "../../adapters/native_frame_aead.ts";
import { nodeGcm } from "../../adapters/node_gcm.ts";
import { assertErases } from "../tools/erasure.ts";

const CIPHERS = [
  { name: "nodeAes256gcm", make: nodeAes256gcm, keySize: 32, tagSize: 16 },
  { name: "nodeAes128gcm", make: nodeAes128gcm, keySize: 16, tagSize: 8 },
];

for (const { name, make, keySize, tagSize } of CIPHERS) {
  test(`${name}() seals and opens nothing any more once it is erased`, () => {
    assertErases({ make, keySize, tagSize, nonceSize: 12 });
  });

  test(`${name}() seals nothing with a nonce of another size or in too little room`, () => {
    const aead = make(new Uint8Array(keySize));
    const packet = new Uint8Array(12 + 20 + tagSize).fill(7);
    const before = packet.slice();
    for (const size of [0, 11, 13, 16]) {
      assertThrows(
        () => aead.seal(packet, 12, 20, new Uint8Array(size)),
        RangeError,
        `Cannot seal with a nonce of ${size} bytes: the cipher takes 12 bytes`,
      );
    }
    assertThrows(
      () => aead.seal(packet.subarray(1), 12, 20, new Uint8Array(12)),
      RangeError,
      `Cannot seal a packet of ${32 + tagSize} bytes: the buffer has ${31 + tagSize} bytes`,
    );
    assertEquals(packet, before);
  });
}

test("nodeGcm() overwrites bytes of a key when it is erased, and cannot a key object", () => {
  const bytes = new Uint8Array(16).fill(5);
  nodeGcm("aes-128-gcm", bytes, 8).erase();
  assertEquals(bytes, new Uint8Array(16));
  const object = createSecretKey(new Uint8Array(32).fill(5));
  nodeGcm("aes-256-gcm", object, 16).erase();
  assertEquals(object.export()[0], 5);
});
