/**
 * Where a name of a seed is here. A target is written as people would name it, and is checked:
 * values by looking at the modules, types by a line of TypeScript.
 *
 * | target | is |
 * |---|---|
 * | `VoiceConnection.rtp.nonce` | a member of an export of `.` |
 * | `Networking.state of ./networking` | the same of another entry point |
 * | `SendPayloads[0].token of ./core` | a field of a payload, by opcode |
 * | `VoiceConnection.on("speaking").ssrc` | an event, and a field of what a listener is told |
 * | `"70le" in DISCOVERY_FORMS of ./core` | an item of a list |
 * | `./networking` | an entry point |
 *
 * @module
 */

import { ENTRIES, type Entry } from "./entries.ts";

/** A target, taken apart. */
export interface Target {
  /** As it was written. */
  readonly text: string;
  /** Name of the entry point. */
  readonly entry: string;
  /** Name of the export; none where the entry point is meant. */
  readonly name: string | undefined;
  /** The item of a list. */
  readonly item: string | number | undefined;
  /** Members from the export on. */
  readonly path: readonly (string | number)[];
  /** The event. */
  readonly event: string | undefined;
  /** The field of what the event's listener is told. */
  readonly field: string | undefined;
}

const TARGET = /^(?:(?<item>"[^"]+"|\d+) in )?(?<name>\w+)(?<path>(?:\.\w+|\[\d+\])*)$/;
/** Types from event to what a listener is told; the others are named after their class. */
const EVENT_MAPS: ReadonlyMap<string, string> = new Map([["VoiceConnection", "ConnectionEvents"]]);
const EVENT = /^(.+)\.on\("(\w+)"\)(?:\.(\w+))?$/;

/**
 * Takes a target apart.
 *
 * @param text One target, its braces written out.
 * @throws {SyntaxError} It has another form.
 */
export function parseTarget(text: string): Target {
  const nothing = { item: undefined, path: [], event: undefined, field: undefined };
  if (text.startsWith("./")) return { ...nothing, text, entry: text, name: undefined };
  const [subject = "", entry = "."] = text.split(" of ");
  const [, listened = subject, event, field] = EVENT.exec(subject) ?? [];
  const { item, name, path } = TARGET.exec(listened)?.groups ?? {};
  if (name === undefined) throw new SyntaxError(`Cannot read the target "${text}"`);
  return {
    text,
    entry,
    name,
    item: item === undefined ? undefined : JSON.parse(item) as string | number,
    path: [...path!.matchAll(/\w+/g)].map(([step]) => /^\d+$/.test(step) ? Number(step) : step),
    event,
    field,
  };
}

/** What looking at the modules says of a target; `type` and `field` are left to the type checker. */
export type Finding = "value" | "type" | "field" | "missing";

/**
 * Looks for a target at run time.
 *
 * @param target The target.
 * @returns `field` where a class has no such method or accessor: its instances may have the field.
 */
export function find(target: Target): Finding {
  const entry = ENTRIES.get(target.entry);
  if (entry === undefined) return "missing";
  if (target.name === undefined) return "value";
  const value = entry.values[target.name];
  if (value === undefined) return target.item === undefined ? "type" : "missing";
  if (target.item !== undefined) {
    return Array.isArray(value) && value.includes(target.item) ? "value" : "missing";
  }
  const [step] = target.event === undefined ? target.path : ["on"];
  if (step === undefined) return "value";
  if (isClass(value)) {
    return step in value.prototype || Object.hasOwn(value, step) ? "value" : "field";
  }
  return Object.hasOwn(value as object, step) ? "value" : "missing";
}

/**
 * Writes a target as a type, which compiles only where it exists.
 *
 * @param target The target.
 * @returns TypeScript; none for an entry point, which has no name inside a program.
 */
export function reference(target: Target): string | undefined {
  const { alias, values } = ENTRIES.get(target.entry) as Entry;
  if (target.name === undefined) return undefined;
  if (target.event !== undefined) {
    const events = EVENT_MAPS.get(target.name) ?? `${target.name}Events`;
    const steps = target.field === undefined ? [target.event] : [target.event, target.field];
    return memberType(`${alias}.${events}`, steps);
  }
  const value = values[target.name];
  const owner = `${alias}.${target.name}`;
  const [first] = target.path;
  if (value === undefined) return memberType(owner, target.path);
  const isOfInstance = isClass(value) && first !== undefined && !Object.hasOwn(value, first);
  return memberType(`typeof ${owner}${isOfInstance ? '["prototype"]' : ""}`, target.path);
}

function memberType(owner: string, path: Target["path"]): string {
  return path.reduce<string>(
    (type, step, index) =>
      `${index === 0 ? type : `NonNullable<${type}>`}[${JSON.stringify(step)}]`,
    owner,
  );
}

function isClass(value: unknown): value is { readonly prototype: object } {
  return typeof value === "function" && /^class\b/.test(`${value}`);
}
