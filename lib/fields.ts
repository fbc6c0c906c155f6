/**
 * Checks the fields of received JSON, with errors that say opcode, field, what it must
 * be and what it is.
 *
 * @module
 */

import { PayloadError } from "./errors.ts";

/** What a field must be. */
export interface Rule {
  /** In words, for the error. */
  readonly wanted: string;
  /** Tells whether a value is that. */
  readonly accepts: (value: unknown) => boolean;
  /** Makes of it what is wanted; `undefined` leaves the field out. By default it stays as it is. */
  // deno-lint-ignore no-explicit-any -- what `accepts` has accepted
  readonly read?: (value: any) => unknown;
  /** Whether the field may be absent or null; it is then left out. */
  readonly optional?: boolean;
  /** Whether the field is left out where it is wrong, too: nothing depends on it. */
  readonly lenient?: boolean;
  /** Whether the value is a secret, which the error does not show. */
  readonly secret?: boolean;
}

/** A rule for each field of a payload. */
export type Rules<T> = { readonly [K in keyof T]-?: Rule };

const SHOWN_SIZE = 80;
const ID_LIMIT = 128;

/** Rule: text. */
export const TEXT: Rule = { wanted: "a string", accepts: (value) => typeof value === "string" };
/** Rule: a snowflake or another id. */
export const ID: Rule = {
  wanted: "a string of 1 to 128 characters",
  accepts: (value) => typeof value === "string" && value !== "" && value.length <= ID_LIMIT,
};
/** Rule: ids. */
export const IDS: Rule = {
  wanted: "an array of strings of 1 to 128 characters",
  accepts: (value) => Array.isArray(value) && value.every(ID.accepts),
};
/** Rule: texts. */
export const TEXTS: Rule = {
  wanted: "an array of strings",
  accepts: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
};
/** Rule: an SSRC, or another unsigned integer of 32 bits. */
export const U32: Rule = {
  wanted: "an unsigned 32-bit integer",
  accepts: (value) => isInteger(value, 0xffffffff),
};
/** Rule: an unsigned integer of 16 bits. */
export const U16: Rule = {
  wanted: "an unsigned 16-bit integer",
  accepts: (value) => isInteger(value, 0xffff),
};
/** Rule: a UDP port that can be sent to. */
export const PORT: Rule = {
  wanted: "an integer of 1 to 65535",
  accepts: (value) => isInteger(value, 0xffff) && value > 0,
};
/** Rule: an integer that a heartbeat can have as its nonce. */
export const NONCE: Rule = { wanted: "an integer", accepts: Number.isSafeInteger };
/** Rule: any unsigned integer. */
export const INTEGER: Rule = {
  wanted: "an unsigned integer",
  accepts: (value) => isInteger(value, Number.MAX_SAFE_INTEGER),
};
/** Rule: a number. */
export const NUMBER: Rule = {
  wanted: "a number",
  accepts: (value) => typeof value === "number" && Math.abs(value) < Infinity,
};
/** Rule: true or false. */
export const FLAG: Rule = {
  wanted: "a boolean",
  accepts: (value) => typeof value === "boolean",
};

/** The same rule for a field that may be absent or null. */
export function optional(rule: Rule): Rule {
  return { ...rule, optional: true };
}

/** The same rule for a field on which nothing depends: where it is wrong it is left out. */
export function lenient(rule: Rule): Rule {
  return { ...rule, lenient: true };
}

/** The same rule for a field that may be null, and then is. */
export function nullable(rule: Rule): Rule {
  return {
    ...rule,
    wanted: `${rule.wanted} or null`,
    accepts: (value) => value === null || rule.accepts(value),
    read: (value) => value === null || rule.read === undefined ? value : rule.read(value),
  };
}

/**
 * Rule: objects whose fields follow rules of their own.
 *
 * @param rules A rule for each of their fields.
 */
export function objects<T>(rules: Rules<T>): Rule {
  const accepts = (value: unknown) =>
    isRecord(value) &&
    Object.entries<Rule>(rules).every(([name, rule]) => holds(rule, value[name]));
  return {
    wanted: "an array of objects with valid fields",
    accepts: (value) => Array.isArray(value) && value.every(accepts),
    read: (items: Record<string, unknown>[]) => items.map((item) => pick(item, rules)),
  };
}

/**
 * Takes the fields that have a rule out of a payload.
 *
 * @param op Opcode of the message, for the error.
 * @param d The payload.
 * @param rules A rule for each field.
 * @param path Where the payload stands in the message's, for the error.
 * @returns The fields, without those that are absent.
 * @throws {PayloadError} The payload is no object, or a field is not what it must be.
 */
export function readFields<T>(op: number, d: unknown, rules: Rules<T>, path: string = ""): T {
  if (!isRecord(d)) {
    throw new PayloadError(op, path === "" ? undefined : path, "an object");
  }
  for (const [name, rule] of Object.entries<Rule>(rules)) {
    if (!holds(rule, d[name])) wrong(op, path === "" ? name : `${path}.${name}`, rule, d[name]);
  }
  return pick(d, rules);
}

/** The fields that have a rule, without those that are absent. */
function pick<T>(d: Record<string, unknown>, rules: Rules<T>): T {
  const fields: Record<string, unknown> = {};
  for (const [name, { accepts, read }] of Object.entries<Rule>(rules)) {
    const value = d[name];
    if (!accepts(value)) continue;
    const taken = read === undefined ? value : read(value);
    if (taken !== undefined) fields[name] = taken;
  }
  return fields as T;
}

/**
 * Says that a field is not what it must be.
 *
 * @param op Opcode of the message.
 * @param field Name of the field.
 * @param rule What it must be.
 * @param value What it is.
 */
export function wrong(op: number, field: string, rule: Rule, value: unknown): never {
  const shown = rule.secret ? "another value" : show(value);
  throw new PayloadError(op, field, rule.wanted, shown);
}

/** Tells whether `value` is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tells whether `value` is an integer of 0 to `max`. */
export function isInteger(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function holds({ accepts, optional, lenient }: Rule, value: unknown): boolean {
  return accepts(value) || lenient === true ||
    optional === true && (value === undefined || value === null);
}

/** Neither long nor deep: it is the work of a stranger. */
function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN_SIZE));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return isRecord(value) ? "an object" : String(value);
}
