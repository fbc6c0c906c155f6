/**
 * What is wrong with a received MLS message, in words and as a code.
 *
 * @module
 */

import { RemoteProtocolError } from "../../errors.ts";

/** Why a received MLS message was refused. */
export type MlsErrorCode =
  | "malformed"
  | "unsupported"
  | "wrong-group"
  | "wrong-epoch"
  | "wrong-sender"
  | "bad-signature"
  | "bad-tag"
  | "bad-ciphertext"
  | "bad-key-package"
  | "bad-tree"
  | "bad-path"
  | "bad-proposal"
  | "unknown-proposal"
  | "unrecognized-user"
  | "not-established"
  | "established"
  | "not-invited";

/** A received MLS message was refused. Nothing has changed. */
export class MlsError extends RemoteProtocolError {
  /** Why, for programs. */
  readonly code: MlsErrorCode;

  /**
   * Says what is wrong.
   *
   * @param code Why, for programs.
   * @param message Why, for people: no received value but numbers.
   */
  constructor(code: MlsErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
