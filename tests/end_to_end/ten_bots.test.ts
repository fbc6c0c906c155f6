import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";
import { startChild } from "../tools/child.ts";

const PROGRAM = fileURLToPath(new URL("../bench/call_of_ten.ts", import.meta.url));

test("ten bots in one channel each hear the other nine, and no frame is lost", async () => {
  const runtime = currentRuntime();
  const args = [...runArguments(runtime, PROGRAM), "--here", "--seconds", "2"];
  using child = startChild(await runtimePath(runtime), args);
  const { code, stdout, stderr } = await child.ended;
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, '"sent":1050,"received":9450,"missing":0,"lost":0');
});
