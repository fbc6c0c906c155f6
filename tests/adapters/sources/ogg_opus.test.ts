import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import test from "node:test";
import { type ByteSource, oggOpus } from "../../../adapters/sources/ogg_opus.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { writeOggOpus } from "../../../lib/audio/ogg_writer.ts";
import { within } from "../../tools/waiting.ts";

const LIMIT = 10_000;
const TALK = new URL("../../audio/talk.ogg", import.meta.url);

/** Packets of all sizes that matter to a page's lacing. */
const PACKETS = [3, 254, 255, 256, 1, 510, 1275, 20].map((size, i) =>
  new Uint8Array(size).fill(i).with(0, 0xf8)
);
const FILE = writeOggOpus(PACKETS, { packetsPerPage: 3 });

function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function* slowly(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part);
}

function webStream(parts: Iterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const { done, value } = parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** Overwrites its one buffer for each chunk, as readers into a buffer of their own do. */
function* reused(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (const chunk of chunks(bytes, size)) {
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
    buffer.fill(0xee);
  }
}

const BYTE_SOURCES: Readonly<Record<string, () => ByteSource>> = {
  "the whole file": () => FILE,
  "a view into a larger buffer": () => {
    const larger = new Uint8Array(FILE.length + 20);
    larger.set(FILE, 7);
    return larger.subarray(7, 7 + FILE.length);
  },
  "single bytes": () => chunks(FILE, 1),
  "chunks of 7 bytes": () => chunks(FILE, 7),
  "chunks of 100 bytes, async": () => slowly(chunks(FILE, 100)),
  "empty chunks in between": () => [...chunks(FILE, 50)].flatMap((it) => [new Uint8Array(0), it]),
  "a chunk whose memory is used again": () => reused(FILE, 64),
  "a ReadableStream": () => webStream(chunks(FILE, 33)),
  "the stream of a Blob": () => new Blob([FILE as BufferSource]).stream(),
  "a Node stream": () => Readable.from(chunks(FILE, 11)),
};
for (const [name, source] of Object.entries(BYTE_SOURCES)) {
  test(
    `oggOpus takes ${name}`,
    within(LIMIT, async () => {
      const packets: Uint8Array[] = [];
      for await (const packet of oggOpus(source())) packets.push(packet);
      assertEquals(packets, PACKETS);
    }),
  );
}

test(
  "oggOpus takes a file from the disk",
  within(LIMIT, async () => {
    const packets: Uint8Array[] = [];
    for await (const packet of oggOpus(createReadStream(TALK))) packets.push(packet);
    const expected = readOggOpus(new Uint8Array(readFileSync(TALK))).packets;
    assert(expected.length > 50);
    assertEquals(packets, expected.map(({ packet }) => packet));
  }),
);

test(
  "oggOpus goes through the streams of a chain",
  within(LIMIT, async () => {
    const links = [1, 2, 3].map((serial) => writeOggOpus(PACKETS, { serial }));
    const bytes = Uint8Array.from(links.flatMap((link) => [...link]));
    for (const size of [bytes.length, 1, 61]) {
      const packets = await Array.fromAsync(oggOpus(chunks(bytes, size)));
      assertEquals(packets, [...PACKETS, ...PACKETS, ...PACKETS]);
    }
  }),
);

/** What came before the error, and the error. */
async function failing(
  source: ByteSource,
): Promise<{ packets: Uint8Array[]; error: SyntaxError }> {
  const packets: Uint8Array[] = [];
  const error = await assertRejects(async () => {
    for await (const packet of oggOpus(source)) packets.push(packet);
  }, SyntaxError);
  return { packets, error };
}

/** Where a file is whole though it does not say that it ends: each page behind the headers. */
const PAGES = new Set(
  Array.from({ length: FILE.length }, (_, at) => at).filter((at) =>
    String.fromCharCode(...FILE.subarray(at, at + 4)) === "OggS"
  ).slice(2),
);

test(
  "oggOpus gives the packets of every truncated file, then a SyntaxError",
  within(LIMIT, async () => {
    let most = 0;
    for (let size = 0; size < FILE.length; size++) {
      if (PAGES.has(size)) continue;
      const { packets, error } = await failing(FILE.subarray(0, size));
      assertEquals(packets, PACKETS.slice(0, packets.length), `${size}`);
      assert(error.message.startsWith("Cannot "), error.message);
      assert(packets.length >= most, `${size}`);
      most = packets.length;
    }
    assertGreaterOrEqual(most, 6);
  }),
);

test(
  "oggOpus takes a stream that was cut between two pages",
  within(LIMIT, async () => {
    assertEquals(PAGES.size, 3);
    for (const size of PAGES) {
      const packets = await Array.fromAsync(oggOpus(FILE.subarray(0, size)));
      assertEquals(packets, PACKETS.slice(0, packets.length));
      assertEquals(packets.length % 3, 0);
    }
  }),
);

for (
  const [name, bytes] of [
    ["nothing", new Uint8Array(0)],
    ["zeros", new Uint8Array(5000)],
    ["text", new TextEncoder().encode("<!doctype html><title>404</title>".repeat(50))],
    ["a WAV header", new TextEncoder().encode(`RIFF\x24\0\0\0WAVEfmt ${"\0".repeat(200)}`)],
  ] as const
) {
  test(
    `oggOpus refuses ${name}`,
    within(LIMIT, async () => {
      const { packets, error } = await failing(chunks(bytes, 100));
      assertEquals(packets, []);
      assert(/Ogg/.test(error.message), error.message);
    }),
  );
}

// What is left early, or breaks

test(
  "oggOpus left early closes its source",
  within(LIMIT, async () => {
    let closed = 0;
    const source = (function* () {
      try {
        yield* chunks(FILE, 10);
      } finally {
        closed++;
      }
    })();
    for await (const packet of oggOpus(source)) {
      assertEquals(packet, PACKETS[0]);
      break;
    }
    assertEquals(closed, 1);
  }),
);

test(
  "oggOpus left early cancels a ReadableStream and destroys a Node stream",
  within(LIMIT, async () => {
    let cancelled = 0;
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(FILE),
      cancel: () => void cancelled++,
    });
    const node = createReadStream(TALK, { highWaterMark: 1000 });
    for (const source of [web, node]) {
      const packets = oggOpus(source);
      assertEquals((await packets.next()).done, false);
      await packets.return();
      assertEquals((await packets.next()).done, true);
    }
    assertEquals([cancelled, node.destroyed], [1, true]);
  }),
);

test(
  "oggOpus closes a source that is not Ogg",
  within(LIMIT, async () => {
    let closed = 0;
    const source = (async function* () {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(4096).fill(0x41));
      } finally {
        closed++;
      }
    })();
    await failing(source);
    assertEquals(closed, 1);
  }),
);

test(
  "oggOpus rejects with what its source throws",
  within(LIMIT, async () => {
    const missing = createReadStream(new URL("../../audio/no-such-file.ogg", import.meta.url));
    const error = await assertRejects(() => oggOpus(missing).next(), Error);
    assertEquals((error as Error & { code: string }).code, "ENOENT");
  }),
);

test(
  "oggOpus reads no more than is asked for",
  within(LIMIT, async () => {
    let read = 0;
    const source = (function* () {
      for (const chunk of chunks(FILE, 10)) {
        read += chunk.length;
        yield chunk;
      }
    })();
    const packets = oggOpus(source);
    assertEquals(read, 0);
    await packets.next();
    assert(read < FILE.length / 2, `${read} of ${FILE.length}`);
    await packets.return();
  }),
);
