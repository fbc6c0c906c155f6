/**
 * End-to-end encryption as a session takes it.
 *
 * @module
 */

import type { EndToEndFactory } from "../end_to_end.ts";
import { type MlsCrypto, nobleMlsCrypto, validPrivateKey } from "./mls/mod.ts";
import { DaveSession, type DaveSessionOptions, demandTolerance } from "./session.ts";

/** How calls are encrypted; everything has a default. */
export interface DaveOptions extends Omit<DaveSessionOptions, "userId" | "channelId" | "crypto"> {
  /** The primitives of MLS; the pure ones by default. */
  readonly crypto?: MlsCrypto;
}

/**
 * Makes what `VoiceSession` takes as `dave`.
 *
 * @param options How calls are encrypted.
 * @returns Begins the encryption of a call.
 * @throws {RangeError} The signature key is no private key, or the tolerance no unsigned integer.
 */
export function createDave(options: DaveOptions = {}): EndToEndFactory<DaveSession> {
  const { crypto, decryptionFailureTolerance } = options;
  // The caller may erase the key.
  const signaturePrivateKey = options.signaturePrivateKey?.slice();
  if (signaturePrivateKey !== undefined && !validPrivateKey(signaturePrivateKey)) {
    throw new RangeError("Cannot encrypt calls: the signature key is no private key of P-256");
  }
  if (decryptionFailureTolerance !== undefined) demandTolerance(decryptionFailureTolerance);
  return ({ userId, channelId, random }) =>
    new DaveSession({
      ...options,
      signaturePrivateKey,
      userId,
      channelId,
      crypto: crypto ?? nobleMlsCrypto(random),
    });
}
