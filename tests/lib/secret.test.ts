import { assertEquals } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { Secret } from "../../lib/secret.ts";

const TOKEN = "66d29164ee8cd919";

test("Secret.reveal() gives what the constructor was given", () => {
  const key = Uint8Array.of(1, 2);
  assertEquals(new Secret(TOKEN).reveal(), TOKEN);
  assertEquals(new Secret(key).reveal() === key, true);
});

test("Secret has no text form but [redacted]", () => {
  const secret = new Secret(TOKEN);
  assertEquals(String(secret), "[redacted]");
  assertEquals(`${secret}`, "[redacted]");
  assertEquals("" + secret, "[redacted]");
  assertEquals([secret].join(), "[redacted]");
  assertEquals(JSON.stringify({ secret }), '{"secret":"[redacted]"}');
});

test("Secret is hidden from inspection, copies and enumeration", () => {
  const secret = new Secret(TOKEN);
  const shown = [
    inspect(secret, { depth: Infinity, showHidden: true }),
    inspect({ nested: [secret] }, { depth: Infinity, showHidden: true }),
    inspect(new Error("x", { cause: secret })),
    JSON.stringify({ ...secret }),
    JSON.stringify(Object.getOwnPropertyDescriptors(secret)),
    Reflect.ownKeys(secret).join(),
  ];
  for (const text of shown) assertEquals(text.includes(TOKEN), false, text);
});
