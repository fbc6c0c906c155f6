/**
 * Why the delivery service of DAVE does not act on what a client has sent.
 *
 * @module
 */

import { MlsError, type MlsErrorCode } from "../../dave/mls/mod.ts";

/** Why a client's message about end-to-end encryption was dropped. */
export type DaveRejectReason =
  /** It is no valid MLS message, or for another group or epoch. */
  | MlsErrorCode
  /** The call has no end-to-end encryption at the moment. */
  | "off"
  /** It came before Session Description. */
  | "too-early"
  /** It is larger than any such message can be. */
  | "too-large"
  /** A key package is in the name of another user. */
  | "wrong-identity"
  /** A key package is not valid for ever. */
  | "bad-lifetime"
  /** The sender was asked for no commit. */
  | "not-a-member"
  /** Another commit of this epoch was taken before. */
  | "late"
  /** A commit covers not all, or not only, the proposals. */
  | "wrong-proposals"
  /** A welcome is missing, needless, or not for exactly those who are added. */
  | "wrong-welcome"
  /** No such transition waits for this client. */
  | "unknown-transition";

/** A client's message is to be dropped. Nothing has changed. */
export class DaveRejection extends Error {
  /** Name of the class. */
  override readonly name = "DaveRejection";
  /** Why. */
  readonly reason: DaveRejectReason;

  /** @param reason Why. */
  constructor(reason: DaveRejectReason) {
    super(`Cannot act on the message: ${reason}`);
    this.reason = reason;
  }
}

/**
 * Tells why a message is to be dropped.
 *
 * @param error What came of it.
 * @returns The reason.
 * @throws {unknown} The error itself, where it says nothing about the message.
 */
export function demandRejection(error: unknown): DaveRejectReason {
  if (error instanceof MlsError) return error.code;
  if (error instanceof DaveRejection) return error.reason;
  throw error;
}
