/**
 * Extensions (RFC 9420 section 13), of which DAVE uses two: the ratchet tree in a GroupInfo, and
 * the external sender in the group's context.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { type Reader, u16, vector } from "./codec.ts";
import { MlsError } from "./error.ts";

/** Type of the extension that holds the ratchet tree. */
export const RATCHET_TREE_EXTENSION = 2;
/** Type of the extension that holds the external senders. */
export const EXTERNAL_SENDERS_EXTENSION = 5;

/** An extension. */
export interface Extension {
  /** What it is. */
  readonly type: number;
  /** What it says. */
  readonly data: Uint8Array;
}

/** Reads a vector of extensions, none of them twice. */
export function takeExtensions(reader: Reader): Extension[] {
  const extensions = reader.list((item) => ({ type: item.u16(), data: item.vector() }));
  if (new Set(extensions.map(({ type }) => type)).size < extensions.length) {
    throw new MlsError("malformed", "Cannot read extensions: one of them is there twice");
  }
  return extensions;
}

/** Bytes of a vector of extensions. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return vector(...extensions.map(({ type, data }) => concat(u16(type), vector(data))));
}
