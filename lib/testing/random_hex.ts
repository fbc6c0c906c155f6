/**
 * Random text in the shapes that Discord uses.
 *
 * @module
 */

/** Random hexadecimal digits. @returns Two digits for each byte. */
export function randomHex(random: (into: Uint8Array) => void, byteCount: number): string {
  const bytes = new Uint8Array(byteCount);
  random(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random user id. @returns 18 decimal digits. */
export function randomSnowflake(random: (into: Uint8Array) => void): string {
  const bytes = new Uint8Array(17);
  random(bytes);
  return `1${Array.from(bytes, (byte) => byte % 10).join("")}`;
}
