/**
 * Secrets that a user may read and nobody prints: the property is there, not enumerable and
 * not writable, and in its place inspection and JSON show `[redacted]`.
 *
 * @module
 */

const REDACTED = "[redacted]";
/** What Node, Deno and Bun ask an object for before they print it. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof INSPECT;

/**
 * Gives an object a property that is not shown.
 *
 * @param target The object; its other properties are shown as they are.
 * @param name Name of the property.
 * @param read Gives its value.
 */
export function hide(target: object, name: string, read: () => unknown): void {
  const shown = (): object => ({ ...target, [name]: REDACTED });
  Object.defineProperties(target, {
    [name]: { get: read, enumerable: false },
    toJSON: { value: shown, enumerable: false },
    [INSPECT]: { value: shown, enumerable: false },
  });
}

/**
 * Copies bytes, so that they are not shown either once they are read.
 *
 * @param bytes The secret.
 * @returns A copy whose text form is `[redacted]`.
 */
export function hiddenBytes(bytes: Uint8Array): Uint8Array {
  return HiddenBytes.from(bytes);
}

class HiddenBytes extends Uint8Array<ArrayBuffer> {
  override toString(): string {
    return REDACTED;
  }

  override toLocaleString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [INSPECT](): string {
    return REDACTED;
  }
}
