/**
 * Messages of the voice gateway for people's eyes: as they came, but for the key.
 *
 * @module
 */

const REDACTED = "[redacted]";

/**
 * Takes the key out of a message.
 *
 * @param data Text or bytes of a frame; no binary message has a key.
 * @returns The same, or a text in which `[redacted]` stands in place of the key.
 */
export function redactMessage(data: string | Uint8Array): string | Uint8Array {
  // The name of the field may be written with escapes.
  if (typeof data !== "string" || !/secret|\\u/.test(data)) return data;
  try {
    return JSON.stringify(JSON.parse(data), withoutKey);
  } catch {
    return REDACTED;
  }
}

function withoutKey(name: string, value: unknown): unknown {
  return name === "secret_key" ? REDACTED : value;
}
