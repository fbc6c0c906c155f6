/**
 * What `opus.ts` runs on each runtime: both packages on the same sound and the same packets, turn
 * by turn. Prints the medians as JSON.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createOpus, type OpusCodec, type OpusImplementation } from "../../adapters/opus.ts";
import { readOggOpus } from "../../lib/audio/ogg_opus.ts";
import { type Medians, Stopwatch } from "./rounds.ts";

/** What a runtime measured: microseconds a frame, by package and by what is done to it. */
export interface RunResult {
  /** Version of the runtime. */
  readonly version: string;
  /** Medians by the name of the package. */
  readonly packages: Readonly<Record<OpusImplementation, Medians>>;
}

const PACKAGES: readonly OpusImplementation[] = ["libopus-wasm", "opusscript"];
const ROUNDS = 25;
const WARM_UP = 3;
const FRAMES = 50; // one second a round

const talk = readOggOpus(
  new Uint8Array(readFileSync(new URL("../audio/talk.ogg", import.meta.url))),
)
  .packets.map(({ packet }) => packet).slice(0, FRAMES);
const sound = decodeAll(await createOpus(), talk);

const subjects = await Promise.all(PACKAGES.map(async (implementation) => ({
  implementation,
  codec: await createOpus({ implementation }),
  speech: await createOpus({ implementation, application: "voip", bitrate: 32000 }),
  watch: new Stopwatch(),
})));

for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  for (const { codec, speech, watch } of subjects) {
    if (round === WARM_UP) watch.reset();
    const into = new Int16Array(1920);
    watch.time("encode", () => sound.map((pcm) => codec.encode(pcm)), FRAMES);
    const packets = watch.time(
      "encode speech, 32 kbit/s",
      () => sound.map((pcm) => speech.encode(pcm)),
      FRAMES,
    );
    watch.time("decode", () => talk.forEach((packet) => codec.decode(packet, into)), FRAMES);
    watch.time(
      "decode speech",
      () => packets.forEach((packet) => speech.decode(packet, into)),
      FRAMES,
    );
    watch.time("conceal", () => sound.forEach(() => speech.conceal(960)), FRAMES);
  }
}

const result: RunResult = {
  version: process.versions.bun ?? process.versions.deno ?? process.versions.node,
  packages: Object.fromEntries(
    subjects.map(({ implementation, watch }) => [implementation, watch.medians]),
  ) as RunResult["packages"],
};
console.log(JSON.stringify(result));

function decodeAll(codec: OpusCodec, packets: readonly Uint8Array[]): Int16Array[] {
  return packets.map((packet) => codec.decode(packet));
}
