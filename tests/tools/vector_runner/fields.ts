/**
 * Reads the fields of a vector, of which nothing is known: each reader throws where a field
 * is not what the shape says, and the message becomes the case's `why`.
 *
 * @module
 */

import { toHex } from "../vectors.ts";

/** An object of a vector file. */
export type Fields = Readonly<Record<string, unknown>>;

/** Tells whether `value` is an object with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object itself. @throws {Error} It is none. */
export function fieldsOf(value: unknown, name: string): Fields {
  return isFields(value) ? value : wrong(name, "an object", value);
}

/** The text in a field. @throws {Error} There is none. */
export function textField(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : wrong(`"${name}"`, "a text", value);
}

/** The integer in a field. @throws {Error} There is none of 0 to `max`. */
export function integerField(fields: Fields, name: string, max: number = 0xffffffff): number {
  const value = fields[name];
  const valid = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
  return valid ? value as number : wrong(`"${name}"`, `an integer of 0 to ${max}`, value);
}

/** The bytes in a field of hexadecimal text. @throws {Error} There are none. */
export function hexField(fields: Fields, name: string): Uint8Array {
  const value = fields[name];
  const valid = typeof value === "string" && /^(?:[0-9a-f]{2})*$/i.test(value);
  if (!valid) wrong(`"${name}"`, "hexadecimal text", value);
  return Uint8Array.from(value.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** The bytes in a field that may be `null` or absent: then none. @throws {Error} It is no text. */
export function hexOrNone(fields: Fields, name: string): Uint8Array | undefined {
  return fields[name] === null || fields[name] === undefined ? undefined : hexField(fields, name);
}

/** Compares what came out with what the vector says. @throws {Error} They differ. */
export function expectEqual(what: string, got: unknown, wanted: unknown): void {
  const [gotText, wantedText] = [show(got), show(wanted)];
  if (gotText !== wantedText) throw new Error(`${what} is ${gotText}, not ${wantedText}`);
}

/** Fails the case. @throws {Error} Always. */
export function fail(why: string): never {
  throw new Error(why);
}

/** Keys never reach a message. */
const SECRET = /key|token|secret/i;

function wrong(name: string, wanted: string, value: unknown): never {
  const got = SECRET.test(name) ? `another value (${typeof value})` : show(value);
  throw new Error(`${name} must be ${wanted}: got ${got.slice(0, 80)}`);
}

/** Bytes as hexadecimal text, all else as JSON with its fields in order. */
function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof Uint8Array) return toHex(inner);
    return isFields(inner) ? sorted(inner) : inner;
  }) ?? "absent";
}

function sorted(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1));
}
