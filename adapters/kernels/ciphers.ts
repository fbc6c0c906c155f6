/**
 * The ciphers of the kernels: XChaCha20-Poly1305 and AES-GCM, in constant time, with nothing
 * allocated for a packet, and with nothing copied where packet and plaintext are in memory that
 * `allocate` gave.
 *
 * @module
 */

import {
  type Aead,
  type AeadFactory,
  demandKey,
  demandSealable,
  TAG_SIZE,
} from "../../lib/aead.ts";
import { FRAME_KEY_SIZE, FRAME_TAG_SIZE, type FrameAead } from "../../lib/dave/frames/aead.ts";
import type { Kernels } from "./kernels.ts";

const GCM_NONCE_SIZE = 12;
const XCHACHA_NONCE_SIZE = 24;
const KEY_SIZE = 32;

/** Makes a cipher for what the kernels cannot do: a message that is too large. */
type Fallback = (key: Uint8Array) => Aead;

/** What a kernel cipher does with a packet in the module's memory. */
interface Kernel {
  readonly keySize: number;
  readonly nonceSize: number;
  readonly tagSize: number;
  prepare(slot: number): void;
  seal(slot: number, packet: number, aadSize: number, size: number): void;
  open(slot: number, packet: number, aadSize: number, size: number, into: number): number;
}

class KernelAead implements FrameAead {
  readonly #kernels: Kernels;
  readonly #kernel: Kernel;
  readonly #key: Uint8Array;
  readonly #makeFallback: Fallback;
  #fallback: Aead | undefined;
  #slot: number | undefined;
  #isErased = false;

  constructor(kernels: Kernels, kernel: Kernel, key: Uint8Array, makeFallback: Fallback) {
    if (key.length !== kernel.keySize) {
      throw new RangeError(
        `Cannot use a key of ${key.length} bytes: a key has ${kernel.keySize} bytes`,
      );
    }
    this.#kernels = kernels;
    this.#kernel = kernel;
    this.#key = Uint8Array.from(key);
    this.#makeFallback = makeFallback;
    this.#slot = kernels.takeSlot(key, this);
    if (this.#slot === undefined) this.#fallback = makeFallback(this.#key);
    else kernel.prepare(this.#slot);
  }

  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void {
    demandKey(!this.#isErased);
    const { tagSize, nonceSize } = this.#kernel;
    const sealedSize = plainSize + tagSize;
    demandSealable(packet, aadSize + sealedSize, nonce, nonceSize);
    const kernels = this.#kernels;
    const found = kernels.find(packet);
    if (this.#slot === undefined || found < 0 && !kernels.fits(aadSize, sealedSize)) {
      return this.#other().seal(packet, aadSize, plainSize, nonce);
    }
    kernels.setNonce(nonce, nonceSize);
    if (found >= 0) return this.#kernel.seal(this.#slot, found, aadSize, plainSize);
    const at = kernels.copyIn(packet, aadSize, aadSize + plainSize);
    this.#kernel.seal(this.#slot, at, aadSize, plainSize);
    kernels.copyOut(packet, aadSize, sealedSize);
  }

  open(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    nonce: Uint8Array,
    into: Uint8Array,
  ): boolean {
    const { tagSize, nonceSize } = this.#kernel;
    const size = aadSize + cipherSize + tagSize;
    const fits = packet.length >= size && into.length >= cipherSize;
    if (!fits || this.#isErased || nonce.length !== nonceSize) return false;
    const kernels = this.#kernels;
    const found = kernels.find(packet);
    if (this.#slot === undefined || !kernels.fits(aadSize, cipherSize + tagSize)) {
      return this.#other().open(packet, aadSize, cipherSize, nonce, into);
    }
    kernels.setNonce(nonce, nonceSize);
    const at = found >= 0 ? found : kernels.copyIn(packet, aadSize, size);
    const wanted = kernels.find(into);
    // Decrypting goes forwards: a place that begins inside the ciphertext would overwrite it.
    const isDirect = wanted >= 0 && (wanted <= at + aadSize || wanted >= at + size);
    const place = isDirect ? wanted : kernels.payload;
    if (this.#kernel.open(this.#slot, at, aadSize, cipherSize, place) === 0) return false;
    if (!isDirect) kernels.copyOut(into, 0, cipherSize);
    return true;
  }

  erase(): void {
    this.#isErased = true;
    if (this.#slot !== undefined) this.#kernels.releaseSlot(this.#slot, this);
    this.#slot = undefined;
    this.#fallback?.erase?.();
    this.#fallback = undefined;
    this.#key.fill(0);
  }

  #other(): Aead {
    return this.#fallback ??= this.#makeFallback(this.#key);
  }
}

/** The ciphers of one instance of the kernels. */
export class KernelCiphers {
  readonly #kernels: Kernels;
  readonly #xchacha: Kernel;
  readonly #gcm: Kernel;
  readonly #frames: Kernel;

  /** @param kernels The kernels. */
  constructor(kernels: Kernels) {
    const { functions } = kernels;
    this.#kernels = kernels;
    this.#xchacha = {
      keySize: KEY_SIZE,
      nonceSize: XCHACHA_NONCE_SIZE,
      tagSize: TAG_SIZE,
      prepare: (slot) => functions.xchachaKey(slot),
      seal: functions.xchachaSeal,
      open: functions.xchachaOpen,
    };
    this.#gcm = gcmKernel(kernels, KEY_SIZE, TAG_SIZE);
    this.#frames = gcmKernel(kernels, FRAME_KEY_SIZE, FRAME_TAG_SIZE);
  }

  /** XChaCha20-Poly1305. */
  xchacha20poly1305(key: Uint8Array, fallback: AeadFactory): Aead {
    return new KernelAead(this.#kernels, this.#xchacha, key, fallback);
  }

  /** AES-256-GCM. */
  aes256gcm(key: Uint8Array, fallback: AeadFactory): Aead {
    return new KernelAead(this.#kernels, this.#gcm, key, fallback);
  }

  /** AES-128-GCM with the tag of DAVE frames. */
  aes128gcm(key: Uint8Array, fallback: (key: Uint8Array) => FrameAead): FrameAead {
    return new KernelAead(this.#kernels, this.#frames, key, fallback);
  }

  /** See `AeadProvider.allocate`. */
  allocate(size: number): Uint8Array<ArrayBuffer> {
    return this.#kernels.allocate(size);
  }
}

function gcmKernel({ functions }: Kernels, keySize: number, tagSize: number): Kernel {
  return {
    keySize,
    nonceSize: GCM_NONCE_SIZE,
    tagSize,
    prepare: (slot) => functions.gcmKey(slot, keySize),
    seal: (slot, packet, aadSize, size) => functions.gcmSeal(slot, packet, aadSize, size, tagSize),
    open: (slot, packet, aadSize, size, into) =>
      functions.gcmOpen(slot, packet, aadSize, size, tagSize, into),
  };
}
