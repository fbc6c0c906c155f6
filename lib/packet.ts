/**
 * Encryption modes: from a header and a payload to a datagram, and back.
 *
 * A datagram is a clear header, the ciphertext with a 16-byte tag before or behind it,
 * and what the mode shows of the nonce:
 *
 * | mode | cipher | clear | additional data | tag | nonce on the wire | nonce | adds |
 * |---|---|---|---|---|---|---|---|
 * | `aead_aes256_gcm_rtpsize` | AES-256-GCM | rtpsize | the clear header | after | 4, a counter | those, 8 zeros | 20 |
 * | `aead_xchacha20_poly1305_rtpsize` | XChaCha20-Poly1305 | rtpsize | the clear header | after | 4, a counter | those, 20 zeros | 20 |
 * | `aead_aes256_gcm` | AES-256-GCM | 12 | the clear header | after | 4, a counter | those, 8 zeros | 20 |
 * | `xsalsa20_poly1305_lite_rtpsize` | secretbox | rtpsize | none | before | 4, a counter | those, 20 zeros | 20 |
 * | `xsalsa20_poly1305_lite` | secretbox | 12 | none | before | 4, a counter | those, 20 zeros | 20 |
 * | `xsalsa20_poly1305_suffix` | secretbox | 12 | none | before | 24, random | those | 40 |
 * | `xsalsa20_poly1305` | secretbox | 12 | none | before | none | the clear header, zeros | 16 |
 * | `plain` | none | 12 | none | none | none | none | 0 |
 *
 * `rtpsize` is the fixed RTP header, the CSRC list and the preamble of the extension,
 * whose body is encrypted with the payload. Where 12 bytes are clear, everything behind
 * the fixed header is encrypted: CSRC list, preamble and body too. (Discord's documents
 * say so of the CSRC list; some receivers took it for clear. Discord was never seen to
 * send one.) Of RTCP the first 8 bytes are clear in all modes.
 *
 * A receiver copies the nonce from the wire as it stands, whatever byte order the sender
 * chose. Discord took the six modes below the first two out of service: they are here for
 * other servers and for old captures, and a client must ask for them. In the `lite` and
 * `suffix` modes nothing protects the clear header. `xsalsa20_poly1305` is weak by design:
 * its nonce is the header, so two RTCP packets with the same first 8 bytes share a nonce,
 * and so do RTP packets once SSRC, sequence number and timestamp come again together (after
 * 2^26 packets of 20 ms, fifteen days). `plain` is opened, never sealed.
 *
 * @module
 */

import { type Aead, type AeadFactory, type AeadProvider, TAG_SIZE } from "./aead.ts";
import { COUNTER_SIZE, NonceCounter } from "./nonce.ts";
import { LocalProtocolError, RemoteProtocolError } from "./errors.ts";
import { RTP_HEADER_SIZE, type RtpHeader } from "./rtp_header.ts";

/** An encryption mode of the UDP transport. */
export type EncryptionMode =
  | "aead_aes256_gcm_rtpsize"
  | "aead_xchacha20_poly1305_rtpsize"
  | "aead_aes256_gcm"
  | "xsalsa20_poly1305_lite_rtpsize"
  | "xsalsa20_poly1305_lite"
  | "xsalsa20_poly1305_suffix"
  | "xsalsa20_poly1305"
  | "plain";

/** The modes that a client takes by default, in the order in which they are preferred. */
export const ENCRYPTION_MODES: readonly EncryptionMode[] = [
  "aead_aes256_gcm_rtpsize",
  "aead_xchacha20_poly1305_rtpsize",
];

/** Bytes that the modes of `ENCRYPTION_MODES` add to header and payload. */
export const PACKET_OVERHEAD: number = TAG_SIZE + COUNTER_SIZE;

/** Bytes of a secret key, in every mode; `plain` makes no use of it. */
export const KEY_SIZE = 32;

/** Why a received packet was dropped while it was opened. */
export type OpenFault =
  | "too-short"
  | "bad-tag"
  | "bad-extension"
  | "bad-padding";

interface Cipher {
  readonly factory: (provider: AeadProvider) => AeadFactory;
  readonly nonceSize: number;
  readonly tagSize: number;
}

interface NonceForm {
  /** Bytes at the end of the packet; without any, the clear header is the nonce. */
  readonly wireSize: number;
  /** Writes a nonce that was never used under this key. */
  readonly spend: (nonce: Uint8Array, counter: NonceCounter, random: RandomSource) => void;
}

interface ModeFormat {
  readonly cipher: Cipher;
  readonly nonce: NonceForm;
  /** Whether CSRC list and extension preamble are clear. */
  readonly rtpsize: boolean;
  /** Where the nonce of a packet is put together, of whatever key: one packet is sealed at a time. */
  readonly sealNonce: Uint8Array;
}

type RandomSource = (into: Uint8Array) => void;

