/**
 * Encryption modes: from a header and a payload to a datagram, and back.
 *
 * In the `rtpsize` modes a datagram is: the clear header (also the AEAD's
 * additional data), the ciphertext of extension body, payload and padding, a
 * 16-byte tag, and the four bytes of the nonce counter. A receiver copies those
 * four bytes into the nonce as they stand, whatever byte order the sender chose.
 *
 * @module
 */

import { type Aead, type AeadProvider, TAG_SIZE } from "./aead.ts";
import { COUNTER_SIZE, NonceCounter } from "./nonce.ts";
import { RemoteProtocolError } from "./errors.ts";
import type { RtpHeader } from "./rtp.ts";

/** An encryption mode of the UDP transport. */
export type EncryptionMode =
  | "aead_aes256_gcm_rtpsize"
  | "aead_xchacha20_poly1305_rtpsize";

/** All modes that are implemented, in the order in which they are preferred. */
export const ENCRYPTION_MODES: readonly EncryptionMode[] = [
  "aead_aes256_gcm_rtpsize",
  "aead_xchacha20_poly1305_rtpsize",
];

/** Bytes that a mode adds to header and payload. */
export const PACKET_OVERHEAD: number = TAG_SIZE + COUNTER_SIZE;

/** Bytes of a secret key, in every mode. */
export const KEY_SIZE = 32;

/** Why a received packet was dropped while it was opened. */
export type OpenFault =
  | "too-short"
  | "bad-tag"
  | "bad-extension"
  | "bad-padding";

const CIPHERS: {
  readonly [M in EncryptionMode]: {
    cipher: keyof AeadProvider;
    nonceSize: number;
  };
} = {
  aead_aes256_gcm_rtpsize: { cipher: "aes256gcm", nonceSize: 12 },
  aead_xchacha20_poly1305_rtpsize: {
    cipher: "xchacha20poly1305",
    nonceSize: 24,
  },
};

/**
 * Chooses an encryption mode.
 *
 * @param offered What the server offers (`Ready.modes`).
 * @param preference What the client would take, best first.
 * @returns The first preferred mode that is offered.
 * @throws {RemoteProtocolError} No mode is shared; the message shows both lists.
 */
export function chooseMode(
  offered: readonly string[],
  preference: readonly EncryptionMode[] = ENCRYPTION_MODES,
): EncryptionMode {
  const mode = preference.find((candidate) => offered.includes(candidate));
  if (mode !== undefined) return mode;
  throw new RemoteProtocolError(
    `Cannot choose an encryption mode: the server offers [${offered.join(", ").slice(0, 400)}], ` +
      `the client takes [${preference.join(", ")}]`,
  );
}

/** Tells whether `mode` is one that is implemented. */
export function isEncryptionMode(mode: string): mode is EncryptionMode {
  return Object.hasOwn(CIPHERS, mode);
}

/**
 * Seals and opens the packets of one key. Both directions share the key of the
 * client's own Session Description; the nonce counter is the sender's.
 */
export class PacketCipher {
  /** The encryption mode. */
  readonly mode: EncryptionMode;
  readonly #aead: Aead;
  readonly #counter: NonceCounter;
  readonly #sealNonce: Uint8Array;
  readonly #openNonce: Uint8Array;
  #fault: OpenFault = "too-short";

  /**
   * Prepares the key for one mode.
   *
   * @param mode The encryption mode.
   * @param key `KEY_SIZE` bytes.
   * @param provider The AEAD implementations.
   * @param counter The nonces to spend; starts at 0 by default.
   * @throws {RangeError} The key has another size.
   */
  constructor(
    mode: EncryptionMode,
    key: Uint8Array,
    provider: AeadProvider,
    counter: NonceCounter = new NonceCounter(),
  ) {
    if (key.length !== KEY_SIZE) {
      throw new RangeError(
        `Cannot use a key of ${key.length} bytes: a key has ${KEY_SIZE} bytes`,
      );
    }
    const { cipher, nonceSize } = CIPHERS[mode];
    this.mode = mode;
    this.#aead = provider[cipher](key);
    this.#counter = counter;
    this.#sealNonce = new Uint8Array(nonceSize);
    this.#openNonce = new Uint8Array(nonceSize);
  }

  /** The next nonce that will be spent. */
  get nonce(): number {
    return this.#counter.value;
  }

  /** Why the last `open` returned -1. */
  get fault(): OpenFault {
    return this.#fault;
  }

  /**
   * Seals a packet in place.
   *
   * @param packet Clear header, then plaintext, then `PACKET_OVERHEAD` free bytes.
   * @param clearSize Bytes of the clear header.
   * @param plainSize Bytes of plaintext.
   * @returns Bytes of the datagram.
   * @throws {RangeError} The buffer is too small.
   * @throws {LocalProtocolError} All nonces of the key are spent.
   */
  seal(packet: Uint8Array, clearSize: number, plainSize: number): number {
    const size = clearSize + plainSize + PACKET_OVERHEAD;
    if (packet.length < size) {
      throw new RangeError(
        `Cannot seal a packet of ${size} bytes: the buffer has ${packet.length} bytes`,
      );
    }
    const nonce = this.#sealNonce;
    this.#counter.next(nonce);
    this.#aead.seal(packet, clearSize, plainSize, nonce);
    for (let i = 0; i < COUNTER_SIZE; i++) {
      packet[size - COUNTER_SIZE + i] = nonce[i];
    }
    return size;
  }

  /**
   * Checks and decrypts everything behind the clear header.
   *
   * @param datagram The datagram; not changed.
   * @param clearSize Bytes of the clear header, as the packet's own header says.
   * @param into Receives the plaintext; as large as the datagram is always enough.
   * @returns Bytes of plaintext, or -1 where the packet is to be dropped (see `fault`).
   */
  open(datagram: Uint8Array, clearSize: number, into: Uint8Array): number {
    const cipherSize = datagram.length - clearSize - PACKET_OVERHEAD;
    if (cipherSize < 0) return this.#drop("too-short");
    const nonce = this.#openNonce;
    const counterOffset = datagram.length - COUNTER_SIZE;
    for (let i = 0; i < COUNTER_SIZE; i++) {
      nonce[i] = datagram[counterOffset + i];
    }
    return this.#aead.open(datagram, clearSize, cipherSize, nonce, into)
      ? cipherSize
      : this.#drop("bad-tag");
  }

  /**
   * Opens an RTP packet and takes extension and padding off.
   *
   * @param datagram The datagram; not changed.
   * @param header Its parsed header.
   * @param into Receives the payload at offset 0; as large as the datagram is always enough.
   * @returns Bytes of payload (0 for a packet of padding only), or -1 where the packet is
   * to be dropped (see `fault`).
   */
  openRtp(datagram: Uint8Array, header: RtpHeader, into: Uint8Array): number {
    const plainSize = this.open(datagram, header.clearSize, into);
    if (plainSize < 0) return -1;
    const start = 4 * header.extensionWords;
    if (start > plainSize) return this.#drop("bad-extension");
    let end = plainSize;
    if (header.padding) {
      const padding = end > start ? into[end - 1] : 0;
      if (padding === 0 || padding > end - start) return this.#drop("bad-padding");
      end -= padding;
    }
    if (start > 0) into.copyWithin(0, start, end);
    return end - start;
  }

  #drop(fault: OpenFault): -1 {
    this.#fault = fault;
    return -1;
  }
}
