/**
 * Memory that is used again for each frame and grows with the largest one.
 *
 * @module
 */

/** A buffer that grows. */
export class Scratch {
  #bytes = new Uint8Array(0);

  /**
   * The buffer, with room for so many bytes. What was in it is lost where it grows.
   *
   * @param size Bytes that are wanted.
   * @returns At least as many.
   */
  ofSize(size: number): Uint8Array {
    if (this.#bytes.length < size) {
      this.erase();
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(size)));
    }
    return this.#bytes;
  }

  /** Overwrites what is in it. */
  erase(): void {
    this.#bytes.fill(0);
  }
}