const AES_GCM: Cipher = {
  factory: (provider) => provider.aes256gcm,
  nonceSize: 12,
  tagSize: TAG_SIZE,
};
const XCHACHA: Cipher = {
  factory: (provider) => provider.xchacha20poly1305,
  nonceSize: 24,
  tagSize: TAG_SIZE,
};
const SECRETBOX: Cipher = {
  factory: (provider) => provider.xsalsa20poly1305 ?? refuseSecretbox(),
  nonceSize: 24,
  tagSize: TAG_SIZE,
};
const NO_CIPHER: Cipher = { factory: () => () => OPEN_ONLY, nonceSize: 0, tagSize: 0 };

const COUNTER: NonceForm = {
  wireSize: COUNTER_SIZE,
  spend: (nonce, counter) => counter.next(nonce),
};
const RANDOM: NonceForm = {
  wireSize: 24,
  spend: (nonce, _counter, random) => random(nonce),
};
const HEADER: NonceForm = { wireSize: 0, spend: () => {} };

const MODES: { readonly [M in EncryptionMode]: ModeFormat } = {
  aead_aes256_gcm_rtpsize: /* @__PURE__ */ format(AES_GCM, COUNTER, true),
  aead_xchacha20_poly1305_rtpsize: /* @__PURE__ */ format(XCHACHA, COUNTER, true),
  aead_aes256_gcm: /* @__PURE__ */ format(AES_GCM, COUNTER, false),
  xsalsa20_poly1305_lite_rtpsize: /* @__PURE__ */ format(SECRETBOX, COUNTER, true),
  xsalsa20_poly1305_lite: /* @__PURE__ */ format(SECRETBOX, COUNTER, false),
  xsalsa20_poly1305_suffix: /* @__PURE__ */ format(SECRETBOX, RANDOM, false),
  xsalsa20_poly1305: /* @__PURE__ */ format(SECRETBOX, HEADER, false),
  plain: /* @__PURE__ */ format(NO_CIPHER, HEADER, false),
};

/** All modes that are implemented, best first; the last one, `plain`, only opens. */
export const ALL_ENCRYPTION_MODES: readonly EncryptionMode[] = /* @__PURE__ */ Object.keys(
  MODES,
) as EncryptionMode[];

/** The modes in which packets can be sent, best first. */
export const SEALING_MODES: readonly EncryptionMode[] = ALL_ENCRYPTION_MODES.filter((mode) =>
  mode !== "plain"
);

/**
 * Bytes that a mode adds to header and payload.
 *
 * @param mode The encryption mode.
 * @returns Bytes of tag and nonce.
 */
export function packetOverhead(mode: EncryptionMode): number {
  const { cipher, nonce } = MODES[mode];
  return cipher.tagSize + nonce.wireSize;
}

/** Most bytes that a mode adds to header and payload. */
export const MAX_PACKET_OVERHEAD: number = Math.max(...ALL_ENCRYPTION_MODES.map(packetOverhead));

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

/**
 * Demands that a provider has a mode's cipher.
 *
 * @param mode The encryption mode.
 * @param provider The AEAD implementations.
 * @throws {RangeError} It lacks the cipher.
 */
export function demandCipher(mode: EncryptionMode, provider: AeadProvider): void {
  MODES[mode].cipher.factory(provider);
}

/** Tells whether `mode` is one that is implemented. */
export function isEncryptionMode(mode: string): mode is EncryptionMode {
  return Object.hasOwn(MODES, mode);
}

/**
 * Seals and opens the packets of one key. Both directions share the key of the
 * client's own Session Description; the nonce counter is the sender's.
 */
export class PacketCipher {
  /** The encryption mode. */
  readonly mode: EncryptionMode;
  /** Bytes that the mode adds to header and payload. */
  readonly overhead: number;
  readonly #aead: Aead;
  readonly #wireSize: number;
  readonly #spend: NonceForm["spend"];
  readonly #rtpsize: boolean;
  readonly #counter: NonceCounter;
  readonly #random: RandomSource;
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
   * @param random Fills an array with random bytes; `xsalsa20_poly1305_suffix` needs it to seal.
   * @throws {RangeError} The key has another size, or the provider lacks the mode's cipher.
   */
  constructor(
    mode: EncryptionMode,
    key: Uint8Array,
    provider: AeadProvider,
    counter: NonceCounter = new NonceCounter(),
    random: (into: Uint8Array) => void = refuseRandom,
  ) {
    if (key.length !== KEY_SIZE) {
      throw new RangeError(
        `Cannot use a key of ${key.length} bytes: a key has ${KEY_SIZE} bytes`,
      );
    }
    const { cipher, nonce, rtpsize, sealNonce } = MODES[mode];
    this.mode = mode;
    this.overhead = packetOverhead(mode);
    this.#aead = cipher.factory(provider)(key);
    this.#wireSize = nonce.wireSize;
    this.#spend = nonce.spend;
    this.#rtpsize = rtpsize;
    this.#counter = counter;
    this.#random = random;
    this.#sealNonce = sealNonce;
    this.#openNonce = new Uint8Array(cipher.nonceSize);
  }

  /** The next nonce of the counter that will be spent. */
  get nonce(): number {
    return this.#counter.value;
  }

