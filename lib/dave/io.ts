/**
 * What end-to-end encryption puts out: messages to send, and events.
 *
 * @module
 */

import type { VoiceSendPayload } from "../payloads.ts";
import type { MlsErrorCode } from "./mls/mod.ts";

/**
 * Why a message had no effect: the MLS message is not valid, its time is not now, a transition
 * is unknown, a version or epoch makes no sense, or too much is held.
 */
export type DaveIgnoreReason =
  | MlsErrorCode
  | "wrong-state"
  | "unknown-transition"
  | "bad-epoch"
  | "queue-full";

/** Why the group was given up and joined anew. */
export type DaveRecoveryReason = "commit" | "welcome" | "undecryptable";

/** What happened. */
export type DaveEvent =
  /** Our frames are sealed by another epoch from now on, or not at all. */
  | {
    readonly type: "epochTransition";
    /** The epoch; `undefined` where the transition has none. */
    readonly epoch: bigint | undefined;
    readonly transitionId: number;
    /** Version of the call; 0 is no encryption. */
    readonly protocolVersion: number;
  }
  /** The code that all members share has changed; `undefined` where we are in no group. */
  | { readonly type: "privacyCode"; readonly code: string | undefined }
  /** The group was given up, and the gateway asked to add us anew. */
  | {
    readonly type: "recovery";
    readonly transitionId: number;
    readonly reason: DaveRecoveryReason;
  }
  /** A received message had no effect. */
  | { readonly type: "ignored"; readonly op: number; readonly reason: DaveIgnoreReason };

/** One output. */
export type DaveOutput =
  | { readonly type: "send"; readonly message: VoiceSendPayload }
  | { readonly type: "event"; readonly event: DaveEvent };
