/**
 * Which SSRC is whose, with an event for each change.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { tell } from "../networking/tell.ts";

/** What is known of a user's streams. */
export interface VoiceUserData {
  /** SSRC of the user's audio. */
  readonly audioSSRC: number;
  /** User id. */
  readonly userId: string;
  /** SSRC of the user's video, where there is one; never 0. */
  readonly videoSSRC?: number;
}

/** What an `SSRCMap` emits. */
export interface SSRCMapEvents {
  /** An SSRC is known now. */
  create: [newData: VoiceUserData];
  /** Something was told of an SSRC; without `oldData` it is new. */
  update: [oldData: VoiceUserData | undefined, newData: VoiceUserData];
  /** An SSRC is gone. */
  delete: [deletedData: VoiceUserData];
}

/** Most SSRCs that are kept; the one that was told of first gives way. */
export const SSRC_LIMIT = 1000;

/** Maps SSRCs to users. */
export class SSRCMap extends EventEmitter<SSRCMapEvents> {
  readonly #bySsrc = new Map<number, VoiceUserData>();

  /** Takes over what was told of an SSRC. */
  update(data: VoiceUserData): void {
    const old = this.#bySsrc.get(data.audioSSRC);
    const changed = { ...old, ...data };
    if (old === undefined && this.#bySsrc.size === SSRC_LIMIT) {
      this.delete(this.#bySsrc.keys().next().value!);
    }
    this.#bySsrc.set(data.audioSSRC, changed);
    if (old === undefined) tell(this, "create", changed);
    tell(this, "update", old, changed);
  }

  /**
   * Looks a user up.
   *
   * @param target SSRC of the audio, or user id.
   */
  get(target: number | string): VoiceUserData | undefined {
    if (typeof target === "number") return this.#bySsrc.get(target);
    return this.#bySsrc.values().find(({ userId }) => userId === target);
  }

  /**
   * Forgets a user.
   *
   * @param target SSRC of the audio, or user id.
   * @returns What was known.
   */
  delete(target: number | string): VoiceUserData | undefined {
    const known = this.get(target);
    if (known === undefined) return undefined;
    this.#bySsrc.delete(known.audioSSRC);
    tell(this, "delete", known);
    return known;
  }
}
