import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import test from "node:test";
import type { OpusLibrary } from "../../../adapters/opus/library.ts";
import { LIBRARIES, loadFirst, once } from "../../../adapters/opus/load.ts";

function library(name: string): OpusLibrary {
  return { name, encodedDurations: [], open: () => Promise.reject(new Error("never opened")) };
}

function failing(name: string): () => Promise<OpusLibrary> {
  return () => Promise.reject(new Error(`Cannot load ${name}`, { cause: new Error(`no ${name}`) }));
}

test("loadFirst() takes the first that loads, and loads no other", async () => {
  const loaded: string[] = [];
  const working = (name: string) => () => (loaded.push(name), Promise.resolve(library(name)));
  assertEquals((await loadFirst([working("one"), working("two")])).name, "one");
  assertEquals((await loadFirst([failing("one"), working("two")])).name, "two");
  assertEquals(loaded, ["one", "two"]);
});

test("loadFirst() tells why of each where none loads", async () => {
  const error = await assertRejects(
    () => loadFirst([failing("one"), failing("two")]),
    Error,
    "Cannot make an Opus codec: no library loads: Cannot load one (Error: no one), Cannot load two (Error: no two)",
  );
  assertInstanceOf(error.cause, AggregateError);
  assertEquals(error.cause.errors.map(({ message }) => message), [
    "Cannot load one",
    "Cannot load two",
  ]);
});

test("once() loads again after a failure only", async () => {
  let calls = 0;
  const load = once(() => ++calls === 1 ? failing("it")() : Promise.resolve(library("it")));
  await assertRejects(load, Error, "Cannot load it");
  const [first, second] = await Promise.all([load(), load()]);
  assert(first === second);
  assertEquals(calls, 2);
});

test("LIBRARIES have their own names, libopus-wasm first", async () => {
  assertEquals(Object.keys(LIBRARIES), ["libopus-wasm", "opusscript"]);
  for (const [name, load] of Object.entries(LIBRARIES)) {
    assert((await load()).name.startsWith(`${name} `));
  }
});
