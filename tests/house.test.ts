import { assertArrayIncludes, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { countTests } from "./tools/junit.ts";
import { checkMachinePaths, checkSources, importsOf, parseCode } from "./tools/purity.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TEXT =
  /(\.(ts|js|json|md|toml|yml|yaml|html|css|sh|txt)|\/run|LICENSE|\.gitignore|deno\.lock)$/;
const IGNORED = /^(\.git|node_modules|reports|coverage)$/;

function textFiles(folder = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(ROOT + folder, { withFileTypes: true })) {
    const path = folder + entry.name;
    if (entry.isDirectory() && !IGNORED.test(entry.name)) {
      for (const [inner, text] of textFiles(`${path}/`)) files.set(inner, text);
    } else if (entry.isFile() && TEXT.test(`/${path}`)) {
      files.set(path, readFileSync(ROOT + path, "utf8"));
    }
  }
  return files;
}

const files = textFiles();
const sources = new Map(
  [...files].filter(([path]) => path.endsWith(".ts") && !/^tests\/(links|peers)\//.test(path)),
);

interface Manifest {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  publish: { include: string[] };
  compilerOptions: Record<string, unknown>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(ROOT + path, "utf8")) as Manifest;
}

function faultsOf(broken: Record<string, string>): string[] {
  return checkSources(new Map(Object.entries(broken))).map((fault) =>
    `${fault.path}: ${fault.reason}`
  );
}

test("the sources keep the laws of the tree", () => {
  assertEquals(checkSources(sources), []);
});

test("no file names a path of one machine", () => {
  assertEquals(checkMachinePaths(files), []);
});

test("checkSources() accepts what the laws allow", () => {
  assertEquals(
    faultsOf({
      "lib/a.ts": `
        // setTimeout, Date.now() and "Deno" in a comment are no code.
        import { gcm } from "@noble/ciphers/aes.js";
        import { b } from "./sub/b.ts";
        const text = "Math.random() // " + 'fetch("x")' + \`Deno \${b} Bun\`;
        const pattern = /"[/]\\/Deno/g;
        const half = 4 / 2 / 1;
        class A { #crypto = gcm; open() { return this.#crypto.length + this.options.crypto.seal(); } }
        interface Options { crypto: unknown; process?: number; performance: string }
        function process(frame: Uint8Array): void {}
        export type ArrayBuffers = ArrayBuffer | SharedArrayBuffer;
      `,
      "lib/sub/b.ts": `export const b = 1;`,
      "adapters/deno.ts": `import { a } from "../lib/a.ts"; setTimeout(() => Deno.exit(), 1);`,
      "adapters/testing/server.ts": `import { VoiceOpcode } from "../../lib/opcodes.ts";`,
      "adapters/networking/socket.ts": `import { VoiceOpcode } from "../../lib/opcodes.ts";`,
      "lib/opcodes.ts": `export const VoiceOpcode = {};`,
      "mod.ts": `export * from "./adapters/deno.ts";`,
      "examples/one.ts": `import "../mod.ts";`,
      "tests/a.test.ts": `import "../examples/one.ts"; import "@std/assert"; import "node:test";`,
    }),
    [],
  );
});

const FORBIDDEN_IN_CORE = [
  "Date.now()",
  "new Date()",
  "Math.random()",
  "const { random } = Math;",
  'Math["random"]()',
  "performance.now()",
  "const clock = performance;",
  "setTimeout(f, 1)",
  "setInterval(f, 1)",
  "Buffer.from([])",
  "x instanceof Buffer",
  "Deno.version",
  "Bun.version",
  "process.env",
  "console.log(1)",
  "crypto.getRandomValues(a)",
  'fetch("x")',
  "new TextDecoder()",
  "new TextEncoder()",
  "new WebSocket(url)",
  "globalThis.anything",
  "import.meta.url",
  "`${Date.now()}`",
  "`a ${`b ${Math.random()}`} c`",
  "const a = 1 / 2; performance.now(); const b = 3 / 4;",
  'const a = /"/; Deno.exit(); const b = /"/;',
  "declare const host: unknown;",
  "// @ts-ignore\nlet x;",
  '/// <reference lib="dom" />',
];

