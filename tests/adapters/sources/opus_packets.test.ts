import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import test from "node:test";
import { opusPackets } from "../../../adapters/sources/opus_packets.ts";
import { within } from "../../tools/waiting.ts";
import { packetsOf } from "./world.ts";

const LIMIT = 10_000;
/** Ten packets: 20 ms each, but for the third, of 60 ms. */
const PACKETS = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i === 2 ? 0x1b : 0xf8, 1, i));

test(
  "opusPackets() of an array is seekable: the packet that sounds then, and those behind it",
  within(LIMIT, async () => {
    const source = opusPackets(PACKETS);
    assertEquals([source.kind, source.duration, source.seekable], ["opus", 240, true]);
    const first: [from: number, index: number][] = [
      [0, 0],
      [19.9, 0],
      [20, 1],
      [40, 2],
      [99, 2],
      [100, 3],
      [239, 9],
      [240, 10],
      [1e9, 10],
    ];
    for (const [from, index] of first) {
      assertEquals(await packetsOf(source, from), PACKETS.slice(index));
    }
    for (const from of [-1, NaN, Infinity]) {
      assertThrows(
        () => source.open(from),
        RangeError,
        `Cannot begin at ${from} ms`,
      );
    }
  }),
);

test(
  "opusPackets() of anything else is opened once",
  within(LIMIT, async () => {
    async function* live() {
      for (const packet of PACKETS) yield await Promise.resolve(packet);
    }
    for (const packets of [live(), PACKETS.values()]) {
      const source = opusPackets(packets);
      assertEquals([source.duration, source.seekable], [undefined, false]);
      assertThrows(() => source.open(20), RangeError, "the source is not seekable");
      assertEquals(await packetsOf(source), PACKETS);
      assertThrows(() => source.open(), TypeError, "Cannot open a stream of packets again");
    }
  }),
);

test(
  "opusPackets() closes what it reads, and throws behind what is whole",
  within(LIMIT, async () => {
    let isClosed = false;
    const live = function* () {
      try {
        yield* PACKETS;
        throw new Error("the line is dead");
      } finally {
        isClosed = true;
      }
    };
    const packets = opusPackets(live()).open()[Symbol.asyncIterator]();
    await packets.next();
    await packets.return!();
    assertEquals(isClosed, true);
    let count = 0;
    await assertRejects(
      async () => {
        for await (const _ of opusPackets(live()).open()) count++;
      },
      Error,
      "the line is dead",
    );
    assertEquals(count, 10);
  }),
);

test("opusPackets() refuses an array with what is no packet", () => {
  assertThrows(() => opusPackets([new Uint8Array(0)]), SyntaxError, "Cannot parse Opus packet");
});
