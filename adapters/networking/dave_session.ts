/**
 * End-to-end encryption as it stands in `state.dave`, by the names of @discordjs/voice. The core
 * does the handshake; here one looks at it, compares codes, and seals and opens frames.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { sealedSizeLimit } from "../../lib/dave/frames/mod.ts";
import type { DaveSession } from "../../lib/dave/session.ts";
import { showDave } from "../dave_component.ts";

/** End-to-end encryption of one voice session. */
export class DAVESession {
  /** Channel id; it names the group. */
  readonly channelId: string;
  /** The client's own user id. */
  readonly userId: string;
  readonly #dave: DaveSession;
  readonly #opened: () => void;

  /**
   * Made by `Networking`.
   *
   * @param channelId Channel id.
   * @param dave The encryption in the core.
   * @param opened Hears of each frame that was opened, or could not be.
   */
  constructor(channelId: string, dave: DaveSession, opened: () => void) {
    this.channelId = channelId;
    this.#opened = opened;
    this.userId = dave.userId;
    this.#dave = dave;
  }

  /** Version of the call; 0 is no encryption. */
  get protocolVersion(): number {
    return this.#dave.protocolVersion;
  }

  /** The last transition that was announced; 0 before the first. */
  get lastTransitionId(): number {
    return this.#dave.lastTransitionId;
  }

  /** Whether the group is about to be joined, or joined anew. */
  get reinitializing(): boolean {
    return ["waiting", "founded", "removed"].includes(this.#dave.state);
  }

  /** Whether frames can be sent: others can decrypt them, or nobody is there. */
  get ready(): boolean {
    return this.#dave.ready;
  }

  /** The code that all members share: 30 digits; `null` outside of the group. */
  get voicePrivacyCode(): string | null {
    return this.#dave.privacyCode ?? null;
  }

  /**
   * The code that one user and we share.
   *
   * @param userId Who.
   * @returns 45 digits.
   * @throws {LocalProtocolError} The user is not in the group, or we are not.
   */
  async getVerificationCode(userId: string): Promise<string> {
    return await showDave(this.#dave).verificationCode(userId);
  }

  /**
   * Seals an Opus packet, as `prepareAudioPacket` does before anything else. Spends a nonce.
   *
   * @param packet One Opus packet.
   * @returns The frame, or `undefined` where it must not be sent now.
   */
  encrypt(packet: Uint8Array): Buffer | undefined {
    const into = Buffer.alloc(sealedSizeLimit("opus", packet.length));
    const size = this.#dave.seal(packet, into);
    return size < 0 ? undefined : into.subarray(0, size);
  }

  /**
   * Opens a frame, once: the second time it is a replay.
   *
   * @param packet The payload of an RTP packet, without transport encryption and padding.
   * @param userId Whose it is.
   * @returns The Opus packet, or `null` where it cannot be opened.
   */
  decrypt(packet: Uint8Array, userId: string): Buffer | null {
    const into = Buffer.alloc(packet.length);
    const size = this.#dave.open(userId, packet, into, performance.now());
    this.#opened();
    return size < 0 ? null : into.subarray(0, size);
  }
}
