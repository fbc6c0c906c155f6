/**
 * Where the bytes of audio come from: a file, a web address, memory, or a stream.
 *
 * @module
 */

import { abortable } from "@std/async";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { ByteSource } from "./byte_source.ts";
import { quietly } from "./closable.ts";

/**
 * What audio can be read from: the path of a file or a `file:` URL, an `http:` or `https:` URL (as
 * text or as `URL`), bytes in memory, or a stream of bytes (web, Node, any iterable).
 */
export type AudioInput = string | URL | Blob | ByteSource;

/** Bytes that can be opened. */
export interface ByteInput {
  /** What it is, for people: without what may be secret in an address. */
  readonly name: string;
  /** Where another program finds the same bytes, if it can. */
  readonly location: { readonly kind: "file" | "http"; readonly address: string } | undefined;
  /** Whether it can be opened more than once. */
  readonly isReopenable: boolean;

  /**
   * Opens it.
   *
   * @param signal Stops it.
   * @returns Chunks of bytes. Returning from the generator closes what was opened.
   * @throws {TypeError} It is a stream, and was opened before.
   */
  open(signal: AbortSignal): AsyncGenerator<Uint8Array, void>;

  /**
   * Reads the end, where that does not mean to read all before it.
   *
   * @param size How many bytes, if there are so many.
   * @returns The last bytes.
   */
  tail?(size: number): Promise<Uint8Array>;
}

/**
 * Finds out what an input is. Nothing is opened yet.
 *
 * @param input Where the bytes come from.
 * @returns The bytes.
 * @throws {TypeError} It is nothing that audio can be read from.
 */
export function byteInput(input: AudioInput): ByteInput {
  if (typeof input === "string") {
    return /^(?:https?|file):/i.test(input) ? ofUrl(new URL(input)) : ofFile(input);
  }
  if (input instanceof URL) return ofUrl(input);
  if (input instanceof Uint8Array) {
    return {
      name: `${input.length} bytes`,
      location: undefined,
      isReopenable: true,
      open: (signal) => readChunks(input, signal),
      tail: (size) => Promise.resolve(input.subarray(-size)),
    };
  }
  if (input instanceof Blob) {
    return {
      name: `${input.size} bytes`,
      location: undefined,
      isReopenable: true,
      open: (signal) => readChunks(input.stream(), signal),
      tail: async (size) => new Uint8Array(await input.slice(-size).arrayBuffer()),
    };
  }
  if (typeof input === "object" && input !== null) {
    if (Symbol.asyncIterator in input || Symbol.iterator in input || "getReader" in input) {
      return ofStream(input);
    }
  }
  throw new TypeError(
    `Cannot read audio: the input is of type ${typeof input}, want a path, a URL, bytes or a stream`,
  );
}

function ofUrl(url: URL): ByteInput {
  if (url.protocol === "file:") return ofFile(fileURLToPath(url));
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(
      `Cannot read audio: the address begins with "${url.protocol}", ` +
        'want "file:", "http:" or "https:"',
    );
  }
  const name = url.origin + url.pathname;
  return {
    name,
    location: { kind: "http", address: url.href },
    isReopenable: true,
    open: (signal) => fetchChunks(url, name, signal),
  };
}

function ofFile(path: string): ByteInput {
  return {
    name: path,
    location: { kind: "file", address: path },
    isReopenable: true,
    async *open(signal) {
      try {
        yield* readChunks(createReadStream(path), signal);
      } catch (cause) {
        signal.throwIfAborted();
        throw new Error(`Cannot read ${path}: ${(cause as Error).message}`, { cause });
      }
    },
    tail: (size) => tailOf(path, size),
  };
}

function ofStream(source: Exclude<ByteSource, Uint8Array>): ByteInput {
  let isOpened = false;
  return {
    name: "a stream",
    location: undefined,
    isReopenable: false,
    open(signal) {
      if (isOpened) throw new TypeError("Cannot open a stream again: it was read already");
      isOpened = true;
      return readChunks(source, signal);
    },
  };
}

async function tailOf(path: string, size: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size: end } = await file.stat();
    const bytes = new Uint8Array(Math.min(size, end));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, end - bytes.length);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function* fetchChunks(
  url: URL,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new FetchError(`the server answers ${response.status}, want 200`);
    }
    if (response.body === null) return;
    for await (const chunk of readChunks(response.body, signal)) {
      size += chunk.length;
      yield chunk;
    }
    const length = response.headers.get("content-length");
    const isEncoded = response.headers.has("content-encoding");
    if (length !== null && !isEncoded && size < Number(length)) {
      throw new FetchError(`the connection ended after ${size} of ${length} bytes`);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof FetchError) throw new Error(`Cannot fetch ${name}: ${cause.message}`);
    const where = size === 0
      ? "there is no connection"
      : `the connection broke after ${size} bytes`;
    throw new Error(`Cannot fetch ${name}: ${where}`, { cause });
  }
}

/** A reason of our own. */
class FetchError extends Error {}

/** The chunks of a source; an interrupted one is closed without waiting for what it waits for. */
async function* readChunks(
  source: ByteSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  if (source instanceof Uint8Array) {
    for (let at = 0; at < source.length; at += CHUNK_SIZE) {
      yield source.subarray(at, at + CHUNK_SIZE);
    }
    return;
  }
  const chunks = iteratorOf(source);
  const close = () => chunks.close();
  signal.addEventListener("abort", close);
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await abortable(Promise.resolve(chunks.next()), signal);
      signal.throwIfAborted(); // to close a web stream makes it end
      if (next.done) return;
      if (!(next.value instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot read audio: a chunk is of type ${typeof next.value}, want bytes (Uint8Array)`,
        );
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

const CHUNK_SIZE = 65536;

/** Chunks that come from elsewhere. */
interface Chunks {
  next(): PromiseLike<ReadResult> | ReadResult;
  /** Lets go of the source, at once. */
  close(): void;
}

interface ReadResult {
  readonly done?: boolean;
  readonly value?: unknown;
}

function iteratorOf(source: Exclude<ByteSource, Uint8Array>): Chunks {
  if (isWebStream(source)) {
    const reader = source.getReader();
    return { next: () => reader.read(), close: () => void quietly(() => reader.cancel()) };
  }
  const iterator = Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
  return {
    next: () => iterator.next(),
    close() {
      // The iterator of a Node stream waits for its `next` before it would close the file.
      if ("destroy" in source) void quietly(() => (source as { destroy(): unknown }).destroy());
      void quietly(() => iterator.return?.());
    },
  };
}

function isWebStream(source: object): source is ReadableStream<Uint8Array> {
  return "getReader" in source;
}
