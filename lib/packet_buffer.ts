/**
 * Memory for one packet at a time, used again for the next. What is made of it are views, one for
 * each size: a view costs as much as a small packet, so each is made once.
 *
 * @module
 */

/** A buffer and its views. */
export class PacketBuffer {
  /** All of it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #views: (Uint8Array<ArrayBuffer> | undefined)[] = [];

  /**
   * Takes memory over.
   *
   * @param bytes The memory; nobody else may use it.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  /**
   * The beginning of it.
   *
   * @param size Bytes, at most as many as there are.
   * @returns A view; the same one for the same size.
   */
  view(size: number): Uint8Array<ArrayBuffer> {
    return this.#views[size] ??= this.bytes.subarray(0, size);
  }
}
