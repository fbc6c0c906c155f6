import { assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { PacketBuffer } from "../../lib/packet_buffer.ts";

test("PacketBuffer.view() makes one view for each size, of its own memory", () => {
  const buffer = new PacketBuffer(Uint8Array.of(1, 2, 3));
  for (const size of [0, 2, 3]) {
    const view = buffer.view(size);
    assertEquals(view, Uint8Array.of(1, 2, 3).subarray(0, size));
    assertStrictEquals(view.buffer, buffer.bytes.buffer);
    assertStrictEquals(buffer.view(size), view);
  }
});
