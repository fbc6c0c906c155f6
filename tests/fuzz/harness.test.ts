// Invariant: a parser that throws what it should not, changes its input, or gives an outcome
// that nobody listed, is found; the failure names seed and input, and is shrunk.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import test from "node:test";
import { type CorpusEntry, fuzzRandom, fuzzTruncations, replay } from "./harness.ts";
import { type Json, mutateBytes, mutateJson, mutateText } from "./mutate.ts";
import { BYTES, type Domain, type Parser, parser, TEXT, VALUE } from "./parser.ts";

const OPTIONS = { runs: 20_000, seed: 1 };

function parserOf<I>(domain: Domain<I>, seeds: readonly I[], run: (input: I) => string): Parser<I> {
  return parser({ name: "planted", covers: [], domain, seeds, outcomes: ["value", "fault"], run });
}

function failureOf(planted: Parser<Uint8Array>): Error {
  return assertThrows(() => void fuzzRandom(planted, OPTIONS), Error);
}

const SEED = Uint8Array.from({ length: 40 }, (_, i) => i);

test("fuzzRandom() feeds as many inputs as are asked for, the same ones each time", () => {
  const inputs: string[][] = [[], []];
  for (const list of inputs) {
    const count = fuzzRandom(
      parserOf(BYTES, [SEED], () => "value"),
      { runs: 1000, seed: 7 },
      (_outcome, row) => list.push(row.at(-1)!.join()),
    );
    assertEquals([count, list.length], [1000, 1000]);
  }
  assertEquals(inputs[0], inputs[1]);
  assert(new Set(inputs[0]).size > 800, `${new Set(inputs[0]).size} different inputs`);
});

test("fuzzRandom() finds a throw, and names the seed and an input with little changed", () => {
  const failure = failureOf(parserOf(BYTES, [SEED], (bytes) => {
    if (bytes.length === 40 && bytes[20] === 0xff && bytes[3] === 3) throw new TypeError("planted");
    return "value";
  }));
  assertStringIncludes(failure.message, "seed: 1");
  const cause = String((failure.cause as Error).message);
  assertStringIncludes(cause, "TypeError: planted");
  const input = BYTES.fromJson(/"([0-9a-f]*)"/.exec(cause)?.[1] ?? "");
  const changed = SEED.filter((byte, i) => byte !== input[i]).length;
  assert(changed <= 4, `${changed} bytes are changed after shrinking`);
});

test("fuzzRandom() finds an input that is changed", () => {
  const failure = failureOf(parserOf(BYTES, [SEED], (bytes) => {
    if (bytes.length > 60) bytes[0] ^= 1;
    return "value";
  }));
  assertStringIncludes(String(failure.cause), "The input was changed");
});

test("fuzzRandom() finds a value that is changed", () => {
  const planted = parserOf<Json>(VALUE, [{ a: [1] }], (value) => {
    if (Array.isArray(value)) value.push(1);
    return "value";
  });
  const failure = assertThrows(() => void fuzzRandom(planted, OPTIONS), Error);
  assertStringIncludes(String(failure.cause), "The input was changed");
});

test("fuzzRandom() finds an outcome that is not listed", () => {
  const run = (bytes: Uint8Array) => bytes.length > 60 ? "surprise" : "value";
  const failure = failureOf(parserOf(BYTES, [SEED], run));
  assertStringIncludes(String(failure.cause), "An unknown outcome: surprise");
});

test("fuzzTruncations() feeds every proper prefix of bytes and text", () => {
  const sizes: number[] = [];
  fuzzTruncations(parserOf(BYTES, [SEED], (bytes) => (sizes.push(bytes.length), "value")));
  fuzzTruncations(parserOf(TEXT, ["abc"], (text) => (sizes.push(text.length), "value")));
  assertEquals(sizes, [40, ...SEED, 3, 0, 1, 2]);
});

test("fuzzTruncations() leaves out each field and item, and cuts each text", () => {
  const texts: string[] = [];
  const value = { a: "xy", b: [1, 2] };
  fuzzTruncations(
    parserOf<Json>(VALUE, [value], (json) => (texts.push(JSON.stringify(json)), "value")),
  );
  assertEquals(texts.sort(), [
    ...[
      "null",
      '{"a":"","b":[1,2]}',
      '{"a":"x","b":[1,2]}',
      '{"a":"xy","b":[1,2]}',
      '{"a":"xy","b":[1]}',
    ],
    ...['{"a":"xy","b":[2]}', '{"a":"xy"}', '{"b":[1,2]}'],
  ]);
});

test("replay() finds an outcome that has changed, and one that is not reached", () => {
  const planted = parserOf(BYTES, [SEED], (bytes) => bytes.length > 2 ? "value" : "fault");
  const corpus: CorpusEntry[] = [
    { outcome: "value", input: "010203" },
    { outcome: "fault", input: "01" },
  ];
  replay(planted, corpus);
  assertThrows(() => replay(planted, corpus.slice(1)), Error, "outcomes reached");
  const other = [...corpus, { outcome: "value", input: "02" }];
  assertThrows(() => replay(planted, other), Error, "outcome of");
});

test("replay() feeds what came before in the same row", () => {
  const counter: Parser<Uint8Array> = {
    ...parserOf(BYTES, [SEED], () => "value"),
    start: () => {
      let count = 0;
      return () => ++count > 2 ? "fault" : "value";
    },
  };
  replay(counter, [
    { outcome: "value", input: "00" },
    { outcome: "fault", input: "00", before: ["00", "00"] },
  ]);
});

test("a change of 0 is none, and no change touches what it is made from", () => {
  const value: Json = { op: 1, d: { list: ["a", 2, null] } };
  assertEquals(mutateBytes(SEED, 0, [SEED]), SEED);
  assertEquals(mutateText("abc", 0, ["abc"]), "abc");
  assertEquals(mutateJson(value, 0, [value]), value);
  const before = JSON.stringify([Array.from(SEED), value]);
  const changed = new Set<string>();
  for (let word = 1; word <= 2000; word++) {
    changed.add(mutateBytes(SEED, word, [SEED]).join());
    changed.add(mutateText(JSON.stringify(value), word, ["abc"]));
    changed.add(JSON.stringify(mutateJson(value, word, [value])));
  }
  assertEquals(JSON.stringify([Array.from(SEED), value]), before);
  assert(changed.size > 2500, `${changed.size} different results`);
});
