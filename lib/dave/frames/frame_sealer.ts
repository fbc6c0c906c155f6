/**
 * Seals one's own frames for all who share the epoch. All streams of a sender, audio and
 * video, have one sealer: they share its key, so they must share its nonces.
 *
 * @module
 */

import { isSilence } from "../../audio/opus_toc.ts";
import { LocalProtocolError } from "../../errors.ts";
import {
  FRAME_NONCE_SIZE,
  FRAME_TAG_SIZE,
  type FrameAeadProvider,
  writeFrameNonce,
} from "./aead.ts";
import { type FrameCodec, hasStartCodes, layOutFrame, sealedSizeLimit } from "./codecs.ts";
import { pureFrameAead } from "./gcm.ts";
import { hidesStartCode } from "./h26x.ts";
import { ClearRanges } from "./ranges.ts";
import { Scratch } from "./scratch.ts";
import { SendRatchet, type SendRatchetState } from "./send_ratchet.ts";
import { TRAILER_LIMIT, trailerSize, writeTrailer } from "./trailer.ts";

/** How often a frame is sealed again because of a start code in its ciphertext. */
export const SEAL_ATTEMPTS = 10;

/** Nonces that an exported state counts as spent, unless told otherwise. */
export const NONCE_RESERVE = 10_000;

/** Most of them: receivers refuse a generation that is too far ahead. */
export const NONCE_RESERVE_LIMIT: number = 2 ** 20;

/**
 * Why a frame was not sealed: no ratchet yet, more clear ranges than a trailer can tell,
 * or a start code in the ciphertext each time.
 */
export type SealFault = "no-key" | "too-many-ranges" | "start-code";

const NONCE_LIMIT = 2 ** 32 - 1;

/** How a sealer works. */
export interface FrameSealerOptions {
  /** Makes the ciphers; the pure ones by default. */
  readonly aead?: FrameAeadProvider;
  /** Whether to seal frames of silence too. By default they are sent as they are. */
  readonly sealSilence?: boolean;
}

/** Seals frames. */
export class FrameSealer {
  readonly #provider: FrameAeadProvider;
  readonly #sealSilence: boolean;
  readonly #ranges = new ClearRanges();
  readonly #nonce = new Uint8Array(FRAME_NONCE_SIZE);
  readonly #gathered = new Scratch();
  #ratchet: SendRatchet | undefined;
  /** Of the last secret: under the same one the nonces would come again. */
  #fingerprint: Uint8Array | undefined;
  #passthrough = false;
  #exported = false;
  #fault: SealFault = "no-key";

  /**
   * Starts without a key.
   *
   * @param options How it works.
   */
  constructor(options: FrameSealerOptions = {}) {
    this.#provider = options.aead ?? pureFrameAead;
    this.#sealSilence = options.sealSilence ?? false;
  }

  /** Why the last `seal` returned -1. */
  get fault(): SealFault {
    return this.#fault;
  }

  /** The last nonce that was spent in this epoch, over all wraps; 0 before the first. */
  get nonce(): number {
    return this.#ratchet?.nonce ?? 0;
  }

  /** Whether it has a key. */
  get ready(): boolean {
    return this.#ratchet !== undefined;
  }

  /** Whether frames are sent as they are. */
  get passthrough(): boolean {
    return this.#passthrough;
  }

  /**
   * Sends frames as they are, or stops it. The ratchet stays.
   *
   * @param on Whether to.
   */
  setPassthrough(on: boolean): void {
    this.#passthrough = on;
  }

  /**
   * Goes on with the ratchet of a new epoch, whose first nonce is 1, since its key is new.
   *
   * @param secret One's own base secret, `BASE_SECRET_SIZE` bytes; copied.
   * @throws {LocalProtocolError} It is the secret of the last ratchet, or the state was exported.
   */
  setRatchet(secret: Uint8Array): void {
    this.#replace(SendRatchet.start(secret, this.#provider));
  }

  /**
   * Goes on with the ratchet of a sealer that gave its state away.
   *
   * @param state What `exportState` returned. It must not be restored a second time.
   * @throws {LocalProtocolError} It is of the epoch of the last ratchet, or the own state was
   * exported.
   */
  restore(state: SendRatchetState): void {
    this.#replace(SendRatchet.restore(state, this.#provider));
  }

