import { assertEquals, assertLess } from "@std/assert";
import test from "node:test";
import { heapInUse } from "./heap.ts";
import { OpusStage } from "./opus_stage.ts";

/** Until the runtime has compiled what it will, and buffers have their size. */
const WARM_UP = 15;
const FRAMES = 30;

/** Bytes of heap that a codec may leave behind for a frame on average. */
const BYTES_A_FRAME = 256;

for (const implementation of ["libopus-wasm", "opusscript"] as const) {
  test(`50 decoders and 10 encoders are each bit-equal to one alone, in flat memory, ${implementation}`, async () => {
    using stage = await OpusStage.open(implementation, WARM_UP + FRAMES);
    assertEquals(stage.size, 60);
    for (let i = 0; i < WARM_UP; i++) stage.work();
    const before = await heapInUse();
    const grown = countGrowth(() => {
      for (let i = 0; i < FRAMES; i++) stage.work();
    });
    const bytes = (await heapInUse() - before) / (FRAMES * stage.size);
    assertEquals(grown, 0);
    assertLess(bytes, BYTES_A_FRAME);
  });
}

/** How often memory of WebAssembly grows in the meantime. */
function countGrowth(run: () => void): number {
  const { grow } = WebAssembly.Memory.prototype;
  let count = 0;
  WebAssembly.Memory.prototype.grow = function (pages) {
    count++;
    return grow.call(this, pages);
  };
  try {
    run();
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
  return count;
}
