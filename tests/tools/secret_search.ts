/**
 * Finds tokens and keys in what programs have printed, in the forms in which they get there:
 * a token as text; both as hex, as base64 and as a list of numbers, whatever stands between
 * the digits (`console.log` of an array breaks lines, a `Buffer` has spaces, JSON of a
 * `Uint8Array` has indices).
 *
 * Theory of operation: each form is looked for in a view of the text that holds the digits of
 * that form only, and knows where each came from. All secrets are looked for at once, by
 * their first characters, so that the work grows with the text and not with its product.
 *
 * @module
 */

/** A token or a key. */
export type SecretValue = string | Uint8Array;

/** How a secret was written. */
export type SecretForm = "text" | "hex" | "base64" | "numbers";

/** Where a secret stands. It does not say which. */
export interface Finding {
  /** What it is. */
  readonly kind: "token" | "key";
  /** How it is written. */
  readonly form: SecretForm;
  /** Offset of its first character. */
  readonly start: number;
  /** Offset behind its last character. */
  readonly end: number;
}

/** Fewest characters of a token that is looked for. */
export const TOKEN_MINIMUM = 8;

/** Fewest bytes of a key that is looked for. */
export const KEY_MINIMUM = 16;

/** Characters by which candidates are found; no needle is shorter. */
const PREFIX = 8;

interface Needle {
  readonly kind: Finding["kind"];
  readonly text: string;
}

/** What is left of a text, in pieces that each came from one place. */
interface View {
  readonly text: string;
  readonly starts: readonly number[];
  readonly origins: readonly number[];
}

/** An escape sequence that colours a terminal. */
// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[[\d;]*m/.source;

const VIEWS: Readonly<Record<SecretForm, (text: string) => View>> = {
  text: (text) => ({ text, starts: [0], origins: [0] }),
  hex: (text) => view(text, /0x|([0-9a-f]+)/, (digits) => digits.toLowerCase()),
  base64: (text) =>
    view(text, /([\w+/-]+)/, (digits) => digits.replaceAll("-", "+").replaceAll("_", "/")),
  numbers: (text) => view(text, /(\d+)/, (digits) => `${digits},`),
};

/** Looks for secrets. */
export class SecretSearch {
  readonly #needles: Readonly<Record<SecretForm, Map<string, Needle[]>>> = {
    text: new Map(),
    hex: new Map(),
    base64: new Map(),
    numbers: new Map(),
  };
  #tokens = 0;
  #keys = 0;

  /** @param secrets What is looked for; repetitions and what could be anything are left out. */
  constructor(secrets: Iterable<SecretValue>) {
    const seen = new Set<string>();
    for (const secret of secrets) {
      const name = typeof secret === "string" ? `"${secret}` : toHex(secret);
      if (seen.has(name) || !isTelling(secret)) continue;
      seen.add(name);
      if (typeof secret === "string") this.#tokens++;
      else this.#keys++;
      this.#add(secret);
    }
  }

  /** How many tokens are looked for. */
  get tokens(): number {
    return this.#tokens;
  }

  /** How many keys are looked for. */
  get keys(): number {
    return this.#keys;
  }

  /** How many secrets are looked for. */
  get size(): number {
    return this.#tokens + this.#keys;
  }

  /** Where secrets stand in a text, in order. */
  find(text: string): Finding[] {
    if (this.size === 0) return [];
    const forms = Object.keys(VIEWS) as SecretForm[];
    return forms.flatMap((form) => [...this.#findForm(text, form)])
      .sort((a, b) => a.start - b.start || b.end - a.end);
  }

  *#findForm(text: string, form: SecretForm): Generator<Finding> {
    const needles = this.#needles[form];
    if (needles.size === 0) return;
    const view = VIEWS[form](text);
    for (let at = 0; at + PREFIX <= view.text.length; at++) {
      const candidates = needles.get(view.text.slice(at, at + PREFIX));
      // The longest come first.
      const needle = candidates?.find((candidate) => view.text.startsWith(candidate.text, at));
      // "112,3," ends like "12,3,": a number begins where its piece of the view does.
      if (needle === undefined || form === "numbers" && !/^,?$/.test(view.text[at - 1] ?? "")) {
        continue;
      }
      const last = at + needle.text.length - (form === "numbers" ? 2 : 1);
      yield { kind: needle.kind, form, start: originOf(view, at), end: originOf(view, last) + 1 };
    }
  }

  #add(secret: SecretValue): void {
    const kind = typeof secret === "string" ? "token" : "key";
    const add = (form: SecretForm, text: string) => {
      const known = this.#needles[form];
      const prefix = text.slice(0, PREFIX);
      const needles = [...known.get(prefix) ?? [], { kind, text } as const];
      known.set(prefix, needles.sort((a, b) => b.text.length - a.text.length));
    };
    if (typeof secret === "string") {
      for (const text of new Set([secret, JSON.stringify(secret).slice(1, -1)])) add("text", text);
    }
    const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
    add("hex", toHex(bytes));
    for (const offset of [0, 1, 2]) add("base64", base64Core(bytes, offset));
    const numbers = [...bytes];
    add("numbers", numbers.map((byte) => `${byte},`).join(""));
    add("numbers", numbers.map((byte, index) => `${index},${byte},`).join(""));
  }
}

