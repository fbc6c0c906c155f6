/**
 * What the fuzz tests know of a parser, and of the three kinds of input there are: bytes,
 * text and JSON values.
 *
 * @module
 */

import fc from "fast-check";
import { hex, toHex } from "../tools/vectors.ts";
import {
  copyJson,
  type Json,
  jsonTruncations,
  mutateBytes,
  mutateJson,
  mutateText,
} from "./mutate.ts";

/** A kind of input. */
export interface Domain<I> {
  /** Random inputs. */
  readonly random: fc.Arbitrary<I>;
  /** Changes an input as a number says; the input itself stays as it is. */
  readonly mutate: (input: I, word: number, seeds: readonly I[]) => I;
  /** All inputs that are this one cut short. */
  readonly truncations: (input: I) => I[];
  /** Remembers an input; what is returned tells whether it is still the same. */
  readonly remember: (input: I) => () => boolean;
  /** An input as the corpus keeps it. */
  readonly toJson: (input: I) => Json;
  /** Reads what `toJson` wrote. */
  readonly fromJson: (json: Json) => I;
}

/** Bytes; hexadecimal in the corpus. */
export const BYTES: Domain<Uint8Array> = {
  random: fc.uint8Array({ maxLength: 96, size: "max" }),
  mutate: mutateBytes,
  truncations: (bytes) => Array.from(bytes, (_, size) => bytes.slice(0, size)),
  remember: (bytes) => {
    const before = bytes.slice();
    return () => sameBytes(bytes, before);
  },
  toJson: toHex,
  fromJson: (json) => hex(String(json)),
};

/** Text. */
export const TEXT: Domain<string> = {
  random: fc.oneof(utf16(), fc.json(), fc.string()),
  mutate: mutateText,
  truncations: (text) => Array.from({ length: text.length }, (_, size) => text.slice(0, size)),
  remember: () => () => true,
  toJson: (text) => text,
  fromJson: String,
};

/** Any UTF-16 units, unpaired surrogates among them. */
function utf16(): fc.Arbitrary<string> {
  return fc.array(fc.nat(0xffff), { maxLength: 32 }).map((units) => String.fromCharCode(...units));
}

/** JSON values; cut short where a field, an item or an end of text is missing. */
export const VALUE: Domain<Json> = {
  random: fc.jsonValue() as fc.Arbitrary<Json>,
  mutate: mutateJson,
  truncations: jsonTruncations,
  remember: (value) => {
    const before = JSON.stringify(value);
    return () => JSON.stringify(value) === before;
  },
  toJson: copyJson,
  fromJson: (json) => json,
};

/** Takes one input, checks what comes of it, and names the outcome. */
export type Run<I> = (input: I) => string;

/** A parser under test. */
export interface Parser<I> {
  /** Name for people, and of its file in the corpus. */
  readonly name: string;
  /** Exports of the library that it calls. */
  readonly covers: readonly string[];
  /** What it takes. */
  readonly domain: Domain<I>;
  /** Valid inputs, the simplest first. */
  readonly seeds: readonly I[];
  /** All outcomes that there are; the corpus reaches each, or an input of `large` does. */
  readonly outcomes: readonly string[];
  /** Begins a row of inputs: what has no memory returns the same function always. */
  readonly start: () => Run<I>;
  /** Inputs of a row; 8 by default. */
  readonly row?: number;
  /** Share of the inputs, where several entries of the table make up one parser. */
  readonly share?: number;
  /** Inputs as large as they come, by name: their outcome, and how they are made. */
  readonly large?: Readonly<Record<string, readonly [outcome: string, make: () => I]>>;
}

/** A parser whatever it takes. */
// deno-lint-ignore no-explicit-any
export type AnyParser = Parser<any>;

/** Declares a parser without memory. */
export function parser<I>(
  entry: Omit<Parser<I>, "start"> & { readonly run: Run<I> },
): Parser<I> {
  const { run, ...rest } = entry;
  return { ...rest, start: () => run };
}

/** Names the rejection of a class of errors; throws what is none of it. */
export function rejection(
  error: unknown,
  ...classes: readonly (new (...args: never[]) => Error)[]
): string {
  const known = classes.find((type) => error instanceof type);
  if (known === undefined) throw error;
  const { name, message } = error as Error;
  if (message.length > 1000) throw new Error(`A message of ${message.length} characters`);
  return `${name}: ${reasonOf(message)}`;
}

/** A message without what it tells of the input: numbers, and what stands behind `got`. */
export function reasonOf(message: string): string {
  return message.replace(/: got [\s\S]*$/, "").replace(/-?\d+(?:\.\d+)?/g, "#");
}

/** Fails unless `condition` holds. The text is made only then: these checks run often. */
export function check(condition: boolean, text: () => string): asserts condition {
  if (!condition) throw new Error(text());
}

/** Fails unless a number is an integer of `min` to `max`. */
export function checkInteger(what: string, value: unknown, min: number, max: number): void {
  const valid = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  check(valid, () => `${what} is ${value}, want an integer of ${min} to ${max}`);
}

/** Fails unless a number is unsigned and has at most 32 bits. */
export function checkU32(what: string, value: unknown): void {
  checkInteger(what, value, 0, 0xffffffff);
}

/** Fails unless the bytes are the same. */
export function checkSame(what: string, actual: Uint8Array, expected: Uint8Array): void {
  const text = () => `${what} is ${toHex(actual)}, want ${toHex(expected)}`;
  check(sameBytes(actual, expected), text);
}

function sameBytes(actual: Uint8Array, expected: Uint8Array): boolean {
  if (actual.length !== expected.length) return false;
  for (let i = 0; i < actual.length; i++) if (actual[i] !== expected[i]) return false;
  return true;
}
