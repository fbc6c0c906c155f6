/**
 * Makes files of every shape with the tools that people make them with: `opusenc`, `ffmpeg` and
 * `mkvmerge`; and asks `ffprobe` and `opusinfo` what is in them.
 *
 * @module
 */

import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { encodeWav } from "../../lib/audio/wav.ts";
import { runCommand } from "./command.ts";

const TOOLS = ["ffmpeg", "ffprobe", "mkvmerge", "opusenc", "opusinfo"] as const;
const TIME_LIMIT = 20_000;

/** What a browser has recorded: neither a tool of these nor quickly made. */
const RECORDER = new URL("../audio/recorder.webm", import.meta.url);

/** How to get the tools, for those who have them not. */
export const TOOLS_HINT =
  "a tool for audio files is missing: apt-get install ffmpeg mkvtoolnix opus-tools";

/** Tells whether all tools are in `PATH`. */
export function hasContainerTools(): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return TOOLS.every((tool) => folders.some((folder) => existsSync(join(folder, tool))));
}

/** How a file is made: the command, and the files that must be there before. */
interface Recipe {
  readonly from: readonly string[];
  readonly command: readonly string[];
}

const ENCODE = ["opusenc", "--quiet"];
const FFMPEG = ["ffmpeg", "-v", "error", "-y", "-fflags", "+bitexact"];
const MERGE = ["mkvmerge", "--quiet"];

function encode(output: string, ...options: readonly string[]): readonly [string, Recipe] {
  return [output, { from: ["in.wav"], command: [...ENCODE, ...options, "in.wav", output] }];
}

function copy(output: string, ...options: readonly string[]): readonly [string, Recipe] {
  const command = [...FFMPEG, "-i", "plain.ogg", "-c", "copy", ...options, output];
  return [output, { from: ["plain.ogg"], command }];
}

function merge(
  output: string,
  from: string,
  ...options: readonly string[]
): readonly [string, Recipe] {
  return [output, { from: [from], command: [...MERGE, ...options, "-o", output, from] }];
}

const NOISE = ["-f", "lavfi", "-i", "nullsrc=s=256x256:d=1:r=5,geq=random(1)*255:128:128"];
const PLAIN = ["-i", "plain.ogg"];

/** By the name of the file. */
const RECIPES: ReadonlyMap<string, Recipe> = new Map([
  encode("plain.ogg"),
  encode("mono.ogg", "--downmix-mono", "--framesize", "40"),
  encode("frames-2.5ms.ogg", "--framesize", "2.5"),
  encode("frames-60ms.ogg", "--framesize", "60"),
  // 102 kbit/s are 255 bytes in 20 ms: a lacing value of 255 is followed by one of 0.
  encode("lacing-255.ogg", "--hard-cbr", "--bitrate", "102"),
  encode("lacing-510.ogg", "--hard-cbr", "--bitrate", "204", "--max-delay", "0"),
  encode("tags.ogg", "--comment", `LYRICS=${"la ".repeat(30_000)}`, "--padding", "70000"),
  ["picture.png", {
    from: [],
    command: [...FFMPEG, ...NOISE, "-frames:v", "1", "picture.png"],
  }],
  ["picture.ogg", {
    from: ["in.wav", "picture.png"],
    command: [...ENCODE, "--picture", "picture.png", "in.wav", "picture.ogg"],
  }],
  copy("pages.ogg", "-page_duration", "1"),
  ["chain.ogg", {
    from: ["plain.ogg", "mono.ogg", "frames-60ms.ogg"],
    command: ["sh", "-c", "cat plain.ogg mono.ogg frames-60ms.ogg > chain.ogg"],
  }],
  copy("plain.webm"),
  copy("live.webm", "-live", "1", "-cluster_time_limit", "500"),
  ["two.webm", {
    from: ["plain.webm", "live.webm"],
    command: ["sh", "-c", "cat plain.webm live.webm > two.webm"],
  }],
  ["pipe.mkv", {
    from: ["plain.ogg"],
    command: ["sh", "-c", `${FFMPEG.join(" ")} -i plain.ogg -c copy -f matroska - > pipe.mkv`],
  }],
  ["video.mkv", {
    from: ["plain.ogg"],
    command: [...FFMPEG, ...NOISE, ...PLAIN, "-c:v", "mjpeg", "-c:a", "copy", "video.mkv"],
  }],
  ["second.mkv", {
    from: ["plain.ogg"],
    command: [
      ...[...FFMPEG, ...PLAIN, "-map", "0", "-map", "0", "-c:a:0", "flac", "-c:a:1", "copy"],
      "second.mkv",
    ],
  }],
  ["flac.mkv", {
    from: ["in.wav"],
    command: [...FFMPEG, "-i", "in.wav", "-c:a", "flac", "flac.mkv"],
  }],
  ["flac.ogg", {
    from: ["in.wav"],
    command: [...FFMPEG, "-i", "in.wav", "-c:a", "flac", "flac.ogg"],
  }],
  merge("merged.mkv", "plain.ogg"),
  merge("unlaced.mkv", "plain.ogg", "--disable-lacing"),
  merge("xiph.mkv", "plain.ogg", "--engage", "lacing_xiph"),
  merge("ebml.mkv", "plain.ogg", "--engage", "lacing_ebml"),
  merge("fixed.mkv", "lacing-255.ogg"),
  merge("unchanged.mkv", "plain.ogg", "--compression", "0:analyze_header_removal"),
  merge("zlib.mkv", "plain.ogg", "--compression", "0:zlib"),
  merge("attachment.mkv", "plain.ogg", "--attach-file", "in.wav"),
  merge("groups.webm", "frames-2.5ms.ogg", "--webm", "--engage", "no_simpleblocks"),
]);

