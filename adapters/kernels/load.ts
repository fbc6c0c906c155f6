/**
 * Loads the kernels when they are first needed, and tries them. Where WebAssembly, its SIMD or its
 * relaxed SIMD is missing (`--jitless`, Node before 22), or an answer is wrong, there are none.
 *
 * @module
 */

import { type Aead, TAG_SIZE } from "../../lib/aead.ts";
import { FRAME_TAG_SIZE } from "../../lib/dave/frames/aead.ts";
import { KernelCiphers } from "./ciphers.ts";
import { Kernels } from "./kernels.ts";

let loaded: KernelCiphers | "none" | undefined;

/** The ciphers of the process's kernels; `undefined` where they cannot run. */
export function kernelCiphers(): KernelCiphers | undefined {
  loaded ??= loadKernels() ?? "none";
  return loaded === "none" ? undefined : loaded;
}

/** Loads and tries kernels of one's own. */
export function loadKernels(): KernelCiphers | undefined {
  try {
    const ciphers = new KernelCiphers(new Kernels());
    return areRight(ciphers) ? ciphers : undefined;
  } catch {
    return undefined; // what a runtime throws there is its own affair
  }
}

/** Tags of `SIZE` counted bytes under counted keys, nonces and additional data, of `@noble/ciphers`. */
const XCHACHA_TAG = "ae27ee0864e0a773023ab5e106051c49";
const AES_256_TAG = "fac1cbbc249b2eebea8b295211f1b047";
const AES_128_TAG = "175e9ea606815baf";

const AAD_SIZE = 12;
/** More than one pass of each cipher, and no whole block at the end. */
const SIZE = 201;

/**
 * Whether ciphers give known answers.
 *
 * @param ciphers Those that are tried.
 */
export function areRight(
  ciphers: Pick<KernelCiphers, "xchacha20poly1305" | "aes256gcm" | "aes128gcm">,
): boolean {
  const key = count(32, 1);
  return isRight(ciphers.xchacha20poly1305(key, unneeded), 24, TAG_SIZE, XCHACHA_TAG) &&
    isRight(ciphers.aes256gcm(key, unneeded), 12, TAG_SIZE, AES_256_TAG) &&
    isRight(ciphers.aes128gcm(key.subarray(0, 16), unneeded), 12, FRAME_TAG_SIZE, AES_128_TAG);
}

function isRight(aead: Aead, nonceSize: number, tagSize: number, tag: string): boolean {
  const nonce = count(nonceSize, 2);
  const plain = count(SIZE, 4);
  const packet = new Uint8Array(AAD_SIZE + SIZE + tagSize);
  packet.set(count(AAD_SIZE, 3));
  packet.set(plain, AAD_SIZE);
  aead.seal(packet, AAD_SIZE, SIZE, nonce);
  const opened = new Uint8Array(SIZE);
  const isOpened = aead.open(packet, AAD_SIZE, SIZE, nonce, opened);
  const sealedTag = packet.subarray(AAD_SIZE + SIZE);
  const isTag = sealedTag.every((byte, i) => byte === parseInt(tag.slice(2 * i, 2 * i + 2), 16));
  packet[AAD_SIZE] ^= 1;
  const isForgedOpened = aead.open(packet, AAD_SIZE, SIZE, nonce, new Uint8Array(SIZE));
  aead.erase?.();
  return isTag && isOpened && !isForgedOpened && opened.every((byte, i) => byte === plain[i]);
}

function count(size: number, first: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => first + i);
}

function unneeded(): never {
  throw new RangeError("Cannot try the kernels: there is no slot for a key");
}
