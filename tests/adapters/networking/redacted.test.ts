import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import test from "node:test";
import { format, inspect } from "node:util";
import { hiddenBytes, hide } from "../../../adapters/networking/redacted.ts";

const SECRET = "swordfish-of-the-test";

/** Every way in which a value is shown on this runtime. */
function shown(value: unknown): string[] {
  const { Deno, Bun } = globalThis as unknown as {
    Deno?: { inspect(value: unknown, options?: object): string };
    Bun?: { inspect(value: unknown): string };
  };
  const wrapped = { inner: [value] };
  return [value, wrapped].flatMap((value) => [
    inspect(value),
    inspect(value, { depth: 9, showHidden: true }),
    format("%o %O %s", value, value, value),
    `${value}`,
    JSON.stringify(value),
    JSON.stringify({ ...(value as object) }),
    ...(Deno === undefined ? [] : [Deno.inspect(value), Deno.inspect(value, { depth: 9 })]),
    ...(Bun === undefined ? [] : [Bun.inspect(value)]),
  ]);
}

test("hide() leaves a property that can be read, is not listed and cannot be written", () => {
  const object: { plain: number; word?: string } = { plain: 1 };
  hide(object, "word", () => SECRET);
  assertEquals(object.word, SECRET);
  assertEquals(Object.keys(object), ["plain"]);
  assertEquals({ ...object }, { plain: 1 });
  assertThrows(() => object.word = "other", TypeError);
  assertThrows(() => delete object.word, TypeError);
});

test("hide() shows [redacted] in its place, wherever the object is printed", () => {
  const object = { plain: 1 };
  hide(object, "word", () => SECRET);
  for (const text of shown(object)) assert(!text.includes(SECRET), text);
  assertEquals(JSON.parse(JSON.stringify(object)), { plain: 1, word: "[redacted]" });
  assertStringIncludes(inspect(object), "[redacted]");
  assertStringIncludes(inspect(object), "plain: 1");
});

test("hiddenBytes() are bytes without a text form, and a copy", () => {
  const bytes = Uint8Array.of(201, 202, 203);
  const hidden = hiddenBytes(bytes);
  assertEquals([...hidden], [201, 202, 203]);
  assert(hidden instanceof Uint8Array);
  hidden[0] = 0;
  assertEquals(bytes[0], 201);
  for (const value of [hidden, hidden.slice(), hidden.subarray(1)]) {
    const texts = [inspect(value), String(value), JSON.stringify(value), value.toLocaleString()];
    for (const text of [...texts, inspect({ deep: [value] })]) assert(!text.includes("202"), text);
  }
});
