import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { redactMessage } from "../../lib/redact.ts";
import { KEY } from "../tools/driver.ts";
import { JSON_KINDS } from "../tools/vectors.ts";

const KEY_TEXT = KEY.join(",");
const DESCRIPTION = `{"op":4,"d":{"mode":"m","secret_key":[${KEY_TEXT}],"x":1},"seq":3}`;

function textOf(data: string): string {
  const redacted = redactMessage(data);
  assert(typeof redacted === "string");
  return redacted;
}

test("redactMessage() takes the key out and leaves the rest", () => {
  const message = { op: 4, d: { mode: "m", secret_key: "[redacted]", x: 1 }, seq: 3 };
  assertEquals(JSON.parse(textOf(DESCRIPTION)), message);
});

test("redactMessage() leaves other messages as they are, to the letter", () => {
  const texts = [
    "",
    "{",
    "no JSON",
    '{ "op" : 8, "d" : { "heartbeat_interval" : 13750.0 } }',
    '{"op":5,"d":{"user_id":"1","ssrc":2,"speaking":1}}',
    '{"op":9,"d":null}',
    ...JSON_KINDS.map((kind) => JSON.stringify({ op: 99, d: kind })),
  ];
  for (const text of texts) assertStrictEquals(redactMessage(text), text);
});

test("redactMessage() changes nothing of what looks like a key and is none", () => {
  for (const d of ['{"secret":1}', '"\\u00e4"', '"secret_key"', '{"the secret_key":[1]}']) {
    const text = `{"op":99,"d":${d}}`;
    assertEquals(JSON.parse(textOf(text)), JSON.parse(text));
  }
});

for (
  const name of [
    "\\u0073ecret_key",
    "secret\\u005fkey",
    "secret_ke\\u0079",
    "\\u0073\\u0065\\u0063\\u0072\\u0065\\u0074\\u005F\\u006b\\u0065\\u0079",
  ]
) {
  test(`redactMessage() knows the key by the name "${name}"`, () => {
    const text = textOf(`{"op":4,"d":{"${name}":[${KEY_TEXT}]}}`);
    assertEquals(JSON.parse(text), { op: 4, d: { secret_key: "[redacted]" } });
  });
}

const HIDING_PLACES: Record<string, string> = {
  "a record in d": `{"op":4,"d":{"x":{"secret_key":[${KEY_TEXT}]}}}`,
  "an array in d": `{"op":4,"d":{"x":[[{"secret_key":[${KEY_TEXT}]}]]}}`,
  "a list for d": `{"op":4,"d":[{"secret_key":[${KEY_TEXT}]}]}`,
  "the message itself": `{"secret_key":[${KEY_TEXT}],"op":4}`,
  "a list of messages": `[{"op":4,"d":{"secret_key":[${KEY_TEXT}]}}]`,
  "a prototype": `{"op":4,"d":{"__proto__":{"secret_key":[${KEY_TEXT}]}}}`,
  "the key and beside it": `{"op":4,"d":{"secret_key":1,"x":{"secret_key":[${KEY_TEXT}]}}}`,
};
for (const [name, text] of Object.entries(HIDING_PLACES)) {
  test(`redactMessage() shows no key that stands in ${name}`, () => {
    assertEquals(textOf(text).includes(KEY_TEXT), false, textOf(text));
  });
}

test("redactMessage() shows no key that comes twice, whichever a reader takes", () => {
  const key = `"secret_key":[${KEY_TEXT}]`;
  const texts = [
    `{"op":4,"d":{${key},${key}}}`,
    `{"op":4,"d":{"secret_key":[1],${key}}}`,
    `{"op":4,"d":{${key},"secret_key":null}}`,
    `{"op":4,"d":{${key}},"d":{}}`,
    `{"op":4,"d":{},"d":{${key}}}`,
  ];
  for (const text of texts) assertEquals(textOf(text).includes(KEY_TEXT), false, text);
});

test("redactMessage() shows no key of any form", () => {
  for (const key of ["yMnKy8zNzs8", [KEY_TEXT], { 0: KEY_TEXT }, null, 5, true]) {
    const { d } = JSON.parse(textOf(JSON.stringify({ op: 4, d: { secret_key: key } })));
    assertEquals(d, { secret_key: "[redacted]" });
  }
});

test("redactMessage() shows nothing of what is no JSON and may have a key", () => {
  const whole = DESCRIPTION;
  const from = whole.indexOf("secret") + "secret".length;
  for (let size = from; size < whole.length; size++) {
    assertEquals(redactMessage(whole.slice(0, size)), "[redacted]");
  }
  for (const text of [`\ufeff${whole}`, `${whole}}`, `${whole},`, `x${whole}`]) {
    assertEquals(redactMessage(text), "[redacted]");
  }
});

test("redactMessage() leaves bytes as they are: no binary message has a key", () => {
  const bytes = new TextEncoder().encode(DESCRIPTION);
  assertStrictEquals(redactMessage(bytes), bytes);
  assertEquals(bytes, new TextEncoder().encode(DESCRIPTION));
  const empty = new Uint8Array(0);
  assertStrictEquals(redactMessage(empty), empty);
});

test("redactMessage() takes messages of any size and depth, and throws at none", () => {
  const filler = "x".repeat(4_000_000);
  const huge = textOf(`{"op":4,"d":{"x":"${filler}","secret_key":[${KEY_TEXT}]}}`);
  assertEquals([huge.includes(filler), huge.includes(KEY_TEXT)], [true, false]);
  for (const depth of [1000, 200_000]) {
    const nest = "[".repeat(depth) + "]".repeat(depth);
    const deep = textOf(`{"op":4,"d":{"x":${nest},"secret_key":[${KEY_TEXT}]}}`);
    assertEquals(deep.includes(KEY_TEXT), false);
  }
  const escapes = textOf(`{"op":4,"d":{"x":"${"\\u0041".repeat(200_000)}"}}`);
  assertEquals(escapes.includes(KEY_TEXT), false);
});
