/**
 * `./core` alone, bundled and minified for browsers: its size, and that it needs nothing
 * but ECMAScript.
 *
 * @module
 */

import { assert, assertArrayIncludes, assertEquals, assertLess } from "@std/assert";
import test from "node:test";
import { runInNewContext } from "node:vm";
import { bundle } from "../../examples/browser/build.ts";
import * as core from "../../lib/mod.ts";
import { aeadPackets, type Exercise, exerciseCore } from "../tools/core_exercise.ts";
import { parseCode } from "../tools/purity.ts";
import { within } from "../tools/waiting.ts";

const LIMIT = 60_000;
const SIZE_LIMIT = 75 * 1024;

/** `./dave` with its parts of `@noble/*`, which are 57 kB. */
const DAVE_SIZE_LIMIT = 132 * 1024;

let bundled: Promise<string> | undefined;

function code(): Promise<string> {
  return bundled ??= bundle(new URL("../../lib/mod.ts", import.meta.url));
}

test(
  `./core alone is less than ${SIZE_LIMIT} bytes, minified`,
  within(LIMIT, async () => {
    assertLess(new TextEncoder().encode(await code()).length, SIZE_LIMIT);
  }),
);

test(
  `./dave alone is less than ${DAVE_SIZE_LIMIT} bytes with its ciphers, minified`,
  within(LIMIT, async () => {
    const code = await bundle(new URL("../../lib/dave/mod.ts", import.meta.url));
    assertLess(new TextEncoder().encode(code).length, DAVE_SIZE_LIMIT);
  }),
);

test(
  "./core alone imports nothing and names no global of a runtime",
  within(LIMIT, async () => {
    const { text } = parseCode(await code());
    const names = ["Buffer", "process", "Deno", "Bun", "require", "import", "global", "window"];
    for (const name of names) {
      // A method may be called `process`, a property `import`.
      const found = new RegExp(`(?<![.\\w$#])${name}(?![\\w$])(?!\\s*\\([^)]*\\)\\s*\\{)`).exec(
        text,
      );
      assertEquals(found?.input.slice(found.index, found.index + 40), undefined);
    }
  }),
);

test(
  "./core alone opens packets and starts a session where there is only ECMAScript",
  within(LIMIT, async () => {
    const exported = /export\{([^{}]*)\};/.exec(await code())!;
    const names = exported[1].split(",").map((name) => name.split(" as ").reverse());
    assertEquals(names.map(([name]) => name).sort(), Object.keys(core).sort());
    const packets = aeadPackets();
    const script = `"use strict";${exported.input.slice(0, exported.index)};
      const core = { ${names.map(([name, local = name]) => `${name}: ${local}`)} };
      JSON.stringify((${exerciseCore})(core, ${JSON.stringify(packets)}))`;
    for (const name of ["process", "Buffer", "TextEncoder", "crypto", "setTimeout"]) {
      assertEquals(runInNewContext(`typeof ${name}`), "undefined");
    }
    const { opened, outputs } = JSON.parse(runInNewContext(script)) as Exercise;
    assert(packets.length > 0);
    assertEquals(opened, packets.map(({ opus }) => opus));
    assertArrayIncludes(outputs, ["openWebSocket"]);
  }),
);
