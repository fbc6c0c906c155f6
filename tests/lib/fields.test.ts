import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { PayloadError, RemoteProtocolError } from "../../lib/errors.ts";
import {
  FLAG,
  ID,
  IDS,
  INTEGER,
  isInteger,
  isRecord,
  lenient,
  NONCE,
  nullable,
  NUMBER,
  objects,
  optional,
  PORT,
  readFields,
  type Rule,
  TEXT,
  TEXTS,
  U16,
  U32,
} from "../../lib/fields.ts";
import { JSON_KINDS, shown } from "../tools/vectors.ts";

/** Reads one field of a payload. */
function read(rule: Rule, value: unknown): unknown {
  return readFields<{ x: unknown }>(7, { x: value }, { x: rule }).x;
}

function errorOf(rule: Rule, value: unknown): PayloadError {
  return assertThrows(() => read(rule, value), PayloadError);
}

const LONGEST = "x".repeat(128);

/** For each rule its words, what it takes and what it refuses. */
const RULES: readonly [rule: Rule, wanted: string, good: unknown[], bad: unknown[]][] = [
  [TEXT, "a string", ["", "x"], [1, true, [], ["x"], {}]],
  [ID, "a string of 1 to 128 characters", ["x", " ", LONGEST], ["", 1, true, ["x"], {}]],
  [
    IDS,
    "an array of strings of 1 to 128 characters",
    [[], ["a", LONGEST]],
    ["a", 1, {}, [""], ["a", `${LONGEST}x`], [1], ["a", null], [["a"]]],
  ],
  [TEXTS, "an array of strings", [[], ["a", ""]], ["a", 1, {}, [1], ["a", null], [["a"]]]],
  [
    U32,
    "an unsigned 32-bit integer",
    [0, 1, 0xffffffff],
    [-1, 0.5, 2 ** 32, NaN, Infinity, "1", true, [1], {}],
  ],
  [U16, "an unsigned 16-bit integer", [0, 65535], [-1, 0.5, 65536, "1", true, [1], {}]],
  [PORT, "an integer of 1 to 65535", [1, 65535], [0, -1, 1.5, 65536, "1", true, [1], {}]],
  [
    NONCE,
    "an integer",
    [0, -1, 2 ** 53 - 1, -(2 ** 53) + 1],
    [0.5, 2 ** 53, 1e300, "1", true, [1], {}],
  ],
  [INTEGER, "an unsigned integer", [0, 2 ** 53 - 1], [-1, 0.5, 2 ** 53, "1", true, [1], {}]],
  [NUMBER, "a number", [0, -1, 0.5, 1e300], [NaN, Infinity, -Infinity, "1", true, [1], {}]],
  [FLAG, "a boolean", [true, false], [0, 1, "true", [true], {}]],
];

for (const [rule, wanted, good, bad] of RULES) {
  test(`readFields() takes ${wanted}, and says so of anything else`, () => {
    for (const value of good) assertEquals(read(rule, value), value);
    for (const value of [undefined, null, ...bad]) {
      const { message, op, field } = errorOf(rule, value);
      assertEquals(message, `op 7: "x" must be ${wanted}: got ${shown(value)}`);
      assertEquals([op, field], [7, "x"]);
    }
  });

  test(`readFields() leaves out ${wanted} that is optional and absent or null`, () => {
    for (const value of [undefined, null]) {
      assertEquals(readFields<{ x?: unknown }>(7, { x: value }, { x: optional(rule) }), {});
    }
    for (const value of good) assertEquals(read(optional(rule), value), value);
    for (const value of bad) errorOf(optional(rule), value);
  });

  test(`readFields() keeps null where ${wanted} is nullable, and wants the field`, () => {
    assertEquals(readFields(7, { x: null }, { x: nullable(rule) }), { x: null });
    for (const value of good) assertEquals(read(nullable(rule), value), value);
    for (const value of [undefined, ...bad]) {
      assertEquals(
        errorOf(nullable(rule), value).message,
        `op 7: "x" must be ${wanted} or null: got ${shown(value)}`,
      );
    }
  });
}

