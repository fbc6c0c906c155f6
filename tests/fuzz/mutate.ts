/**
 * Changes to valid inputs, chosen by one number each: 0 leaves the input alone, so that a
 * failure shrinks by numbers going to 0.
 *
 * @module
 */

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Bytes, or characters, beyond which an input does not grow. */
export const SIZE_LIMIT = 4096;

const NESTING_LIMIT = 64;
const NODE_LIMIT = 512;

/** Draws numbers from 0 to `bound - 1`. */
export type Draw = (bound: number) => number;

/**
 * A source of reproducible numbers.
 *
 * @param word Any integer.
 */
export function drawFrom(word: number): Draw {
  let state = Math.imul(word ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) % bound;
  };
}

// Bytes

type BytesChange = (bytes: Uint8Array, draw: Draw, seeds: readonly Uint8Array[]) => Uint8Array;

const BYTES: readonly number[] = [0, 1, 2, 4, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];
const WIDE: readonly number[] = [0, 1, 3, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff];

const BYTES_CHANGES: readonly BytesChange[] = [
  flipBit,
  flipBit,
  (bytes, draw) => writeAt(bytes, draw, 1, draw(256)),
  (bytes, draw) => writeAt(bytes, draw, 1, BYTES[draw(BYTES.length)]),
  (bytes, draw) => addTo(bytes, draw),
  (bytes, draw) => writeAt(bytes, draw, 2, WIDE[draw(WIDE.length)]),
  (bytes, draw) => writeAt(bytes, draw, 2, draw(bytes.length + 2)),
  (bytes, draw) => writeAt(bytes, draw, 4, draw(2) === 0 ? 0xffffffff : draw(2 ** 32)),
  (bytes, draw) => replace(bytes, draw, 0, new Uint8Array(draw(9))),
  (bytes, draw) => replace(bytes, draw, 0, noise(draw, 1 + draw(16))),
  (bytes, draw) => replace(bytes, draw, 1 + draw(16), new Uint8Array(0)),
  (bytes, draw) => replace(bytes, draw, 0, slice(bytes, draw)),
  (bytes, draw, seeds) => replace(bytes, draw, draw(32), slice(seeds[draw(seeds.length)], draw)),
  (bytes, draw) => bytes.slice(0, draw(bytes.length + 1)),
  (bytes, draw) => join(bytes, noise(draw, 1 + draw(32))),
  (bytes, draw, seeds) => join(bytes, seeds[draw(seeds.length)]),
];

/** Changes bytes; they themselves stay as they are. */
export function mutateBytes(
  bytes: Uint8Array,
  word: number,
  seeds: readonly Uint8Array[],
): Uint8Array {
  if (word === 0) return bytes;
  const draw = drawFrom(word);
  const changed = BYTES_CHANGES[draw(BYTES_CHANGES.length)](bytes, draw, seeds);
  return changed.length > SIZE_LIMIT ? changed.slice(0, SIZE_LIMIT) : changed;
}

function flipBit(bytes: Uint8Array, draw: Draw): Uint8Array {
  const changed = bytes.slice();
  if (bytes.length > 0) changed[draw(bytes.length)] ^= 1 << draw(8);
  return changed;
}

function addTo(bytes: Uint8Array, draw: Draw): Uint8Array {
  const changed = bytes.slice();
  if (bytes.length > 0) changed[draw(bytes.length)] += draw(9) - 4;
  return changed;
}

/** Writes an integer, big or little endian: a size, a count, an id. */
function writeAt(bytes: Uint8Array, draw: Draw, size: number, value: number): Uint8Array {
  const changed = bytes.slice();
  if (bytes.length < size) return changed;
  const at = draw(bytes.length - size + 1);
  const little = draw(4) === 0;
  for (let i = 0; i < size; i++) {
    changed[at + i] = Math.floor(value / 2 ** (8 * (little ? i : size - 1 - i)));
  }
  return changed;
}

function replace(bytes: Uint8Array, draw: Draw, size: number, by: Uint8Array): Uint8Array {
  const at = draw(bytes.length + 1);
  return join(bytes.subarray(0, at), by, bytes.subarray(at + size));
}

