import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { buildKernels, embed } from "../../tools/kernels.ts";

test("the embedded kernels are what their source is built to, and small", async () => {
  const embedded = readFileSync(
    new URL("../../../adapters/kernels/bytes.ts", import.meta.url),
    "utf8",
  );
  const built = await buildKernels();
  assertEquals(embedded, embed(built));
  assert(built.length < 10_000, `${built.length} bytes`);
});
