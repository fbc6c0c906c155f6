import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { embedLaneWorker } from "../../tools/lane_worker.ts";

test("the embedded program is what its source is bundled to", async () => {
  const program = new URL("../../../adapters/worker/program.ts", import.meta.url);
  assertEquals(readFileSync(program, "utf8"), await embedLaneWorker());
});
