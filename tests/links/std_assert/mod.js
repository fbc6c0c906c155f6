/* @ts-self-types="./mod.d.ts" */

/**
 * Work-offline stand-in for `jsr:@std/assert`: the functions the tests use,
 * with the same names and semantics.
 *
 * @module
 */

import { inspect } from "node:util";

export class AssertionError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "AssertionError";
  }
}

export function assert(expr, msg = "") {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(expr, msg = "") {
  if (expr) throw new AssertionError(msg);
}

export function fail(msg) {
  throw new AssertionError(`Failed assertion${suffix(msg, ": ", ".")}`);
}

export function unreachable(msg) {
  throw new AssertionError(`Unreachable${suffix(msg, ": ", ".")}`);
}

export function unimplemented(msg) {
  throw new AssertionError(`Unimplemented${suffix(msg, ": ", ".")}`);
}

export function equal(a, b) {
  return difference(a, b, "", new Map()) === undefined;
}

export function assertEquals(actual, expected, msg) {
  const at = difference(actual, expected, "", new Map());
  if (at === undefined) return;
  throw new AssertionError(`Values are not equal${suffix(msg)}${pair(actual, expected, at)}`);
}

export function assertNotEquals(actual, expected, msg) {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${show(actual)} not to be: ${show(expected)}${suffix(msg)}`,
  );
}

export function assertStrictEquals(actual, expected, msg) {
  if (Object.is(actual, expected)) return;
  const reason = equal(actual, expected)
    ? "Values have the same structure but are not reference-equal"
    : "Values are not strictly equal";
  throw new AssertionError(`${reason}${suffix(msg)}${pair(actual, expected, "")}`);
}

export function assertNotStrictEquals(actual, expected, msg) {
  if (!Object.is(actual, expected)) return;
  throw new AssertionError(
    `Expected "actual" to not be strictly equal to: ${show(actual)}${suffix(msg)}`,
  );
}

export function assertAlmostEquals(actual, expected, tolerance, msg) {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= limit) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than "${limit}"${
      suffix(msg)
    }`,
  );
}

export function assertGreater(actual, expected, msg) {
  if (actual > expected) return;
  throw new AssertionError(`Expect ${show(actual)} > ${show(expected)}${suffix(msg)}`);
}

export function assertGreaterOrEqual(actual, expected, msg) {
  if (actual >= expected) return;
  throw new AssertionError(`Expect ${show(actual)} >= ${show(expected)}${suffix(msg)}`);
}

export function assertLess(actual, expected, msg) {
  if (actual < expected) return;
  throw new AssertionError(`Expect ${show(actual)} < ${show(expected)}${suffix(msg)}`);
}

export function assertLessOrEqual(actual, expected, msg) {
  if (actual <= expected) return;
  throw new AssertionError(`Expect ${show(actual)} <= ${show(expected)}${suffix(msg)}`);
}

export function assertExists(actual, msg) {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}

export function assertMatch(actual, expected, msg) {
  if (matches(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`,
  );
}

export function assertNotMatch(actual, expected, msg) {
  if (!matches(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not match: "${expected}"${suffix(msg)}`,
  );
}

export function assertStringIncludes(actual, expected, msg) {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}

export function assertArrayIncludes(actual, expected, msg) {
  const missing = Array.from(expected).filter((item) =>
    !Array.from(actual).some((other) => equal(item, other))
  );
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${show(actual)}" to include: "${show(expected)}"${suffix(msg)}\nmissing: ${
      show(missing)
    }`,
  );
}

export function assertObjectMatch(actual, expected, msg) {
  assertEquals(pick(actual, expected), expected, msg);
}

export function assertInstanceOf(actual, expectedType, msg) {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${typeName(actual)}"${
      suffix(msg)
    }`,
  );
}

export function assertNotInstanceOf(actual, unexpectedType, msg) {
  if (!(actual instanceof unexpectedType)) return;
  throw new AssertionError(
    `Expected object to not be an instance of "${unexpectedType.name}"${suffix(msg)}`,
  );
}

export function assertIsError(error, ErrorClass, msgMatches, msg) {
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `Expected "error" to be an Error object${suffix(msg)}, but was ${show(error)}`,
    );
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${typeName(error)}"${
        suffix(msg)
      }: ${error.message}`,
      { cause: error },
    );
  }
  const fits = msgMatches === undefined ||
    (msgMatches instanceof RegExp
      ? matches(error.message, msgMatches)
      : error.message.includes(msgMatches));
  if (!fits) {
    throw new AssertionError(
      `Expected error message to ${msgMatches instanceof RegExp ? "match" : "include"} ${
        show(msgMatches)
      }, but got ${show(error.message)}${suffix(msg)}`,
      { cause: error },
    );
  }
}

export function assertThrows(fn, ...rest) {
  const { ErrorClass, msgIncludes, msg } = throwOptions(rest);
  let error;
  try {
    fn();
  } catch (thrown) {
    error = thrown;
    checkThrown(error, ErrorClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(msg)}`);
}

