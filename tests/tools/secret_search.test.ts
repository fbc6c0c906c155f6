import { assertEquals, assertLess, assertMatch, assertNotMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { currentRuntime, runArguments } from "../../examples/demo/runtimes.ts";
import { runCommand } from "./command.ts";
import {
  describeFinding,
  isTelling,
  mask,
  SecretSearch,
  type SecretValue,
  toHex,
} from "./secret_search.ts";

const TOKEN = '66d29164ee8"cd919';
const KEY = Uint8Array.from({ length: 32 }, (_, i) => (i * i * 37 + 11 * i + 9) & 0xff);
const BYTES = new TextEncoder().encode(TOKEN);

/** How a key, or a token's bytes, may be printed. */
const WRITTEN: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  "hex": toHex,
  "hex in capitals": (bytes) => toHex(bytes).toUpperCase(),
  "hex with colons": (bytes) => Array.from(bytes, (byte) => toHex(Uint8Array.of(byte))).join(":"),
  "hex literals": (bytes) => Array.from(bytes, (byte) => `0x${toHex(Uint8Array.of(byte))}`).join(),
  "Buffer": (bytes) => inspect(Buffer.from(bytes)),
  "base64": (bytes) => Buffer.from(bytes).toString("base64"),
  "base64url": (bytes) => Buffer.from(bytes).toString("base64url"),
  "base64 after one byte": (bytes) => Buffer.from([1, ...bytes, 2]).toString("base64"),
  "base64 after two bytes": (bytes) => Buffer.from([1, 2, ...bytes]).toString("base64url"),
  "String": String,
  "JSON of an array": (bytes) => JSON.stringify([...bytes]),
  "JSON with indices": (bytes) => JSON.stringify(bytes),
  "JSON on many lines": (bytes) => JSON.stringify({ bytes, list: [...bytes] }, undefined, 2),
  "inspect": (bytes) => inspect(bytes),
  "inspect of an array": (bytes) => inspect({ nested: { list: [...bytes] } }, { depth: 9 }),
  "inspect in colours": (bytes) => inspect([...bytes], { colors: true }),
};

for (const [name, write] of Object.entries(WRITTEN)) {
  test(`SecretSearch finds a key, and a token's bytes: ${name}`, () => {
    const kinds = (secret: SecretValue, text: string) =>
      new Set(new SecretSearch(["other-token-1", secret]).find(text).map(({ kind }) => kind));
    for (const around of [write, (bytes: Uint8Array) => `a key: 12 ${write(bytes)}\n7 fade`]) {
      assertEquals(kinds(KEY, around(KEY)), new Set(["key"]));
      assertEquals(kinds(TOKEN, around(BYTES)), new Set(["token"]));
      // The same without its last byte, or with another one, is none.
      assertEquals(kinds(KEY, around(KEY.slice(0, -1))).size, 0);
      assertEquals(kinds(KEY, around(KEY.with(20, 1))).size, 0);
    }
  });
}

test("SecretSearch finds a token in text, in a URL and in JSON", () => {
  const search = new SecretSearch([TOKEN]);
  for (const text of [TOKEN, `?token=${TOKEN}&v=8`, JSON.stringify({ d: { token: TOKEN } })]) {
    assertEquals(search.find(text).map(({ kind, form }) => [kind, form]), [["token", "text"]]);
  }
  assertEquals(search.find(TOKEN.slice(1)), []);
  assertEquals(search.find(""), []);
});

test("SecretSearch tells numbers from their ends", () => {
  const search = new SecretSearch([KEY]);
  assertEquals(KEY[0], 9);
  assertEquals(search.find(`1${KEY.join()}`), []);
  assertEquals(search.find(`${KEY.join()}1`), []);
  assertEquals(search.find(`1,${KEY.join()},1`).length, 1);
});

test("SecretSearch finds every occurrence of every secret, in order", () => {
  const text = `one ${toHex(KEY)} two ${TOKEN}${TOKEN}\nthree ${KEY.join(" ")}`;
  const search = new SecretSearch([TOKEN, KEY, TOKEN, "66d29164ee8-another", KEY.slice()]);
  assertEquals(search.size, 3);
  const findings = search.find(text);
  assertEquals(findings.map(({ kind, form }) => `${kind} ${form}`), [
    "key hex",
    "token text",
    "token text",
    "key numbers",
  ]);
  assertEquals(
    mask(text, findings),
    "one [secret] two [secret][secret]\nthree [secret]",
  );
  assertEquals(findings.map((finding) => describeFinding(text, finding)), [
    "a key as hex, line 1, column 5",
    "a token as text, line 1, column 74",
    "a token as text, line 1, column 91",
    "a key as numbers, line 2, column 7",
  ]);
});