function slice(bytes: Uint8Array, draw: Draw): Uint8Array {
  const at = draw(bytes.length + 1);
  return bytes.subarray(at, at + draw(bytes.length - at + 1));
}

function noise(draw: Draw, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => draw(256));
}

/** Joins byte arrays. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Text

const TOKENS: readonly string[] = [
  ...'{}[]":,\\-. \t\n\0\x7fé\ud800\udc00/@?#0123456789eE+'.split(""),
  ...["null", "true", "false", "NaN", "1e999", "-0", "1e-7", "18446744073709551616", "0x10"],
  ...['"op"', '"d"', '"seq"', '"__proto__"', '"\\u0000"', '"\\ud800"', "{}", "[]", '{"op":', "😀"],
];

type TextChange = (text: string, draw: Draw, seeds: readonly string[]) => string;

const TEXT_CHANGES: readonly TextChange[] = [
  (text, draw) => replaceText(text, draw, 0, TOKENS[draw(TOKENS.length)]),
  (text, draw) => replaceText(text, draw, 1, TOKENS[draw(TOKENS.length)]),
  (text, draw) => replaceText(text, draw, 1 + draw(8), ""),
  (text, draw) => replaceText(text, draw, 0, sliceText(text, draw)),
  (text, draw, seeds) => replaceText(text, draw, draw(16), sliceText(pick(seeds, draw), draw)),
  (text, draw) => replaceText(text, draw, 1, String.fromCharCode(draw(0x10000))),
  (text, draw) => text.slice(0, draw(text.length + 1)),
  (text, draw) => text + TOKENS[draw(TOKENS.length)].repeat(1 + draw(64)),
];

/** Changes text; half of the time as the JSON value that it is, if it is one. */
export function mutateText(text: string, word: number, seeds: readonly string[]): string {
  if (word === 0) return text;
  const draw = drawFrom(word);
  const value = draw(2) === 0 ? parsed(text) : undefined;
  const changed = value === undefined
    ? TEXT_CHANGES[draw(TEXT_CHANGES.length)](text, draw, seeds)
    : JSON.stringify(mutateJson(value, word, parsedSeeds(seeds)));
  return changed.slice(0, SIZE_LIMIT);
}

const PARSED = new WeakMap<readonly string[], readonly Json[]>();

/** Those of the seeds that are JSON, as values; `null` where none is. */
function parsedSeeds(seeds: readonly string[]): readonly Json[] {
  const known = PARSED.get(seeds);
  if (known !== undefined) return known;
  const values = seeds.map(parsed).filter((value) => value !== undefined);
  const found = values.length === 0 ? [null] : values;
  PARSED.set(seeds, found);
  return found;
}

function replaceText(text: string, draw: Draw, size: number, by: string): string {
  const at = draw(text.length + 1);
  return text.slice(0, at) + by + text.slice(at + size);
}

function sliceText(text: string, draw: Draw): string {
  const at = draw(text.length + 1);
  return text.slice(at, at + draw(text.length - at + 1));
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

// JSON

const VALUES: readonly Json[] = [
  ...[null, true, false, "", "text", "0", "1", "éa", "\ud800", "\0", [], {}, [null], { "": 0 }],
  ...[0, 1, -1, 2, 7, 8, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53],
  ...[0.5, -0, 1e-7, 1e300, -1e300, 1e21, "udp", "1".repeat(200), "x".repeat(600)],
];

const KEYS: readonly string[] = ["", "__proto__", "constructor", "toString", "op", "d", "length"];

/** A place in a value: `holder.root`, or a field or item below it. */
interface Place {
  readonly holder: Record<string, Json> | Json[];
  readonly key: string | number;
}

type JsonChange = (place: Place, draw: Draw, seeds: readonly Json[]) => void;

const JSON_CHANGES: readonly JsonChange[] = [
  (place, draw) => put(place, copyJson(pick(VALUES, draw))),
  (place, draw) => put(place, copyJson(pick(VALUES, draw))),
  remove,
  remove,
  (place, draw) => put(place, tweak(get(place), draw)),
  (place, draw) => put(place, tweak(get(place), draw)),
  (place, draw) => put(place, nest(get(place), 1 + draw(NESTING_LIMIT))),
  (place) => put(place, convert(get(place))),
  (place, draw, seeds) =>
    put(place, copyJson(get(pick(placesIn({ root: pick(seeds, draw) }), draw)))),
  ({ holder, key }, draw) => {
    const name = pick(KEYS, draw);
    const value = copyJson(get({ holder, key }));
    if (Array.isArray(holder)) holder.push(value);
    else {Object.defineProperty(holder, name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });}
  },
];