  /** The nonce of the packet that `open` looked at last. Borrowed until the next `open`. */
  get openedNonce(): Uint8Array {
    return this.#openNonce;
  }

  /** Why the last `open` returned -1. */
  get fault(): OpenFault {
    return this.#fault;
  }

  /**
   * Tells how much of an RTP packet is clear in this mode.
   *
   * @param header Its parsed header.
   * @returns Bytes; the same as the header's `clearSize` in the `rtpsize` modes, else 12.
   */
  clearSize(header: Readonly<RtpHeader>): number {
    return this.#rtpsize ? header.clearSize : RTP_HEADER_SIZE;
  }

  /**
   * Seals a packet in place.
   *
   * @param packet Clear header, then plaintext, then `overhead` free bytes.
   * @param clearSize Bytes of the clear header: `clearSize()` for RTP, `RTCP_CLEAR_SIZE` for RTCP.
   * @param plainSize Bytes of plaintext.
   * @returns Bytes of the datagram.
   * @throws {RangeError} The buffer is too small.
   * @throws {LocalProtocolError} All nonces of the key are spent, the mode is `plain`, or it
   * needs a random source.
   */
  seal(packet: Uint8Array, clearSize: number, plainSize: number): number {
    const size = clearSize + plainSize + this.overhead;
    if (packet.length < size) {
      throw new RangeError(
        `Cannot seal a packet of ${size} bytes: the buffer has ${packet.length} bytes`,
      );
    }
    const nonce = this.#sealNonce;
    const wireSize = this.#wireSize;
    if (wireSize === 0) copyRange(packet, 0, clearSize, nonce);
    this.#spend(nonce, this.#counter, this.#random);
    this.#aead.seal(packet, clearSize, plainSize, nonce);
    for (let i = 0; i < wireSize; i++) packet[size - wireSize + i] = nonce[i];
    return size;
  }

  /**
   * Checks and decrypts everything behind the clear header.
   *
   * @param datagram The datagram; not changed.
   * @param clearSize Bytes of the clear header: `clearSize()` for RTP, `RTCP_CLEAR_SIZE` for RTCP.
   * @param into Receives the plaintext; as large as the datagram is always enough.
   * @returns Bytes of plaintext, or -1 where the packet is to be dropped (see `fault`).
   */
  open(datagram: Uint8Array, clearSize: number, into: Uint8Array): number {
    const cipherSize = datagram.length - clearSize - this.overhead;
    if (cipherSize < 0) return this.#drop("too-short");
    const nonce = this.#openNonce;
    if (this.#wireSize === 0) copyRange(datagram, 0, clearSize, nonce);
    else copyRange(datagram, datagram.length - this.#wireSize, datagram.length, nonce);
    return this.#aead.open(datagram, clearSize, cipherSize, nonce, into)
      ? cipherSize
      : this.#drop("bad-tag");
  }

  /**
   * Opens an RTP packet and takes off all that stands before the payload, and padding.
   *
   * @param datagram The datagram; not changed.
   * @param header Its parsed header. Where the extension is encrypted, its `extensionWords`
   * are set to what the plaintext says.
   * @param into Receives the payload at offset 0; as large as the datagram is always enough.
   * @returns Bytes of payload (0 for a packet of padding only), or -1 where the packet is
   * to be dropped (see `fault`).
   */
  openRtp(datagram: Uint8Array, header: RtpHeader, into: Uint8Array): number {
    const clearSize = this.clearSize(header);
    const plainSize = this.open(datagram, clearSize, into);
    if (plainSize < 0) return -1;
    // What of CSRC list and preamble is encrypted.
    const hidden = header.clearSize - clearSize;
    if (hidden > 0 && header.extension) {
      header.extensionWords = into[hidden - 2] << 8 | into[hidden - 1];
    }
    const start = hidden + 4 * header.extensionWords;
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

  /** Overwrites what is kept of the key. The cipher must not be used again. */
  erase(): void {
    this.#aead.erase?.();
  }

  #drop(fault: OpenFault): -1 {
    this.#fault = fault;
    return -1;
  }
}

/** The mode `plain`. */
const OPEN_ONLY: Aead = {
  seal() {
    throw new LocalProtocolError(
      "Cannot seal a packet: the mode plain does not encrypt, packets of it are only opened",
    );
  },
  open(packet, clearSize, plainSize, _nonce, into) {
    into.set(packet.subarray(clearSize, clearSize + plainSize));
    return true;
  },
};

function format(cipher: Cipher, nonce: NonceForm, rtpsize: boolean): ModeFormat {
  return { cipher, nonce, rtpsize, sealNonce: new Uint8Array(cipher.nonceSize) };
}

function refuseRandom(): never {
  throw new LocalProtocolError(
    "Cannot seal a packet: the mode xsalsa20_poly1305_suffix needs a random source, none was given",
  );
}

/** Copies a range to the start of `into`; zeros follow. */
function copyRange(from: Uint8Array, start: number, end: number, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = start + i < end ? from[start + i] : 0;
}

function refuseSecretbox(): never {
  throw new RangeError("Cannot use a mode of xsalsa20_poly1305: the AEAD provider lacks it");
}