for (const source of FORBIDDEN_IN_CORE) {
  test(`checkSources() finds in the core: ${JSON.stringify(source)}`, () => {
    assertEquals(faultsOf({ "lib/a.ts": source }).length, 1);
    assertEquals(faultsOf({ "adapters/a.ts": source }).length, 0);
  });
}

const FORBIDDEN_IMPORTS: ReadonlyArray<readonly [path: string, source: string]> = [
  ["lib/a.ts", `import { pid } from "node:process";`],
  ["lib/a.ts", `import type { Socket } from "node:dgram";`],
  ["lib/a.ts", `import { delay } from "@std/async";`],
  ["lib/a.ts", `import { delay } from "jsr:@std/async";`],
  ["lib/a.ts", `import "opusscript";`],
  ["lib/a.ts", `import { x } from "../adapters/x.ts";`],
  ["lib/a.ts", `import type { X } from '../adapters/x.ts';`],
  ["lib/a.ts", `export * from "../adapters/x.ts";`],
  ["lib/a.ts", `import {\n  x,\n} from "../mod.ts";`],
  ["lib/a.ts", "const x = await import(`../adapters/x.ts`);"],
  ["lib/a.ts", `type X = import("../adapters/x.ts").X;`],
  ["lib/a.ts", `const x = await import(name);`],
  ["lib/a.ts", `import { x } from "./missing.ts";`],
  ["lib/a.ts", `import { x } from "../../elsewhere/x.ts";`],
  ["lib/a.ts", `import { x } from "/opt/x.ts";`],
  ["adapters/a.ts", `import { x } from "../mod.ts";`],
  ["adapters/a.ts", `import { x } from "../tests/x.ts";`],
  ["adapters/a.ts", `import { x } from "../examples/x.ts";`],
  ["adapters/a.ts", `import { assert } from "@std/assert";`],
  ["adapters/a.ts", `import { x } from "@sotto/voice/core";`],
  ["adapters/a.ts", `import { VoiceOpcode } from "../lib/opcodes.ts";`],
  ["examples/a.ts", `import { x } from "../tests/x.ts";`],
  ["mod.ts", `import { x } from "./examples/x.ts";`],
];

for (const [path, source] of FORBIDDEN_IMPORTS) {
  test(`checkSources() finds in ${path}: ${source}`, () => {
    const rest = {
      "mod.ts": "",
      "adapters/x.ts": "",
      "tests/x.ts": "",
      "examples/x.ts": "",
      "lib/opcodes.ts": "",
    };
    assertEquals(faultsOf({ ...rest, [path]: source }).length, 1);
  });
}

test("checkSources() finds an import cycle", () => {
  const faults = faultsOf({
    "lib/a.ts": `import { b } from "./b.ts";`,
    "lib/b.ts": `export { c } from "./sub/c.ts";`,
    "lib/sub/c.ts": `import type { A } from "../a.ts";`,
  });
  assertEquals(faults, [
    "lib/a.ts: import cycle: lib/a.ts -> lib/b.ts -> lib/sub/c.ts -> lib/a.ts",
  ]);
});

test("checkMachinePaths() finds paths of one machine and no addresses", () => {
  const faults = (text: string) => checkMachinePaths(new Map([["a.md", text]])).length;
  const top = "/";
  assertEquals(faults(`see ..${top}shared/design.md`), 1);
  assertEquals(faults(`"${top}home/someone/x"`), 1);
  assertEquals(faults(`one\n${top}work/main\n${top}root/x`), 2);
  assertEquals(
    faults(`https://example.com${top}home/x and lib${top}work/x and ..${top}shared-x`),
    0,
  );
});