/** Changes a JSON value at one place; the value itself stays as it is. */
export function mutateJson(value: Json, word: number, seeds: readonly Json[]): Json {
  if (word === 0) return value;
  const draw = drawFrom(word);
  const holder = { root: copyJson(value) };
  const place = pick(placesIn(holder), draw);
  JSON_CHANGES[draw(JSON_CHANGES.length)](place, draw, seeds);
  return holder.root ?? null;
}

/** Each value with one field or item less, or with a text cut short. */
export function jsonTruncations(value: Json): Json[] {
  const count = placesIn({ root: value }).length;
  return Array.from({ length: count }, (_, index) => {
    const texts: Json[] = [];
    const [holder, place] = placeOf(value, index);
    const present = get(place);
    if (typeof present === "string") {
      for (let size = 0; size < present.length; size++) {
        const [other, at] = placeOf(value, index);
        put(at, present.slice(0, size));
        texts.push(other.root);
      }
    }
    remove(place);
    return [...texts, holder.root ?? null];
  }).flat();
}

function placeOf(value: Json, index: number): [holder: { root: Json }, place: Place] {
  const holder = { root: copyJson(value) };
  return [holder, placesIn(holder)[index]];
}

/** Every place of a value, breadth first, the root first. */
function placesIn(root: { root: Json }): Place[] {
  const places: Place[] = [{ holder: root, key: "root" }];
  for (let i = 0; i < places.length && places.length < NODE_LIMIT; i++) {
    const value = get(places[i]);
    if (typeof value !== "object" || value === null) continue;
    for (const key of Object.keys(value)) {
      places.push({ holder: value, key: Array.isArray(value) ? Number(key) : key });
    }
  }
  return places;
}

/** A copy of a JSON value; what lies too deep is cut off. */
export function copyJson(value: Json, depth = 0): Json {
  if (typeof value !== "object" || value === null) return value;
  if (depth > 8 * NESTING_LIMIT) return null;
  if (Array.isArray(value)) return value.map((item) => copyJson(item, depth + 1));
  const copy: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    const item = copyJson(value[key], depth + 1);
    if (key === "__proto__") {
      Object.defineProperty(copy, key, {
        value: item,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else copy[key] = item;
  }
  return copy;
}

function get({ holder, key }: Place): Json {
  return (holder as Record<string | number, Json>)[key];
}

function put({ holder, key }: Place, value: Json): void {
  (holder as Record<string | number, Json>)[key] = value;
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function nest(value: Json, depth: number): Json {
  let nested = value;
  for (let i = 0; i < depth; i++) nested = i % 2 === 0 ? [nested] : { d: nested };
  return nested;
}

function convert(value: Json): Json {
  if (typeof value === "string") return Number(value) || 0;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return Number(value);
  if (Array.isArray(value)) return Object.fromEntries(value.map((item, i) => [String(i), item]));
  return value === null ? {} : Object.values(value);
}

function tweak(value: Json, draw: Draw): Json {
  if (typeof value === "number") return value + [1, -1, 0.5, 256, 65_536, -value * 2][draw(6)];
  if (typeof value === "string") {
    const cut = value.slice(0, draw(value.length + 1));
    return draw(2) === 0
      ? cut
      : cut + pick(TOKENS, draw).repeat(1 + draw(16)) + value.slice(cut.length);
  }
  if (Array.isArray(value)) return draw(2) === 0 ? [...value, ...value] : value.slice(1);
  return value;
}

function pick<T>(items: readonly T[], draw: Draw): T {
  return items[draw(items.length)];
}
