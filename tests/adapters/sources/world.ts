/**
 * What the tests of sources share: a web server that misbehaves, pieces put together, ffmpeg.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import type { AudioSource, OpusSource, PcmSource } from "../../../adapters/sources/audio_source.ts";

/** A file of the folder of audio. */
export const audioPath = (name: string): URL => new URL(`../../audio/${name}`, import.meta.url);

/** Bytes of such a file. */
export const audioBytes = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(audioPath(name)));

/** A web server on loopback. */
export interface WebServer extends AsyncDisposable {
  /** Its address, without a path. */
  readonly origin: string;
  /** Requests so far. */
  readonly paths: string[];
  /** Connections that are open. */
  connectionCount(): Promise<number>;
}

/**
 * Starts a web server.
 *
 * @param answer Answers requests.
 */
export async function serve(
  answer: (path: string, response: ServerResponse) => void,
): Promise<WebServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url!);
    answer(request.url!, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    connectionCount: () =>
      new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** All packets of a source. */
export async function packetsOf(source: AudioSource, from?: number): Promise<Uint8Array[]> {
  return await Array.fromAsync((source as OpusSource).open(from));
}

/** All samples of a source. */
export async function samplesOf(source: AudioSource, from?: number): Promise<Int16Array> {
  return concat(await Array.fromAsync((source as PcmSource).open(from)));
}

/** What a source gives, and the error behind it. */
export async function drain<T = Uint8Array>(
  pieces: AsyncIterable<unknown>,
): Promise<{ given: T[]; error: unknown }> {
  const given: T[] = [];
  try {
    for await (const piece of pieces) given.push(piece as T);
    return { given, error: undefined };
  } catch (error) {
    return { given, error };
  }
}

/** Samples put together. */
export function concat(pieces: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
}

/** The samples of the left channel. */
export function left(samples: Int16Array): Int16Array {
  return samples.filter((_, i) => i % 2 === 0);
}

/** Hz, by the upward passes through 0. */
export function pitchOf(samples: Int16Array): number {
  const side = left(samples);
  const passes: number[] = [];
  for (let i = 1; i < side.length; i++) if (side[i - 1] < 0 && side[i] >= 0) passes.push(i);
  return (passes.length - 1) / (passes.at(-1)! - passes[0]) * 48_000;
}

/** Cosine of the angle between two signals: 1 where they are equal but for volume. */
export function correlation(a: Int16Array, b: Int16Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/** Pieces of bytes. */
export function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Why the tests that need a program are skipped; `false` where they are not. */
export function skipWithout(program: string): string | false {
  const found = (process.env.PATH ?? "").split(delimiter).some((folder) =>
    existsSync(join(folder, program))
  );
  if (found || process.env.CI === "true") return false;
  const reason = `no ${program} found: apt-get install ${program}`;
  console.error(`Skipped: ${reason}`);
  return reason;
}

/** Children of this process with that name, zombies too; none where there is no `/proc`. */
export function childrenNamed(name: string): string[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).flatMap((pid) => {
    try {
      const [, command, state, parent] =
        /\((.*)\) (\w) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return command === name && Number(parent) === process.pid ? [`${pid} ${state}`] : [];
    } catch {
      return []; // it has just ended
    }
  });
}
