import { assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { createOpus } from "../../../adapters/opus.ts";
import type { OpusSource } from "../../../adapters/sources/audio_source.ts";
import { decoded } from "../../../adapters/sources/decoded.ts";
import { opusPackets } from "../../../adapters/sources/opus_packets.ts";
import { tone } from "../../../adapters/sources/pcm_source.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { until, within } from "../../tools/waiting.ts";
import { audioBytes, concat, correlation, drain, samplesOf } from "./world.ts";

const LIMIT = 20_000;
const PACKETS = readOggOpus(audioBytes("talk.ogg")).packets.slice(0, 100).map(({ packet }) =>
  packet
);

test(
  "decoded() gives what a decoder makes of the packets",
  within(LIMIT, async () => {
    const source = decoded(opusPackets(PACKETS));
    assertEquals([source.kind, source.duration, source.seekable], ["pcm", 2000, true]);
    using codec = await createOpus();
    const expected = concat(PACKETS.map((packet) => codec.decode(packet).slice()));
    for (let i = 0; i < 2; i++) assertEquals(await samplesOf(source), expected);
  }),
);

test(
  "decoded() begins anywhere, and is soon as if it had begun at 0",
  within(LIMIT, async () => {
    const source = decoded(opusPackets(PACKETS));
    const whole = await samplesOf(source);
    for (const from of [20, 80, 1000, 1500]) {
      const late = await samplesOf(source, from);
      assertEquals(late.length, 96 * (2000 - from));
      assertGreater(correlation(late, whole.subarray(96 * from)), 0.99);
    }
  }),
);

test("decoded() leaves samples as they are", () => {
  const source = tone();
  assertStrictEquals(decoded(source), source);
});

test(
  "decoded() throws behind all that is whole",
  within(LIMIT, async () => {
    async function* failing() {
      for (const packet of PACKETS.slice(0, 5)) yield await Promise.resolve(packet);
      throw new Error("the line is dead");
    }
    const { given, error } = await drain<Int16Array>(decoded(opusPackets(failing())).open());
    assertEquals([given.length, (error as Error).message], [5, "the line is dead"]);
  }),
);

test(
  "decoded() closes its source, also one that has stalled",
  within(LIMIT, async () => {
    const log: string[] = [];
    const stalled: OpusSource = {
      ...opusPackets([]),
      open: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => (log.push("next"), new Promise<never>(() => {})),
          return: () => (log.push("return"), Promise.reject(new Error("cannot close"))),
        }),
      }),
    };
    const samples = decoded(stalled).open()[Symbol.asyncIterator]();
    const next = samples.next().catch((error) => error.name);
    await until(() => log.includes("next"));
    await samples.return!();
    assertEquals(await next, "AbortError");
    assertEquals(new Set(log), new Set(["next", "return"]));
  }),
);