/**
 * Whether a value can be told from ordinary text, so that finding it means something. Not
 * what is short, constant or counting: tests use such keys, and every list of indices holds
 * them. Not a single word either: fuzzing sends `hasOwnProperty` as a token.
 */
export function isTelling(secret: SecretValue): boolean {
  if (typeof secret === "string" && /^[A-Za-z_]*$/.test(secret)) return false;
  const units = typeof secret === "string"
    ? Array.from(secret, (character) => character.codePointAt(0)!)
    : [...secret];
  if (units.length < (typeof secret === "string" ? TOKEN_MINIMUM : KEY_MINIMUM)) return false;
  const steps = units.slice(1).map((unit, i) => (unit - units[i]! + 256) % 256);
  return new Set(steps).size > 2;
}

/** Puts `[secret]` in the place of what was found. */
export function mask(text: string, findings: readonly Finding[]): string {
  let masked = "";
  let at = 0;
  for (const { start, end } of findings) {
    if (start >= at) masked += text.slice(at, start) + "[secret]";
    at = Math.max(at, end);
  }
  return masked + text.slice(at);
}

/** Says what was found and where, for example `a key as hex, line 3, column 7`. */
export function describeFinding(text: string, { kind, form, start }: Finding): string {
  const before = text.slice(0, start);
  const line = before.split("\n").length;
  return `a ${kind} as ${form}, line ${line}, column ${start - before.lastIndexOf("\n")}`;
}

/** Bytes as hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The digits of base64 that are the same whatever stands around the bytes. */
function base64Core(bytes: Uint8Array, offset: number): string {
  const digits = btoa(String.fromCharCode(...new Uint8Array(offset), ...bytes));
  return digits.slice(Math.ceil(offset * 8 / 6), Math.floor((offset + bytes.length) * 8 / 6));
}

/** @param kept Matches a piece as its group; what it matches without is left out. */
function view(text: string, kept: RegExp, write: (piece: string) => string): View {
  const pattern = new RegExp(`${COLOUR}|${kept.source}`, "gi");
  const pieces: string[] = [];
  const [starts, origins]: [number[], number[]] = [[], []];
  let size = 0;
  for (const { 1: piece, index } of text.matchAll(pattern)) {
    if (piece === undefined) continue;
    starts.push(size);
    origins.push(index);
    const written = write(piece);
    pieces.push(written);
    size += written.length;
  }
  return { text: pieces.join(""), starts, origins };
}

/** Offset in the text of what stands at an offset of the view. */
function originOf({ starts, origins }: View, at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return origins[low]! + at - starts[low]!;
}
