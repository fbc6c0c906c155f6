/**
 * What a session needs of end-to-end encryption (DAVE). `lib/dave` implements it: whoever does
 * not hand one over, does not load it.
 *
 * @module
 */

import type { VoiceReceivePayload, VoiceSendPayload } from "./payloads.ts";

/** The only version of DAVE that there is. */
export const DAVE_VERSION = 1;

/** Most bytes that end-to-end encryption adds to an Opus frame. */
export const MAX_FRAME_OVERHEAD = 16;

/** Why the group was given up and joined anew. */
export type DaveRecoveryReason = "commit" | "welcome" | "undecryptable" | "stalled";

/**
 * Why a frame is not opened: plaintext where none is allowed, no key of its sender, a tag that is
 * wrong, a nonce that came before or is too old, a generation that cannot be.
 */
export type OpenFrameFault =
  | "unencrypted"
  | "no-key"
  | "bad-tag"
  | "replayed"
  | "bad-generation";

/** What happened to end-to-end encryption. */
export type DaveEvent =
  /** Our frames are sealed by another epoch from now on, or not at all. */
  | {
    readonly type: "daveEpochTransition";
    /** The epoch; `undefined` where the transition has none. */
    readonly epoch: number | undefined;
    readonly transitionId: number;
    /** Version of the call; 0 is no encryption. */
    readonly protocolVersion: number;
  }
  /** The code that all members share has changed; `undefined` where we are in no group. */
  | { readonly type: "davePrivacyCode"; readonly code: string | undefined }
  /** The group was given up, and the gateway asked to add us anew. */
  | {
    readonly type: "daveRecovery";
    readonly transitionId: number;
    readonly reason: DaveRecoveryReason;
  }
  /** Frames can be sent from now on: others can decrypt them, or nobody is there. Or not any more. */
  | { readonly type: "daveReady"; readonly ready: boolean }
  /** A received message had no effect; the reason is one of `DaveIgnoreReason` of `./dave`. */
  | { readonly type: "daveIgnored"; readonly op: number; readonly reason: string };

/** One output. */
export type DaveOutput =
  | { readonly type: "send"; readonly message: VoiceSendPayload }
  | { readonly type: "event"; readonly event: DaveEvent };

/** End-to-end encryption of one call. */
export interface EndToEnd {
  /** Version of the call; 0 is no encryption. */
  readonly protocolVersion: number;
  /** Whether frames can be sent. */
  readonly ready: boolean;
  /** Takes a message of the voice gateway, whatever it is about. */
  handle(message: VoiceReceivePayload, now: number): void;
  /** The next output, or `undefined` where all is done. */
  poll(): DaveOutput | undefined;
  /** When `expire` has something to do, in monotonic milliseconds. */
  pollTimeout(): number | undefined;
  /** Does what is due. */
  expire(now: number): void;
  /**
   * Seals an Opus frame into memory with room for `MAX_FRAME_OVERHEAD` bytes more.
   *
   * @returns Bytes of the sealed frame, or -1 where it must not be sent now.
   */
  seal(frame: Uint8Array, into: Uint8Array): number;
  /** How often keys of others were learned: what could not be opened before, perhaps can be. */
  readonly keyCount: number;
  /** Why the last `open` returned -1. */
  readonly openFault: OpenFrameFault;
  /**
   * Opens a user's Opus frame into memory as large as it is.
   *
   * @returns Bytes of the plaintext, or -1 where the frame is to be dropped (see `openFault`).
   */
  open(userId: string, frame: Uint8Array, into: Uint8Array, now: number): number;
  /** Gives all keys up. */
  close(): void;
}

/** The call that is to be encrypted. */
export interface EndToEndCall {
  /** The client's own user id. */
  readonly userId: string;
  /** Id of the voice channel: the name of the group. */
  readonly channelId: string;
  /** Fills an array with random bytes, fit for keys. */
  readonly random: (into: Uint8Array) => void;
}

/** Begins end-to-end encryption of a call. */
export type EndToEndFactory<T extends EndToEnd = EndToEnd> = (call: EndToEndCall) => T;
