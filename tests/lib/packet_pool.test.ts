import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { PACKET_BUFFER_SIZE, PacketPool } from "../../lib/packet_pool.ts";

test("PacketPool.take() gives the slot that was given back, and another while it is away", () => {
  const sizes: number[] = [];
  const pool = new PacketPool((size) => (sizes.push(size), new Uint8Array(size)));
  const first = pool.take(100);
  const second = pool.take(PACKET_BUFFER_SIZE);
  assertNotStrictEquals(first, second);
  pool.give(second);
  pool.give(first);
  assertStrictEquals(pool.take(0), first);
  assertStrictEquals(pool.take(0), second);
  assertEquals(sizes, Array.from({ length: 4 }, () => PACKET_BUFFER_SIZE));
});

test("PacketPool.take() makes a large slot for one packet, of other memory, and keeps it not", () => {
  const pool = new PacketPool(() => {
    throw new Error("This memory is never taken back");
  });
  const size = PACKET_BUFFER_SIZE + 1;
  const large = pool.take(size);
  assertEquals([large.packet.bytes.length, large.frame.bytes.length], [size, size]);
  pool.give(large);
  assertNotStrictEquals(pool.take(size), large);
});