test("readFields() leaves out a lenient field that is wrong, whatever it is", () => {
  for (const [rule, , good, bad] of RULES) {
    for (const value of [undefined, null, ...bad]) {
      assertEquals(readFields<{ x?: unknown }>(7, { x: value }, { x: lenient(rule) }), {});
    }
    for (const value of good) assertEquals(read(lenient(rule), value), value);
  }
});

test("A field that is nullable is made what is wanted, unless it is null", () => {
  const rule = nullable({ ...U16, read: (value: number) => value === 0 ? undefined : -value });
  assertEquals(read(rule, null), null);
  assertEquals(read(rule, 7), -7);
  assertEquals(readFields<{ x?: unknown }>(7, { x: 0 }, { x: rule }), {});
  assertEquals(read(nullable(objects({ a: U16 })), null), null);
});

test("A field that is nullable and optional may be absent, whichever comes first", () => {
  for (const rule of [optional(nullable(U16)), nullable(optional(U16))]) {
    assertEquals(readFields<{ x?: unknown }>(7, {}, { x: rule }), {});
    assertEquals(readFields(7, { x: null }, { x: rule }), { x: null });
    errorOf(rule, "1");
  }
});

test("An id of more than 128 characters is refused, or left out where it is lenient", () => {
  const long = `${LONGEST}x`;
  const wanted = `op 7: "x" must be ${ID.wanted}: got "${"x".repeat(80)}"`;
  for (const rule of [ID, optional(ID)]) assertEquals(errorOf(rule, long).message, wanted);
  assertEquals(read(lenient(ID), long), undefined);
});

test("objects() checks each field of each object", () => {
  const rule = objects<{ a: number; b?: string }>({ a: U16, b: optional(TEXT) });
  for (const value of [[], [{ a: 1 }], [{ a: 1, b: "x" }, { a: 2 }]]) {
    assertEquals(read(rule, value), value);
  }
  for (const value of [{}, { a: 1 }, [null], [[]], [{}], [{ a: 1 }, { a: -1 }], [{ a: 1, b: 2 }]]) {
    const { message } = errorOf(rule, value);
    assertEquals(
      message,
      `op 7: "x" must be an array of objects with valid fields: got ${shown(value)}`,
    );
  }
});

test("objects() hands out what has a rule, without what is null, in objects of its own", () => {
  const rule = objects<{ a: number; b?: string; c: number | null; d: number }>({
    a: U16,
    b: optional(TEXT),
    c: nullable(U16),
    d: lenient(DOUBLED),
  });
  const items = [{ a: 1, b: null, c: null, d: 2, e: [] }, { a: 2, b: "x", c: 3, d: "2" }];
  const before = structuredClone(items);
  assertEquals(read(rule, items), [{ a: 1, c: null, d: 4 }, { a: 2, b: "x", c: 3 }]);
  assertEquals(items, before);
  assertEquals(read(optional(rule), items), read(rule, items));
  assertEquals(read(objects({ x: rule }), [{ x: items }]), [{ x: read(rule, items) }]);
});

const DOUBLED: Rule = { ...U16, read: (value: number) => 2 * value };

test("readFields() makes of a field what its rule reads, and leaves out undefined", () => {
  for (const rule of [DOUBLED, optional(DOUBLED), lenient(DOUBLED)]) assertEquals(read(rule, 3), 6);
  const positive: Rule = { ...U16, read: (value: number) => value === 0 ? undefined : value };
  for (const rule of [positive, optional(positive), lenient(positive)]) {
    assertEquals(readFields<{ x?: unknown }>(7, { x: 0 }, { x: rule }), {});
    assertEquals(read(rule, 1), 1);
  }
  for (const falsy of [0, "", false, null]) {
    assertEquals(read({ ...U16, read: () => falsy }, 1), falsy);
  }
});