test("parseCode() keeps strings and comments apart from code", () => {
  const code = parseCode('import a from \'./a.ts\'; // "no"\nf(`x${y + `z${1}`}`, /[`/]/, "\\"");');
  assertEquals(code.strings, ["./a.ts", '\\"']);
  assertEquals(code.comments, ['// "no"']);
  assertEquals(importsOf(code), ["./a.ts"]);
  assertStringIncludes(code.text, "y +");
});

test("deno.json, jsr.json and package.json agree", () => {
  const [deno, jsr, npm, core] = [
    manifest("deno.json"),
    manifest("jsr.json"),
    manifest("package.json"),
    manifest("lib/deno.json"),
  ];
  for (const key of ["name", "version", "license", "exports"] as const) {
    assertEquals(jsr[key], deno[key], key);
    assertEquals(npm[key], deno[key], key);
  }
  for (const key of ["imports", "compilerOptions"] as const) {
    assertEquals(jsr[key], deno[key], key);
  }
  // With links, their files are a part of the module graph that a dry run checks.
  const published = deno.publish.include.filter((path) => !path.startsWith("tests/links/"));
  assertEquals(jsr.publish.include, published);
  const versions = { ...npm.dependencies, ...npm.devDependencies };
  for (const [name, target] of Object.entries(deno.imports)) {
    const link = `file:tests/links/${name.slice(1).replace("/", "_")}`;
    assertEquals(versions[name], target.startsWith("jsr:") ? link : target.split("@").at(-1), name);
  }
  for (const [name, target] of Object.entries(core.imports)) {
    assertEquals(deno.imports[name], target, name);
  }
  assertEquals(core.compilerOptions, {
    lib: ["esnext"],
    types: [],
    ...deno.compilerOptions,
  });
});

test("every entry point exists", () => {
  const missing = Object.values(manifest("deno.json").exports).filter((path) =>
    !existsSync(ROOT + path)
  );
  assertEquals(missing, []);
});

test("every bare import of the library is in deno.json", () => {
  const known = Object.keys(manifest("deno.json").imports);
  for (const [path, source] of sources) {
    if (!/^(lib|adapters)\/|^mod\.ts$/.test(path)) continue;
    for (const specifier of importsOf(parseCode(source))) {
      if (specifier === undefined || /^(\.|node:|npm:|jsr:)/.test(specifier)) continue;
      const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
      assertArrayIncludes(known, [name], path);
    }
  }
});

test("files are named in snake_case", () => {
  for (const path of sources.keys()) {
    assertMatch(path.split("/").at(-1)!, /^[a-z0-9_]+(\.(test|d))?\.ts$/, path);
  }
});

test("deno.lock names no host", () => {
  assertEquals(/\w+:\/\/[^"\s]+/.exec(files.get("deno.lock") ?? "")?.[0], undefined);
});

test("countTests() reads the report of each runtime", () => {
  const deno = `<testsuites tests="4"><testsuite name="./tests/a.test.ts">
    <testcase name="a &lt;" time="0"></testcase>
    <testcase name="b"><failure message="x">/></failure></testcase>
    <testcase name="c"><error message="Cancelled"/></testcase>
    <testcase name="d"><skipped/></testcase></testsuite></testsuites>`;
  assertEquals(countTests(deno, "tests/a.test.ts"), { passed: 1, failed: 2, skipped: 1 });
  const bun = `<testcase name="a > b" line="2" /><testcase name="c"><skipped /></testcase>`;
  assertEquals(countTests(bun, "tests/a.test.ts"), { passed: 1, failed: 0, skipped: 1 });
  const empty = `<testsuites><testcase name="tests/a.test.ts" time="0"/></testsuites>`;
  assertEquals(countTests(empty, "tests/a.test.ts"), { passed: 0, failed: 0, skipped: 0 });
});
