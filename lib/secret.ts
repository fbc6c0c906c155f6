/**
 * A value without a text form: tokens and keys never reach a log or an error. Being
 * private, the value is also hidden from `console.log` on every runtime.
 *
 * @module
 */

const REDACTED = "[redacted]";

/** Holds a value that must not be printed. */
export class Secret<T> {
  #value: T;

  /**
   * Hides a value.
   *
   * @param value The value to hide.
   */
  constructor(value: T) {
    this.#value = value;
  }

  /**
   * The value itself.
   *
   * @returns What the constructor was given.
   */
  reveal(): T {
    return this.#value;
  }

  /** Always `[redacted]` */
  toString(): string {
    return REDACTED;
  }

  /** Always `[redacted]` */
  toJSON(): string {
    return REDACTED;
  }
}
