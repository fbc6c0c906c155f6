/**
 * Loads the kernels when they are first needed, and tries them. Where WebAssembly, its SIMD or its
 * relaxed SIMD is missing (`--jitless`, Node before 22), or an answer is wrong, there are none.
 *
 * @module
 */

import { type Aead, TAG_SIZE } from "../../lib/aead.ts";
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

/** The sum without carry of the tags that `@noble/ciphers` makes in the same trials, in base 64. */
const XCHACHA_TAGS = "Pqk9AHmoA5e0SX9C/ec8dQ==";
const AES_256_TAGS = "yuFmFF04TTmG4RqARMkGUA==";
const AES_128_TAGS = "lH4EsPw7NWk=";

const AAD_SIZE = 12;
/** More than one pass of each cipher, and no whole block at the end. */
const SIZE = 201;

/**
 * Whether ciphers give known answers, for packets in the module's memory and elsewhere.
 *
 * @param ciphers Those that are tried.
 */
export function areRight(
  ciphers: Pick<KernelCiphers, "xchacha20poly1305" | "aes256gcm" | "aes128gcm" | "allocate">,
): boolean {
  const key = counted(32, 1);
  const nonces = [counted(12, 2), counted(12, 100)];
  const size = AAD_SIZE + SIZE + TAG_SIZE + SIZE;
  const places = [ciphers.allocate(size), new Uint8Array(size)];
  return isRight(ciphers.xchacha20poly1305(key, unneeded), places, manyNonces(), XCHACHA_TAGS) &&
    isRight(ciphers.aes256gcm(key, unneeded), places, nonces, AES_256_TAGS) &&
    isRight(ciphers.aes128gcm(key.subarray(0, 16), unneeded), places, nonces, AES_128_TAGS);
}

/** Five in a row, since subkeys are made four at a time, and one that is far from them. */
function manyNonces(): Uint8Array[] {
  const row = [0, 1, 2, 3, 4].map((n) => {
    const nonce = counted(24, 2);
    nonce[3]! += n;
    return nonce;
  });
  return [...row, counted(24, 100)];
}

/** What was opened is sealed next, in the other place: what is wrong of it changes the tags. */
function isRight(
  aead: Aead,
  places: readonly Uint8Array[],
  nonces: readonly Uint8Array[],
  tags: string,
): boolean {
  const wanted = atob(tags);
  const end = AAD_SIZE + SIZE;
  const sum = new Uint8Array(wanted.length);
  let plain = counted(SIZE, 4);
  const areOpened = nonces.every((nonce, n) => {
    const place = places[n % 2]!;
    const packet = place.subarray(0, end + sum.length);
    const opened = place.subarray(packet.length, packet.length + SIZE).fill(0);
    packet.set(counted(AAD_SIZE, 3));
    packet.set(plain, AAD_SIZE);
    aead.seal(packet, AAD_SIZE, SIZE, nonce);
    for (let i = 0; i < sum.length; i++) sum[i]! ^= packet[end + i]!;
    packet[AAD_SIZE]! ^= 1;
    if (aead.open(packet, AAD_SIZE, SIZE, nonce, opened)) return false;
    packet[AAD_SIZE]! ^= 1;
    plain = opened;
    return aead.open(packet, AAD_SIZE, SIZE, nonce, opened);
  });
  aead.erase?.();
  return areOpened && String.fromCharCode(...sum) === wanted &&
    plain.every((byte, i) => byte === 4 + i);
}

function counted(size: number, first: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => first + i);
}

function unneeded(): never {
  throw new RangeError("Cannot try the kernels: there is no slot for a key");
}
