/**
 * Ids of users and channels, as bytes: big-endian in MLS, little-endian where a user's media
 * key is exported.
 *
 * @module
 */

import { isSnowflake } from "../snowflake.ts";

const ID_SIZE = 8;

/**
 * The bytes of an id.
 *
 * @param id The id, decimal.
 * @param littleEndian Whether its lowest byte comes first.
 * @throws {RangeError} It is not an unsigned 64-bit integer.
 */
export function encodeId(id: string, littleEndian = false): Uint8Array {
  if (!isSnowflake(id)) {
    throw new RangeError(`Cannot encode ${JSON.stringify(id)}: it is no unsigned 64-bit integer`);
  }
  const bytes = new Uint8Array(ID_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(id), littleEndian);
  return bytes;
}

/**
 * The id in an MLS identity.
 *
 * @param identity Its bytes, big-endian.
 * @returns The id, decimal; `undefined` where it is none.
 */
export function decodeId(identity: Uint8Array): string | undefined {
  if (identity.length !== ID_SIZE) return undefined;
  const view = new DataView(identity.buffer, identity.byteOffset, ID_SIZE);
  return String(view.getBigUint64(0));
}
