import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { type AudioInput, byteInput } from "../../../adapters/sources/byte_input.ts";
import { closable } from "../../../adapters/sources/closable.ts";
import { until, within } from "../../tools/waiting.ts";
import { audioBytes, audioPath, chunks, drain, serve } from "./world.ts";

const LIMIT = 20_000;
const TALK = audioBytes("talk.ogg");
const PATH = audioPath("talk.ogg");
const live = new AbortController().signal;

function joined(given: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(given.reduce((sum, { length }) => sum + length, 0));
  given.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
  return whole;
}

async function* slowly(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part);
}

const INPUTS: Readonly<Record<string, [() => AudioInput, isReopenable: boolean]>> = {
  "a path": [() => fileURLToPath(PATH), true],
  "a file: URL": [() => PATH, true],
  "a file: URL as text": [() => PATH.href, true],
  "bytes": [() => TALK, true],
  "a Blob": [() => new Blob([TALK]), true],
  "a web stream": [() => new Blob([TALK]).stream(), false],
  "a Node stream": [() => createReadStream(PATH), false],
  "an iterable": [() => chunks(TALK, 1000), false],
  "an async iterable": [() => slowly(chunks(TALK, 1000)), false],
};

for (const [name, [make, isReopenable]] of Object.entries(INPUTS)) {
  test(
    `byteInput() reads ${name}${isReopenable ? " as often as asked" : " once"}`,
    within(LIMIT, async () => {
      const input = byteInput(make());
      assertEquals(input.isReopenable, isReopenable);
      for (let i = 0; i < (isReopenable ? 2 : 1); i++) {
        const { given, error } = await drain(input.open(live));
        assertEquals(error, undefined);
        assertEquals(joined(given), TALK);
      }
      if (isReopenable) {
        assertEquals(await input.tail!(1000), TALK.subarray(-1000));
        assertEquals(await input.tail!(1e6), TALK);
      } else {
        assertThrows(() => input.open(live), TypeError, "Cannot open a stream again");
      }
    }),
  );
}

test("byteInput() refuses what audio cannot be read from", () => {
  for (const input of [undefined, null, 5, {}, () => {}]) {
    assertThrows(
      () => byteInput(input as unknown as AudioInput),
      TypeError,
      "Cannot read audio: the input",
    );
  }
  assertThrows(() => byteInput(new URL("ftp://a/b")), TypeError, 'begins with "ftp:"');
});

test(
  "byteInput() of a path says which file is missing",
  within(LIMIT, async () => {
    const { given, error } = await drain(byteInput("no/such/file.ogg").open(live));
    assertEquals(given, []);
    assertInstanceOf(error, Error);
    assertMatch(error.message, /^Cannot read no\/such\/file\.ogg: .*(ENOENT|No such file)/i);
  }),
);

test(
  "byteInput() of a stream gives what is whole, then the stream's own error",
  within(LIMIT, async () => {
    const wrong = new Error("the disk is gone");
    async function* failing() {
      yield await Promise.resolve(TALK.subarray(0, 10));
      throw wrong;
    }
    for (const source of [failing(), Readable.from(failing())]) {
      const { given, error } = await drain(byteInput(source).open(live));
      assertEquals(joined(given), TALK.subarray(0, 10));
      assertEquals(error, wrong);
    }
    const text = ["text"] as unknown as Uint8Array[];
    await assertRejects(
      () => byteInput(text).open(live).next(),
      TypeError,
      "a chunk is of type string",
    );
  }),
);

test(
  "byteInput() of an address fetches it, as often as asked",
  within(LIMIT, async () => {
    await using server = await serve((_, response) => void response.end(TALK));
    const input = byteInput(`${server.origin}/talk.ogg?key=1234`);
    assertEquals(input.name, `${server.origin}/talk.ogg`);
    for (let i = 0; i < 2; i++) {
      const { given, error } = await drain(input.open(live));
      assertEquals([joined(given), error], [TALK, undefined]);
    }
    assertEquals(server.paths, ["/talk.ogg?key=1234", "/talk.ogg?key=1234"]);
  }),
);

test(
  "byteInput() of an address tells the status, and no secret of the address",
  within(LIMIT, async () => {
    await using server = await serve((path, response) => {
      response.statusCode = Number(path.slice(1, 4));
      response.end("no");
    });
    for (const status of [404, 403, 500]) {
      const { error } = await drain(byteInput(`${server.origin}/${status}?key=hidden`).open(live));
      assertInstanceOf(error, Error);
      assertEquals(
        error.message,
        `Cannot fetch ${server.origin}/${status}: the server answers ${status}, want 200`,
      );
    }
  }),
);

test(
  "byteInput() of an address where nobody listens says so",
  within(LIMIT, async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    const { error } = await drain(byteInput(`${server.origin}/?key=hidden`).open(live));
    assertInstanceOf(error, Error);
    assertEquals(error.message, `Cannot fetch ${server.origin}/: there is no connection`);
    assert(error.cause !== undefined);
  }),
);

test(
  "byteInput() of a connection that breaks gives what came, then says how much",
  within(LIMIT, async () => {
    await using server = await serve((path, response) => {
      if (path === "/sized") response.setHeader("content-length", TALK.length);
      response.write(TALK.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 20));
    });
    for (const path of ["/sized", "/chunked"]) {
      const { given, error } = await drain(byteInput(server.origin + path).open(live));
      assertEquals(joined(given), TALK.subarray(0, 50_000));
      assertInstanceOf(error, Error, path);
      assertMatch(error.message, /^Cannot fetch .*: the connection (broke|ended) after 50000 /);
    }
  }),
);

const STALLED: Readonly<Record<string, (origin: string, closed: () => void) => AudioInput>> = {
  "an address": (origin) => origin,
  "a web stream": (_, closed) => new ReadableStream({ cancel: closed }),
  "a Node stream": (_, closed) => new Readable({ read() {} }).on("close", closed),
  "an async iterator": (_, closed) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: () => (closed(), Promise.resolve({ done: true, value: undefined })),
    }),
  }),
};

for (const [name, make] of Object.entries(STALLED)) {
  for (const way of ["return", "abort"] as const) {
    test(
      `${way} closes ${name} that has stalled`,
      within(LIMIT, async () => {
        let isClosed = false;
        await using server = await serve((_, response) => {
          response.on("close", () => isClosed = true);
          response.flushHeaders();
        });
        const outer = new AbortController();
        const input = byteInput(make(server.origin, () => isClosed = true));
        const bytes = closable((signal) => input.open(signal), outer.signal);
        const next = bytes.next().then(() => undefined, (error) => error);
        if (name === "an address") await until(() => server.paths.length > 0);
        if (way === "return") await bytes.return!();
        else outer.abort(new Error("enough"));
        const error = await next;
        if (way === "abort") assertEquals((error as Error)?.message, "enough");
        else assertEquals((error as Error)?.name, "AbortError");
        await until(() => isClosed);
      }),
    );
  }
}
