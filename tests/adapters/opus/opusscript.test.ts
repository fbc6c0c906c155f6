import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { createOpus } from "../../../adapters/opus.ts";
import { hasFec } from "../../../lib/audio/opus_toc.ts";
import { tone } from "./sound.ts";

test("createOpus() refuses durations whose encoding overflows the stack of opusscript", async () => {
  using codec = await createOpus({ implementation: "opusscript" });
  for (const length of [0, 100, 1919, 1922, 3840, 5760, 11520]) {
    assertThrows(
      () => codec.encode(new Int16Array(length)),
      RangeError,
      `Cannot encode ${length / 2} samples per channel: want 120, 240, 480, 960`,
    );
  }
});

test("OpusCodec.decodeFec() of opusscript reads none, and decodes nothing", async () => {
  const options = { implementation: "opusscript", application: "voip", fec: true } as const;
  using encoder = await createOpus(options);
  const packets = Array.from({ length: 20 }, (_, i) => encoder.encode(tone(960 * i, 960, 2)));
  const packet = packets.at(-1)!;
  assert(hasFec(packet));
  using codec = await createOpus(options);
  using other = await createOpus(options);
  assertEquals(codec.decodeFec(packet, 960), undefined);
  assertEquals(codec.decode(packet), other.decode(packet));
});
