/**
 * Everything that ffmpeg can read, through ffmpeg as a child process, where it is installed.
 *
 * It reads a file or an address by itself, which can be sought in, and everything else from its
 * standard input. What comes from a file or from standard input may name other files and
 * addresses (a playlist does); ffmpeg is kept from following them across that border.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { PcmSource } from "./audio_source.ts";
import type { ByteInput } from "./byte_input.ts";
import { closable } from "./closable.ts";
import { converted } from "./pcm_source.ts";
import { checkStart } from "./start.ts";

/** How ffmpeg is run. */
export interface FfmpegOptions {
  /** The program; default `"ffmpeg"`, looked for in `PATH`. */
  readonly ffmpeg?: string;
  /** Ends it: the present or next piece rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a source of what ffmpeg decodes.
 *
 * @param input What it reads.
 * @param options How it is run.
 * @returns The source. Its duration is known where ffmpeg reads the input by itself.
 * @throws {SyntaxError} ffmpeg cannot read the input; what it says is in the message.
 * @throws {Error} ffmpeg cannot be started.
 */
export async function ffmpegSource(
  input: ByteInput,
  options: FfmpegOptions = {},
): Promise<PcmSource> {
  const duration = await inspect(input, options);
  const seekable = input.location !== undefined;
  return {
    kind: "pcm",
    duration,
    seekable,
    open(from = 0) {
      checkStart(from, seekable);
      return closable((signal) => decode(input, from, options, signal), options.signal);
    },
  };
}

/** Asks ffmpeg how long an input is that it reads by itself, and whether there is sound in it. */
async function inspect(input: ByteInput, options: FfmpegOptions): Promise<number | undefined> {
  if (input.location === undefined) return undefined;
  const child = start(options, [...inputArguments(input), "-t", "0", "-f", "null", "-"], "ignore");
  const kill = () => child.process.kill("SIGKILL");
  options.signal?.addEventListener("abort", kill);
  try {
    const code = await child.ended;
    options.signal?.throwIfAborted();
    if (code !== 0) throw failure(input, child.complaints());
    const [, hours, minutes, seconds] =
      /Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(child.complaints()) ?? [];
    if (hours === undefined) return undefined;
    return Math.round(((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
  } finally {
    options.signal?.removeEventListener("abort", kill);
  }
}

async function* decode(
  input: ByteInput,
  from: number,
  options: FfmpegOptions,
  signal: AbortSignal,
): AsyncGenerator<Int16Array, void> {
  const isFed = input.location === undefined;
  // To seek to 0 in what cannot be sought in ends the sound after what was buffered.
  const seek = from === 0 ? [] : ["-ss", `${from}ms`];
  const child = start(
    options,
    ["-loglevel", "error", ...seek, ...inputArguments(input), ...OUTPUT],
    isFed ? "pipe" : "ignore",
  );
  const kill = () => child.process.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  try {
    signal.throwIfAborted();
    const fed = isFed ? feed(input, child.process, signal) : undefined;
    yield* converted(child.process.stdout!, { sampleRate: 48000, channels: 2 });
    const code = await child.ended;
    signal.throwIfAborted();
    const broken = await fed;
    if (broken !== undefined) throw broken;
    if (code !== 0) throw failure(input, child.complaints());
  } catch (error) {
    signal.throwIfAborted();
    kill();
    await child.ended; // rejects where it was never started, which explains the rest
    throw error;
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
    await child.ended.catch(() => {});
  }
}

/** The process, what it complained of last, and its exit code (`null` where it was killed). */
interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  complaints(): string;
}

const OUTPUT: readonly string[] = ["-ac", "2", "-ar", "48000", "-f", "s16le", "pipe:1"];
const MAX_COMPLAINTS = 65536; // characters

/** Protocols that may be used by what an input names. */
const PROTOCOLS = { file: "file", http: "http,https,httpproxy,tcp,tls,crypto,data", pipe: "pipe" };

function inputArguments({ location }: ByteInput): string[] {
  // With "file:" before it a path is none of ffmpeg's own protocols, whatever it begins with.
  const [kind, address] = location === undefined
    ? ["pipe", "pipe:0"] as const
    : location.kind === "file"
    ? ["file", `file:${location.address}`] as const
    : ["http", location.address] as const;
  return ["-protocol_whitelist", PROTOCOLS[kind], "-i", address, "-map", "0:a:0"];
}

function start(
  { ffmpeg = "ffmpeg" }: FfmpegOptions,
  args: readonly string[],
  stdin: "pipe" | "ignore",
): Child {
  let child: ChildProcess;
  try {
    child = spawn(ffmpeg, ["-hide_banner", "-nostdin", ...args], {
      stdio: [stdin, "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (cause) {
    throw notStarted(ffmpeg, cause); // on Deno, without the permission
  }
  let complaints = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-MAX_COMPLAINTS);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (cause) => reject(notStarted(ffmpeg, cause)));
  });
  ended.catch(() => {}); // it is waited for later
  return { process: child, ended, complaints: () => complaints };
}

/** Gives the input to ffmpeg as fast as it reads; returns what went wrong with the input. */
async function feed(
  input: ByteInput,
  { stdin }: ChildProcess,
  signal: AbortSignal,
): Promise<unknown> {
  const gone = new AbortController(); // ffmpeg has read enough, or was never there
  stdin!.on("error", () => gone.abort());
  stdin!.on("close", () => gone.abort());
  const either = AbortSignal.any([signal, gone.signal]);
  try {
    for await (const chunk of input.open(either)) {
      if (!stdin!.write(chunk)) await once(stdin!, "drain", { signal: either });
    }
    return undefined;
  } catch (error) {
    return gone.signal.aborted ? undefined : error;
  } finally {
    stdin!.end();
  }
}

function failure(input: ByteInput, complaints: string): SyntaxError {
  // An address may hold what is secret.
  const address = input.location?.address ?? input.name;
  const last = complaints.replaceAll(address, input.name).trim().split(/\s*\n\s*/).slice(-3);
  return new SyntaxError(`Cannot decode ${input.name}: ffmpeg says "${last.join("; ")}"`);
}

function notStarted(ffmpeg: string, cause: unknown): Error {
  const code = (cause as { code?: unknown }).code;
  const reason = code === "ENOENT" ? "it is not installed" : (cause as Error).message;
  return new Error(
    `Cannot start ${ffmpeg}: ${reason}; it is needed for all but Opus in Ogg or WebM and plain ` +
      "WAV (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg)",
    { cause },
  );
}
