import { assertEquals, assertRejects } from "@std/assert";
import { Readable } from "node:stream";
import test from "node:test";
import type { ByteSource } from "../../../adapters/sources/byte_source.ts";
import { oggOpus } from "../../../adapters/sources/ogg_opus.ts";
import { webmOpus } from "../../../adapters/sources/webm_opus.ts";
import { writeOggOpus } from "../../../lib/audio/ogg_writer.ts";
import { join } from "../../fuzz/mutate.ts";
import { cluster, ebml, live, OPUS_TRACKS, simple, uint } from "../../tools/matroska.ts";
import { within } from "../../tools/waiting.ts";

const LIMIT = 10_000;
const PACKETS = [3, 254, 1, 510, 1275, 20].map((size, i) =>
  new Uint8Array(size).fill(i).with(0, 0xf8)
);
const FILE = join(
  ebml(),
  live(
    "Segment",
    OPUS_TRACKS,
    ...PACKETS.map((packet, i) => cluster(20 * i, simple(0, packet))),
  ),
);

function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

const BYTE_SOURCES: Readonly<Record<string, () => ByteSource>> = {
  "the whole file": () => FILE,
  "single bytes": () => chunks(FILE, 1),
  "the stream of a Blob": () => new Blob([FILE as BufferSource]).stream(),
  "a Node stream": () => Readable.from(chunks(FILE, 11)),
};
for (const [name, source] of Object.entries(BYTE_SOURCES)) {
  test(
    `webmOpus takes ${name}`,
    within(LIMIT, async () => {
      assertEquals(await Array.fromAsync(webmOpus(source())), PACKETS);
    }),
  );
}

test(
  "webmOpus and oggOpus begin where they are told to",
  within(LIMIT, async () => {
    const ogg = writeOggOpus(PACKETS);
    // Packets end at 13.5 ms, 33.5 ms and so on.
    for (const [from, index] of [[0, 0], [13, 0], [14, 1], [33.5, 2], [100, 5], [5000, 6]]) {
      const expected = PACKETS.slice(index);
      assertEquals(await Array.fromAsync(webmOpus(chunks(FILE, 100), from)), expected);
      assertEquals(await Array.fromAsync(oggOpus(chunks(ogg, 100), from)), expected);
    }
  }),
);

test(
  "webmOpus goes on where a hostile file goes back behind the beginning",
  within(LIMIT, async () => {
    const back = join(FILE, cluster(0, simple(0, PACKETS[0])));
    assertEquals(await Array.fromAsync(webmOpus(back, 100)), [PACKETS[5], PACKETS[0]]);
  }),
);

test(
  "webmOpus gives what is whole, then a SyntaxError",
  within(LIMIT, async () => {
    const broken = join(FILE, live("Cluster", uint("Timestamp", 0)), new Uint8Array(9));
    for (const [bytes, count] of [[broken, 6], [FILE.subarray(0, -5), 5]] as const) {
      const packets: Uint8Array[] = [];
      await assertRejects(async () => {
        for await (const packet of webmOpus(chunks(bytes, 64))) packets.push(packet);
      }, SyntaxError);
      assertEquals(packets, PACKETS.slice(0, count));
    }
    await assertRejects(() => webmOpus(new Uint8Array(9)).next(), SyntaxError, "want 1a 45 df a3");
  }),
);

test(
  "webmOpus left early closes its source",
  within(LIMIT, async () => {
    let closed = 0;
    const source = (function* () {
      try {
        yield* chunks(FILE, 10);
      } finally {
        closed++;
      }
    })();
    const packets = webmOpus(source);
    assertEquals((await packets.next()).value, PACKETS[0]);
    await packets.return();
    assertEquals(closed, 1);
  }),
);
