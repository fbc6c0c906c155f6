import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { parseBenchArguments } from "./packet_arguments.ts";

test("parseBenchArguments: measures on the three runtimes unless told otherwise", () => {
  const { runtimes, json, write, from } = parseBenchArguments([]);
  assertEquals([runtimes, json, write, from], [["deno", "bun", "node"], false, false, undefined]);
});

test("parseBenchArguments: takes runtimes in the order in which they are named", () => {
  const args = ["--runtime", "node26", "--json", "--runtime=deno", "--from", "a.json"];
  const { runtimes, json, from } = parseBenchArguments(args);
  assertEquals([runtimes, json, from], [["node26", "deno"], true, "a.json"]);
});

test("parseBenchArguments: refuses what it does not know", () => {
  for (const args of [["--runtime", "node8"], ["--runtime"], ["--fast"], ["deno"]]) {
    assertThrows(() => parseBenchArguments(args));
  }
});
