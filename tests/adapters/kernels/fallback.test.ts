// In a process without WebAssembly, which each test file has to itself.

import { assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import test from "node:test";
import { kernelCiphers } from "../../../adapters/kernels/load.ts";
import { nativeAead, nativeModes } from "../../../adapters/native_aead.ts";
import { nativeFrameAead } from "../../../adapters/native_frame_aead.ts";
import { nobleAead, TAG_SIZE } from "../../../lib/aead.ts";
import { FRAME_TAG_SIZE } from "../../../lib/dave/frames/aead.ts";
import { pureFrameAead } from "../../../lib/dave/frames/mod.ts";
import { randomBytes, seededRandom, toHex } from "../../tools/vectors.ts";

(globalThis as { WebAssembly: unknown }).WebAssembly = undefined;

test("nativeAead is as good without WebAssembly, for packets of all sizes", () => {
  assertEquals(kernelCiphers(), undefined);
  const random = seededRandom(1);
  for (const [name, nonceSize] of [["aes256gcm", 12], ["xchacha20poly1305", 24]] as const) {
    const key = randomBytes(random, 32);
    const [native, noble] = [nativeAead[name](key), nobleAead[name](key)];
    for (let size = 0; size < 300; size += 7) {
      const packet = nativeAead.allocate(12 + size + TAG_SIZE);
      packet.set(randomBytes(random, packet.length));
      const [plain, expected] = [packet.slice(12, 12 + size), packet.slice()];
      const nonce = randomBytes(random, nonceSize);
      native.seal(packet, 12, size, nonce);
      noble.seal(expected, 12, size, nonce);
      assertEquals(toHex(packet), toHex(expected));
      const into = new Uint8Array(size);
      assertEquals(native.open(packet, 12, size, nonce, into), true);
      assertEquals(into, plain);
      packet[12 + size] ^= 1;
      assertEquals(native.open(packet, 12, size, nonce, into), false);
    }
  }
});

test("nativeFrameAead is as good without WebAssembly", () => {
  const key = randomBytes(seededRandom(2), 16);
  const [packet, expected] = [new Uint8Array(60), new Uint8Array(60)];
  nativeFrameAead.aes128gcm(key).seal(packet, 3, 57 - FRAME_TAG_SIZE, new Uint8Array(12));
  pureFrameAead.aes128gcm(key).seal(expected, 3, 57 - FRAME_TAG_SIZE, new Uint8Array(12));
  assertEquals(packet, expected);
  assertThrows(() => nativeFrameAead.aes128gcm(new Uint8Array(15)), RangeError, "15 bytes");
});

test("nativeModes() begins with what is cheapest without WebAssembly", () => {
  const [first] = nativeModes();
  const cheapest = process.versions.bun === undefined ? "xchacha20_poly1305" : "aes256_gcm";
  assertEquals(first, `aead_${cheapest}_rtpsize`);
});
