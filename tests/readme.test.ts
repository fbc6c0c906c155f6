/**
 * The README's example is a program that runs.
 *
 * @module
 */

import { assert, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

test("the README's testing example is examples/test_bot.ts", () => {
  const [, code] = read("examples/test_bot.ts").split(" */\n\n");
  assert(code.length > 200);
  assertStringIncludes(read("README.md"), `\`\`\`ts\n${code}\`\`\`\n`);
});

test("examples/test_bot.ts hears what its bot says", async () => {
  await import("../examples/test_bot.ts");
});
