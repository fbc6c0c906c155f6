/**
 * Where the bytes of a file come from.
 *
 * @module
 */

/** Bytes of a file: all at once, or in chunks (a web stream, a Node stream). */
export type ByteSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
