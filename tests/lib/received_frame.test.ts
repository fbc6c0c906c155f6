import { assertEquals, assertNotStrictEquals } from "@std/assert";
import test from "node:test";
import { copyFrame } from "../../lib/received_frame.ts";

test("copyFrame() keeps what is known of a frame, and its bytes, apart from the frame", () => {
  const opus = Uint8Array.of(1, 2);
  const frame = { userId: "a", ssrc: 1, sequence: 2, timestamp: 3, at: 4.5, opus };
  const kept = copyFrame(frame);
  assertEquals(kept, frame);
  assertNotStrictEquals(kept, frame);
  opus.fill(9);
  assertEquals(kept.opus, Uint8Array.of(1, 2));
});
