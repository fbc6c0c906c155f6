/**
 * End-to-end encryption (DAVE) of a connection, to look at, and the codes that people compare.
 *
 * @module
 */

import { scrypt } from "node:crypto";
import {
  FINGERPRINT_COST,
  FINGERPRINT_SALT,
  FINGERPRINT_SIZE,
  fingerprintInput,
  type UserIdentity,
  verificationCode,
} from "../lib/dave/codes.ts";
import type { DaveCounters, DaveSession } from "../lib/dave/session.ts";
import type { DaveState } from "../lib/dave/transitions.ts";
import { LocalProtocolError } from "../lib/errors.ts";

/** End-to-end encryption of the present call. */
export interface DaveComponent {
  /** What the client is to the call's group. */
  readonly state: DaveState;
  /** Version of the call; 0 is no encryption. */
  readonly protocolVersion: number;
  /** Number of the epoch, once we are in the call's group. */
  readonly epoch: number | undefined;
  /** Whether frames can be sent. */
  readonly ready: boolean;
  /** The code that all members of the epoch share: 30 digits, in groups of five for people. */
  readonly privacyCode: string | undefined;
  /** Who is in the group, oneself too, with the public keys of their identities. */
  readonly identities: readonly UserIdentity[];
  /** What was counted in this call. */
  readonly counters: DaveCounters;
  /**
   * The code that one user and we share. Both see the same one, if nobody is between them.
   *
   * @param userId Who.
   * @returns 45 digits, in groups of five for people.
   * @throws {LocalProtocolError} The user is not in the group, or we are not.
   */
  verificationCode(userId: string): Promise<string>;
}

/** scrypt asks for this much, and a little more. */
const MEMORY_LIMIT = 2 ** 26;

/**
 * Shows the encryption of a call.
 *
 * @param dave The encryption.
 * @returns What it is at this moment.
 */
export function showDave(dave: DaveSession): DaveComponent {
  const { state, protocolVersion, epoch, ready, privacyCode, identities, counters } = dave;
  return {
    state,
    protocolVersion,
    epoch: epoch === undefined ? undefined : Number(epoch),
    ready,
    privacyCode,
    identities,
    counters,
    verificationCode: (userId) => verify(dave, userId),
  };
}

async function verify(dave: DaveSession, userId: string): Promise<string> {
  const { identities } = dave;
  const identityOf = (id: string) => identities.find((identity) => identity.userId === id);
  const [own, other] = [identityOf(dave.userId), identityOf(userId)];
  if (own === undefined || other === undefined || userId === dave.userId) {
    throw new LocalProtocolError("Cannot verify a user: want another member of the group");
  }
  const cost = { ...FINGERPRINT_COST, maxmem: MEMORY_LIMIT };
  const input = fingerprintInput(own, other);
  const fingerprint = await new Promise<Uint8Array>((resolve, reject) => {
    scrypt(input, FINGERPRINT_SALT, FINGERPRINT_SIZE, cost, (error, key) => {
      // Bun has `undefined` where others have `null`.
      if (error) reject(error);
      else resolve(key);
    });
  });
  return verificationCode(fingerprint);
}