/**
 * Makes all files, two at a time.
 *
 * @param folder Where to.
 * @returns Their bytes by name.
 * @throws {Error} A tool failed; the message has its output.
 */
export async function makeContainerFiles(folder: string): Promise<Map<string, Uint8Array>> {
  writeFileSync(join(folder, "in.wav"), encodeWav(sound(), 48_000, 2));
  copyFileSync(RECORDER, join(folder, "recorder.webm"));
  const made = new Map<string, Promise<void>>([["in.wav", Promise.resolve()]]);
  const lanes = new Lanes(2);
  const make = (name: string): Promise<void> => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const { from, command } = RECIPES.get(name)!;
    const done = Promise.all(from.map(make)).then(() =>
      lanes.run(async () => void await run(folder, command))
    );
    made.set(name, done);
    return done;
  };
  const names = [...RECIPES.keys()];
  await Promise.all(names.map(make));
  const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
  return new Map(["in.wav", "recorder.webm", ...names].map((name) => [name, read(name)]));
}

/** A packet as `ffprobe` sees it. */
export interface ProbedPacket {
  /** Where it begins, in milliseconds; pre-skip comes before 0. */
  readonly time: number;
  /** MD5 of its bytes, hexadecimal. */
  readonly md5: string;
}

/**
 * Asks `ffprobe` for the packets of files, two files at a time.
 *
 * @param folder Where the files are.
 * @param names Their names; in each the first stream with Opus is wanted.
 * @returns The packets of each file, by name.
 */
export async function probePackets(
  folder: string,
  names: readonly string[],
): Promise<Map<string, ProbedPacket[]>> {
  const lanes = new Lanes(2);
  const entries = names.map((name) =>
    lanes.run(async () => [name, await probe(folder, name)] as const)
  );
  return new Map(await Promise.all(entries));
}

async function probe(folder: string, name: string): Promise<ProbedPacket[]> {
  const options = [
    "-show_entries",
    "stream=index,codec_name:packet=stream_index,pts_time,data_hash",
  ];
  const command = ["ffprobe", "-v", "error", ...options, "-show_data_hash", "md5", "-of", "json"];
  const output = await run(folder, [...command, name]);
  // Warnings of broken files may come before.
  const { streams, packets } = JSON.parse(output.slice(output.indexOf("{"))) as ProbeOutput;
  const track = streams.find(({ codec_name }) => codec_name === "opus")?.index;
  return packets.filter(({ stream_index }) => stream_index === track).map((packet) => ({
    time: Number(packet.pts_time) * 1000,
    md5: packet.data_hash.replace("MD5:", ""),
  }));
}

interface ProbeOutput {
  readonly streams: readonly { readonly index: number; readonly codec_name: string }[];
  readonly packets: readonly {
    readonly stream_index: number;
    readonly pts_time: string;
    readonly data_hash: string;
  }[];
}

/**
 * Asks `opusinfo` how long a file lasts.
 *
 * @param folder Where the file is.
 * @param name Its name.
 * @returns Milliseconds of each link of its chain.
 */
export async function probeDurations(folder: string, name: string): Promise<number[]> {
  const output = await run(folder, ["opusinfo", name]);
  const found = output.matchAll(/Playback length: (\d+)m:([\d.]+)s/g);
  return Array.from(
    found,
    ([, minutes, seconds]) => (Number(minutes) * 60 + Number(seconds)) * 1000,
  );
}

async function run(folder: string, [path, ...args]: readonly string[]): Promise<string> {
  const { ok, ending, output } = await runCommand(path, args, {
    cwd: folder,
    timeLimit: TIME_LIMIT,
  });
  if (ok) return output;
  throw new Error(`Cannot run ${path} ${args.join(" ").slice(0, 200)}: ${ending}\n${output}`);
}

/** Three seconds of a tone that swells, with noise. */
function sound(): Int16Array {
  let state = 1;
  return Int16Array.from({ length: 2 * 3 * 48_000 }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const tone = Math.sin(i / 30) * Math.sin(i / 40_000);
    return 8000 * tone + (state >>> 20);
  });
}

/** Runs work, so many at a time. */
class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
