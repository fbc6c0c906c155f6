/**
 * How the state of a call's encryption is written. The parts that have states of their own (MLS,
 * openers) are snapshots within the snapshot; points in time are what remains until then.
 *
 * @module
 */

import { Secret } from "../secret.ts";
import { encodeInteger, takeInteger } from "./frames/opener_state.ts";
import type { SendRatchetState } from "./frames/mod.ts";
import { concat, copy } from "./mls/bytes.ts";
import { optional, type Reader, u16, u64, u8, vector } from "./mls/codec.ts";
import type { PendingTransition } from "./pending.ts";
import { DAVE_STATES, type DaveState } from "./transitions.ts";
import { decodeId, encodeId } from "./user_id.ts";

/** What is restored, for people. */
export const SESSION = "a DAVE session";

/** Bytes of a snapshot within a snapshot. */
export function encodeSecret(state: Secret<Uint8Array>): Uint8Array {
  return vector(state.reveal());
}

/** Reads a snapshot within a snapshot. */
export function takeSecret(reader: Reader): Secret<Uint8Array> {
  return new Secret(reader.vector());
}

/** Bytes of a ratchet that seals, or of none. */
export function encodeSendRatchet(state: SendRatchetState | undefined): Uint8Array {
  if (state === undefined) return optional(undefined);
  const { nonce, generation, secret, fingerprint } = state;
  const numbers = concat(encodeInteger(nonce), encodeInteger(generation));
  return optional(concat(numbers, encodeSecret(secret), vector(fingerprint)));
}

/** Reads a ratchet that seals, or none. */
export function takeSendRatchet(reader: Reader): SendRatchetState | undefined {
  return reader.optional((item) => ({
    nonce: takeInteger(item),
    generation: takeInteger(item),
    secret: takeSecret(item),
    fingerprint: copy(item.vector()),
  }));
}

/** Bytes of a user id; none for an id that cannot be in a group. */
export function encodeUser(userId: string): readonly Uint8Array[] {
  try {
    return [encodeId(userId)];
  } catch {
    return [];
  }
}

/** Reads the id of a user or a channel. */
export function takeUser(reader: Reader): string {
  return decodeId(u64(reader.u64()))!;
}

/** Bytes of a state. */
export function encodeState(state: DaveState): Uint8Array {
  return u8(DAVE_STATES.indexOf(state));
}

/**
 * Reads a state.
 *
 * @throws {RangeError} It is none that can go on.
 */
export function takeState(reader: Reader): DaveState {
  const state = DAVE_STATES[reader.u8()];
  if (state !== undefined && state !== "closed") return state;
  throw new RangeError(`Cannot restore ${SESSION}: its state is none that can go on`);
}

/** Bytes of a transition that waits. */
export function encodePending(id: number, transition: PendingTransition): Uint8Array {
  const { version, epoch, secret } = transition;
  const epochBytes = optional(epoch === undefined ? undefined : u64(epoch));
  const secretBytes = optional(secret === undefined ? undefined : vector(secret));
  return concat(u16(id), encodeInteger(version), epochBytes, secretBytes);
}

/** Reads a transition that waits. */
export function takePending(reader: Reader): [id: number, transition: PendingTransition] {
  const id = reader.u16();
  const version = takeInteger(reader);
  const epoch = reader.optional((item) => item.u64());
  const secret = reader.optional((item) => copy(item.vector()));
  return [id, { version, epoch, secret }];
}
