/**
 * The cipher of DAVE frames behind one interface: AES-128-GCM with a 12-byte nonce and a
 * tag of which 8 bytes are sent. The implementation that works everywhere is in `gcm.ts`.
 *
 * As in `lib/aead.ts` everything happens in one buffer: first the bytes that are only
 * authenticated, then the bytes that are encrypted, then the tag.
 *
 * @module
 */

/** Bytes of the tag that are sent. */
export const FRAME_TAG_SIZE = 8;

/** Bytes of a key. */
export const FRAME_KEY_SIZE = 16;

/** Bytes of the nonce. */
export const FRAME_NONCE_SIZE = 12;

/** AES-128-GCM with its key. It holds no nonce: the caller spends each one once. */
export interface FrameAead {
  /**
   * Encrypts in place and adds the tag.
   *
   * @param packet Additional data, then plaintext, then `FRAME_TAG_SIZE` free bytes.
   * @param aadSize Bytes of additional data.
   * @param plainSize Bytes of plaintext.
   * @param nonce `FRAME_NONCE_SIZE` bytes.
   * @throws {LocalProtocolError} The key was erased.
   */
  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void;
  /**
   * Checks the tag and decrypts into `into`.
   *
   * @param packet Additional data, then ciphertext, then the tag. Not changed.
   * @param aadSize Bytes of additional data.
   * @param cipherSize Bytes of ciphertext, without the tag.
   * @param nonce `FRAME_NONCE_SIZE` bytes.
   * @param into Receives `cipherSize` bytes of plaintext.
   * @returns `false` where the tag is wrong or the key was erased; `into` is then of no use.
   */
  open(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    nonce: Uint8Array,
    into: Uint8Array,
  ): boolean;
  /** See `Aead.erase`: from then on `seal` throws and `open` returns `false`. */
  erase(): void;
}

/** The implementation of the cipher. */
export interface FrameAeadProvider {
  /** Makes a cipher of a 16-byte key, of which it keeps a copy. */
  readonly aes128gcm: (key: Uint8Array) => FrameAead;
}

/**
 * Writes the cipher's nonce of a frame: zeros, then the counter in little endian.
 *
 * @param nonce The nonce as it is sent.
 * @param into `FRAME_NONCE_SIZE` bytes, of which only the last four are written.
 */
export function writeFrameNonce(nonce: number, into: Uint8Array): void {
  for (let i = 0; i < 4; i++) into[FRAME_NONCE_SIZE - 4 + i] = nonce >>> 8 * i;
}