test("mask leaves nothing of secrets that overlap", () => {
  const long = `${TOKEN}-and-more`;
  const findings = new SecretSearch([TOKEN, long]).find(`<${long}>`);
  assertEquals(mask(`<${long}>`, findings), "<[secret]>");
});

test("isTelling leaves out what could be anything", () => {
  const counting = (step: number) => Uint8Array.from({ length: 32 }, (_, i) => 200 + i * step);
  const anything: SecretValue[] = [
    "",
    "token",
    "t0ken-1",
    "hasOwnProperty",
    "__proto__",
    "00000000",
    "12345678",
    "----------------",
    new Uint8Array(),
    new Uint8Array(32),
    new Uint8Array(32).fill(7),
    counting(1),
    counting(-1),
    counting(3),
    KEY.slice(0, 15),
  ];
  for (const value of anything) assertEquals(isTelling(value), false, String(value));
  assertEquals(new SecretSearch(anything).size, 0);
  for (const value of ["66d29164", "my-token", KEY, KEY.slice(0, 16)]) {
    assertEquals(isTelling(value), true, String(value));
  }
});

test("SecretSearch takes time by the size of the text, not by the number of secrets", () => {
  const secrets = Array.from({ length: 4000 }, (_, i) => `${10_000 + i}-token-of-the-test`);
  const text = "[12, 34, 0x56] some output of a test 7f\n".repeat(10_000);
  const search = new SecretSearch([...secrets, KEY]);
  const start = performance.now();
  assertEquals(search.find(`${text}${secrets[3999]}`).length, 1);
  assertLess(performance.now() - start, 5000);
});

// The runner, over files that are planted

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Planted {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs the runner over a test file that uses a token and a key, and does something more. */
async function plant(deed: string): Promise<Planted> {
  const folder = mkdtempSync(join(tmpdir(), "sotto-planted-"));
  try {
    const path = join(folder, "planted.test.ts");
    const secret = JSON.stringify(new URL("../../lib/secret.ts", import.meta.url));
    writeFileSync(
      path,
      `import { spawn } from "node:child_process";
       import process from "node:process";
       import test from "node:test";
       import { Secret } from ${secret};
       const token = new Secret(${JSON.stringify(TOKEN)}).reveal();
       const key = new Secret(Uint8Array.of(${KEY})).reveal();
       test("planted", async () => { ${deed}; await 0; });`,
    );
    const args = runArguments(currentRuntime(), "tests/run.ts", [
      "--runtime",
      currentRuntime(),
      path,
    ]);
    return await runCommand(process.execPath, args, { cwd: ROOT, timeLimit: 60_000 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What makes the present runtime print the argument that follows. */
const PRINTS = currentRuntime() === "deno"
  ? '["eval", "console.log(Deno.args[0])"]'
  : '["-e", "console.log(process.argv.at(-1))"]';

/** A child of the planted test, which drops what it prints. */
const CHILD = `await new Promise((resolve) =>
  spawn(process.execPath, ${PRINTS}.concat(key.join(" ")))
    .on("close", resolve).stdout.resume())`;

const DEEDS: readonly (readonly [string, string, RegExp])[] = [
  ["prints a token", "console.log({ token })", /SECRET: output: a token as text, line \d+/],
  ["prints a key to stderr", "console.error(key)", /SECRET: output: a key as numbers, line \d+/],
  ["starts a child that prints", CHILD, /SECRET: output of a child process: a key as numbers/],
];

for (const [name, deed, told] of DEEDS) {
  test(`run.ts fails a file that ${name}, and does not repeat the secret`, async () => {
    const { ok, output } = await plant(deed);
    assertEquals(ok, false, output);
    assertMatch(output, told);
    assertMatch(output, /\n1 tokens and 1 keys used, .*\n1 passed, 1 failed\n$/);
    assertEquals(new SecretSearch([TOKEN, KEY]).find(output), []);
  });
}

test("run.ts passes a file that uses secrets and prints none", async () => {
  const { ok, output } = await plant("console.log(String(new Secret(token)))");
  assertEquals(ok, true, output);
  assertNotMatch(output, /SECRET/);
  assertMatch(
    output,
    /\n1 tokens and 1 keys used, searched for in [1-9]\d* characters.*\n1 passed, 0 failed/,
  );
});

test("secret_recorder.ts does nothing where no folder is named", async () => {
  const recorder = fileURLToPath(new URL("secret_recorder.ts", import.meta.url));
  const { SOTTO_SECRETS: _, ...env } = process.env;
  const child = spawn(process.execPath, runArguments(currentRuntime(), recorder), { env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => output += text);
  const code = await new Promise((resolve) => child.on("close", resolve));
  assertEquals([code, output], [0, ""]);
});