test("readFields() gives a rule's reader nothing that the rule does not accept", () => {
  const given: unknown[] = [];
  const rule: Rule = { ...U16, read: (value) => given.push(value) };
  for (const value of [undefined, null, -1, "1"]) {
    assertThrows(() => read(rule, value), PayloadError);
    assertEquals(readFields<{ x?: unknown }>(7, { x: value }, { x: lenient(rule) }), {});
  }
  for (const value of [undefined, null]) {
    assertEquals(readFields<{ x?: unknown }>(7, { x: value }, { x: optional(rule) }), {});
  }
  assertThrows(() => readFields(7, { x: 1, y: -1 }, { x: rule, y: U16 }), PayloadError);
  assertEquals(given, []);
});

test("A secret's value is kept out of the error, wherever one looks", () => {
  const secret = { ...U16, secret: true };
  for (const rule of [secret, optional(secret), nullable(secret)]) {
    const error = errorOf(rule, "66d29164ee8cd919");
    const texts = [error.message, error.rule, error.stack, inspect(error), JSON.stringify(error)];
    assertEquals(error.message, `op 7: "x" must be ${rule.wanted}: got another value`);
    assertEquals(texts.join().includes("66d29164ee8cd919"), false);
  }
});

test("readFields() leaves fields aside that have no rule, and does not change the payload", () => {
  const d = { x: 1, y: 2, "": 3, constructor: 4 };
  assertEquals(readFields<{ x: number }>(7, d, { x: U16 }), { x: 1 });
  assertEquals(d, { x: 1, y: 2, "": 3, constructor: 4 });
});

test("readFields() refuses what is no object", () => {
  for (const d of [undefined, null, true, 0, "text", [], [{ x: 1 }]]) {
    const { message, field } = assertThrows(() => readFields(7, d, {}), PayloadError);
    assertEquals([message, field], ["op 7: the payload must be an object", undefined]);
    const inner = assertThrows(() => readFields(7, d, {}, "data"), PayloadError);
    assertEquals([inner.message, inner.field], ['op 7: "data" must be an object', "data"]);
  }
});

test("readFields() names the path of a field that lies deeper", () => {
  const error = assertThrows(
    () => readFields<{ port: number }>(1, { port: 0 }, { port: PORT }, "data"),
    PayloadError,
  );
  assertEquals(error.message, 'op 1: "data.port" must be an integer of 1 to 65535: got 0');
  assertEquals(
    [error.field, error.rule],
    ["data.port", '"data.port" must be an integer of 1 to 65535'],
  );
});

test("PayloadError is a RemoteProtocolError, whose rule shows no value", () => {
  const error = errorOf(TEXT, 12345);
  assertEquals([error instanceof RemoteProtocolError, error.name], [true, "RemoteProtocolError"]);
  assertEquals([error.op, error.field, error.rule], [7, "x", '"x" must be a string']);
});

test("A wrong value is shown shortened", () => {
  const { message } = errorOf(U16, "x".repeat(10_000));
  assertEquals(message, `op 7: "x" must be an unsigned 16-bit integer: got "${"x".repeat(80)}"`);
});

// JSON.parse() of V8 has no depth limit, but JSON.stringify() overflows the stack, after a
// second on Bun.
test("A wrong value that is nested deeply, or has no JSON, is a PayloadError too", () => {
  for (const depth of [5_000, 100_000]) {
    const nested: unknown = JSON.parse("[".repeat(depth) + "]".repeat(depth));
    assertEquals(errorOf(U16, nested).message.length < 200, true);
  }
  assertEquals(errorOf(U16, 1n).message.startsWith('op 7: "x" must be '), true);
});

test("isRecord() and isInteger() tell JSON kinds apart", () => {
  assertEquals(JSON_KINDS.map(isRecord).map(Number).join(""), "00000000000011");
  const values = [0, 9, 10, -1, 0.5, NaN, "1", null];
  const integers = [true, true, false, false, false, false, false, false];
  assertEquals(values.map((value) => isInteger(value, 9)), integers);
});