export async function assertRejects(fn, ...rest) {
  const { ErrorClass, msgIncludes, msg } = throwOptions(rest);
  let returned;
  let error;
  try {
    returned = fn();
  } catch (thrown) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(msg)}`,
      { cause: thrown },
    );
  }
  if (typeof returned?.then !== "function") {
    throw new AssertionError(`Function must return a promise${suffix(msg)}`);
  }
  try {
    await returned;
  } catch (thrown) {
    error = thrown;
    checkThrown(error, ErrorClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(msg)}`);
}

function throwOptions([first, second, third]) {
  return typeof first === "function"
    ? { ErrorClass: first, msgIncludes: second, msg: third }
    : { msg: first };
}

function checkThrown(error, ErrorClass, msgIncludes, msg) {
  if (ErrorClass) assertIsError(error, ErrorClass, msgIncludes, msg);
}

function suffix(msg, before = ": ", otherwise = "") {
  return msg ? `${before}${msg}` : otherwise;
}

function matches(text, pattern) {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

function typeName(value) {
  return value === null || typeof value !== "object"
    ? value === null ? "null" : typeof value
    : value.constructor?.name ?? "Object";
}

function show(value) {
  return inspect(value, {
    depth: 12,
    sorted: true,
    breakLength: 100,
    maxArrayLength: 256,
    maxStringLength: 4096,
  });
}

function pair(actual, expected, at) {
  const place = at === "" ? "" : `\n  first difference at: ${at}`;
  return `${place}\n    actual: ${indent(actual)}\n  expected: ${indent(expected)}`;
}

function indent(value) {
  return show(value).replaceAll("\n", "\n            ");
}

/** Returns the path of the first difference, "(value)" at the top; undefined = equal. */
function difference(a, b, path, seen) {
  const here = path === "" ? "(value)" : path;
  if (Object.is(a, b) || (typeof a === "number" && a === b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return here;
  if (!sameConstructor(a, b)) return here;
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${typeName(a)} instances`);
  }
  if (seen.get(a) === b) return undefined;
  seen.set(a, b);
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime()) ? undefined : here;
  if (a instanceof RegExp || a instanceof URL) {
    return String(a) === String(b) ? undefined : here;
  }
  if (a instanceof String || a instanceof Number || a instanceof Boolean) {
    if (!Object.is(a.valueOf(), b.valueOf())) return here;
  }
  if (a instanceof Error) {
    if (a.name !== b.name || a.message !== b.message) return here;
    const cause = difference(a.cause, b.cause, `${path}.cause`, seen);
    if (cause !== undefined) return cause;
  }
  if (ArrayBuffer.isView(a)) return bytesDifference(a, b, path);
  if (a instanceof ArrayBuffer) {
    return bytesDifference(new Uint8Array(a), new Uint8Array(b), path);
  }
  if (a instanceof Set) return sameMembers([...a], [...b], equal) ? undefined : here;
  if (a instanceof Map) {
    const sameEntry = (x, y) => equal(x[0], y[0]) && equal(x[1], y[1]);
    return sameMembers([...a], [...b], sameEntry) ? undefined : here;
  }
  return propertyDifference(a, b, path, seen);
}

function sameConstructor(a, b) {
  const plain = (x) => x === undefined || x === Object;
  return a.constructor === b.constructor || (plain(a.constructor) && plain(b.constructor));
}

function bytesDifference(a, b, path) {
  const items = (view) =>
    view instanceof DataView ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : view;
  const [x, y] = [items(a), items(b)];
  const size = Math.min(x.length, y.length);
  for (let i = 0; i < size; i++) {
    if (x[i] !== y[i] && !(Number.isNaN(x[i]) && Number.isNaN(y[i]))) return `${path}[${i}]`;
  }
  return x.length === y.length ? undefined : `${path}.length`;
}

function sameMembers(a, b, same) {
  if (a.length !== b.length) return false;
  const rest = [...b];
  for (const item of a) {
    const index = rest.findIndex((other) => same(item, other));
    if (index === -1) return false;
    rest.splice(index, 1);
  }
  return true;
}

function propertyDifference(a, b, path, seen) {
  if (Array.isArray(a) && a.length !== b.length) {
    const size = Math.min(a.length, b.length);
    for (let i = 0; i < size; i++) {
      const at = difference(a[i], b[i], `${path}[${i}]`, seen);
      if (at !== undefined) return at;
    }
    return `${path}.length`;
  }
  const keys = new Set([...ownKeys(a), ...ownKeys(b)]);
  for (const key of keys) {
    const at = `${path}${place(key, Array.isArray(a))}`;
    if (Object.hasOwn(a, key) !== Object.hasOwn(b, key)) return at;
    const inside = difference(a[key], b[key], at, seen);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function ownKeys(value) {
  return [
    ...Object.keys(value),
    ...Object.getOwnPropertySymbols(value).filter((symbol) =>
      Object.prototype.propertyIsEnumerable.call(value, symbol)
    ),
  ];
}

function place(key, inArray) {
  return inArray || typeof key === "symbol" ? `[${String(key)}]` : `.${key}`;
}

function pick(actual, expected) {
  if (
    typeof actual !== "object" || actual === null || typeof expected !== "object" ||
    expected === null || Array.isArray(expected) || ArrayBuffer.isView(expected)
  ) return actual;
  const picked = Object.create(Object.getPrototypeOf(expected));
  for (const key of ownKeys(expected)) {
    if (key in actual) picked[key] = pick(actual[key], expected[key]);
  }
  return picked;
}
