/**
 * The codecs of `opus.test.ts` for a whole minute at the pace of a call, where the machine keeps it, with what they cost:
 *
 *     deno run -A tests/soak/opus_minute.ts libopus-wasm|opusscript [SECONDS]
 *
 * or `bun` or `node` in place of `deno run -A`. It fails where a codec makes anything else than
 * one alone.
 *
 * @module
 */

import process from "node:process";
import type { OpusImplementation } from "../../adapters/opus.ts";
import { OpusStage } from "./opus_stage.ts";

const FRAME = 20; // milliseconds
const WARM_UP = 5; // seconds

const [implementation, seconds = "60"] = process.argv.slice(2);
const frameCount = (WARM_UP + Number(seconds)) * 1000 / FRAME;
const { deno, bun, node } = process.versions as Record<string, string | undefined>;
using stage = await OpusStage.open(implementation as OpusImplementation, frameCount);

await work(WARM_UP * 1000 / FRAME);
const [rss, cpu, start] = [residentMebibytes(), process.cpuUsage(), performance.now()];
await work(Number(seconds) * 1000 / FRAME);
const { user, system } = process.cpuUsage(cpu);
const took = performance.now() - start;
console.log(JSON.stringify({
  runtime: deno !== undefined ? `deno ${deno}` : bun !== undefined ? `bun ${bun}` : `node ${node}`,
  ...{ implementation, codecs: stage.size, seconds: (took / 1000).toFixed(1) },
  ...{ rssBefore: rss, rssAfter: residentMebibytes() },
  cpu: `${((user + system) / 1e4 / Number(seconds)).toFixed(1)} % of a core at that pace`,
}));

/** One frame after another, each when it is due. */
async function work(count: number): Promise<void> {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const wait = start + i * FRAME - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    stage.work();
  }
}

function residentMebibytes(): string {
  return `${(process.memoryUsage().rss / 2 ** 20).toFixed(1)} MiB`;
}