  /**
   * Gives the state away, for another sealer to go on with. This one seals no more.
   *
   * @param reserve Nonces that count as spent, whatever happens until then.
   * @returns Nothing without a ratchet.
   * @throws {LocalProtocolError} It was exported before.
   */
  exportState(reserve: number = NONCE_RESERVE): SendRatchetState | undefined {
    if (!Number.isSafeInteger(reserve) || reserve < 0 || reserve > NONCE_RESERVE_LIMIT) {
      throw new RangeError(
        `Cannot export a frame sealer: a reserve of ${reserve}, want 0 to ${NONCE_RESERVE_LIMIT}`,
      );
    }
    this.#demandOwnership("export a frame sealer");
    const state = this.#ratchet?.export(reserve);
    this.erase();
    this.#exported = true;
    return state;
  }

  /**
   * Seals a frame.
   *
   * @param frame The frame. Not changed.
   * @param into Receives the sealed frame: `sealedSizeLimit` bytes, which must not share
   * memory with the frame.
   * @param codec The codec of the frame.
   * @returns Bytes of the sealed frame, or -1 where it must not be sent (see `fault`).
   * @throws {RangeError} `into` is too small.
   * @throws {LocalProtocolError} The state was exported.
   */
  seal(frame: Uint8Array, into: Uint8Array, codec: FrameCodec = "opus"): number {
    this.#demandOwnership("seal a frame");
    const limit = sealedSizeLimit(codec, frame.length);
    if (into.length < limit) {
      throw new RangeError(
        `Cannot seal a frame: the buffer has ${into.length} bytes, want ${limit}`,
      );
    }
    const silence = !this.#sealSilence && codec === "opus" && isSilence(frame);
    if (this.#passthrough || silence) {
      into.set(frame);
      return frame.length;
    }
    if (this.#ratchet === undefined) return this.#refuse("no-key");
    return this.#seal(this.#ratchet, frame, into, codec);
  }

  /** Erases the keys. */
  erase(): void {
    this.#ratchet?.erase();
    this.#ratchet = undefined;
    this.#gathered.erase();
  }

  /** A start code can be anywhere in ciphertext and trailer: another nonce moves it. */
  #seal(ratchet: SendRatchet, frame: Uint8Array, into: Uint8Array, codec: FrameCodec): number {
    const ranges = this.#ranges;
    for (let attempt = 0; attempt < SEAL_ATTEMPTS; attempt++) {
      const size = layOutFrame(codec, frame, into, ranges);
      if (trailerSize(NONCE_LIMIT, ranges) > TRAILER_LIMIT) {
        return this.#refuse("too-many-ranges");
      }
      const nonce = ratchet.spend();
      writeFrameNonce(nonce, this.#nonce);
      this.#encrypt(ratchet, into, size);
      const total = writeTrailer(into, size, nonce, ranges);
      if (!hasStartCodes(codec) || !hidesStartCode(into, total, ranges)) return total;
    }
    return this.#refuse("start-code");
  }

  #encrypt(ratchet: SendRatchet, into: Uint8Array, size: number): void {
    const ranges = this.#ranges;
    const aadSize = ranges.clearSize;
    if (ranges.leading) {
      ratchet.aead.seal(into, aadSize, size - aadSize, this.#nonce);
      return;
    }
    const packet = this.#gathered.ofSize(size + FRAME_TAG_SIZE);
    ranges.gather(into, size, packet);
    ratchet.aead.seal(packet, aadSize, size - aadSize, this.#nonce);
    ranges.scatter(packet, packet, aadSize, size, into);
    for (let i = size; i < size + FRAME_TAG_SIZE; i++) into[i] = packet[i];
  }

  #replace(ratchet: SendRatchet): void {
    this.#demandOwnership("set a ratchet");
    if (this.#fingerprint?.every((byte, i) => byte === ratchet.fingerprint[i])) {
      ratchet.erase();
      throw new LocalProtocolError("Cannot set a ratchet: its secret is the one of the last");
    }
    this.#ratchet?.erase();
    this.#ratchet = ratchet;
    this.#fingerprint = ratchet.fingerprint;
  }

  #demandOwnership(action: string): void {
    if (this.#exported) {
      throw new LocalProtocolError(`Cannot ${action}: the state of this sealer was exported`);
    }
  }

  #refuse(fault: SealFault): -1 {
    this.#fault = fault;
    return -1;
  }
}
