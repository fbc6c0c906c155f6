// Invariant: whatever sender and network do, every packet that comes is played once, in order and
// in time, or counted with a reason; items have no gaps and no overlaps, and all bounds hold.

import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import test from "node:test";
import { JitterBuffer, type JitterItem } from "../../../lib/audio/jitter_buffer.ts";
import {
  LEAST_TRANSIT,
  numberOf,
  playVoice,
  sendVoice,
  type SentPacket,
  type VoiceNetworkOptions,
} from "../../tools/voice_network.ts";

interface Outcome {
  /** Milliseconds by which packets were played after they could have come at best. */
  readonly delays: number[];
  /** Frames of 20 ms that were made up. */
  readonly concealed: number;
  /** Packets that came too late for an ideal buffer with the same mean delay. */
  readonly idealLate: number;
  readonly late: number;
  readonly lost: number;
}

/** Plays a voice and checks each item. */
function simulate(options: VoiceNetworkOptions): Outcome {
  const { sent, arrivals } = sendVoice(options);
  const buffer = new JitterBuffer();
  const delays: number[] = [];
  const checker = new Checker(sent);
  let concealed = 0;
  playVoice<JitterItem>(buffer, arrivals, (item, now) => {
    const delay = checker.take(item, now);
    if (delay !== undefined) delays.push(delay);
    if (item.type === "loss") concealed += item.duration / 960;
    const { held, delay: target } = buffer.stats;
    assertLessOrEqual(held, 100);
    assert(target >= 40 && target <= 500);
  });
  const { received, played, late, duplicate, overflow, held, lost } = buffer.stats;
  assertEquals(received, arrivals.length);
  assertEquals(received, played + late + duplicate + overflow);
  assertEquals(held, 0);
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / Math.max(1, delays.length);
  const idealLate = sent.filter((each) => !each.lost && each.lateness > mean).length;
  return { delays, concealed, idealLate, late, lost };
}

/** Knows what an item must be after those before it. */
class Checker {
  readonly #sent: readonly SentPacket[];
  #last: JitterItem | undefined;
  #lastIndex = -1;
  #concealed = 0;

  constructor(sent: readonly SentPacket[]) {
    this.#sent = sent;
  }

  /** The delay of a packet with a number. */
  take(item: JitterItem, now: number): number | undefined {
    assertAlmostEquals(item.at, now, 1e-6);
    const last = this.#last;
    this.#last = item;
    if (last !== undefined) this.#checkTimes(item, last);
    if (item.type !== "packet") {
      this.#concealed += item.duration;
      assertLessOrEqual(this.#concealed, 5760);
      return undefined;
    }
    this.#concealed = 0;
    assertEquals(item.begins, last === undefined || last.type === "pause");
    assertLessOrEqual(Math.abs(item.adjust), 5);
    if (item.opus.length === 3) return undefined;
    const index = numberOf(item.opus);
    assert(index > this.#lastIndex, `${index} comes behind ${this.#lastIndex}`);
    this.#lastIndex = index;
    assertEquals(item.timestamp, this.#sent[index].packet.timestamp);
    return item.at - this.#sent[index].sentAt - LEAST_TRANSIT;
  }

  #checkTimes(item: JitterItem, last: JitterItem): void {
    const length = (last.duration + last.adjust) / 48;
    const [gap, nominalGap] = [item.at - last.at - length, item.nominal - last.nominal - length];
    if (item.type === "packet" && item.begins) {
      assert(gap > -1e-6 && nominalGap > -1e-6, `an overlap of ${gap}, ${nominalGap} ms`);
    } else {
      assertAlmostEquals(gap, 0, 1e-6);
      assertAlmostEquals(nominalGap, 0, 1e-6);
    }
    const isSilent = last.type === "packet" && last.opus.length === 3;
    assert(!(isSilent && item.type === "loss"), "silence is concealed");
  }
}

test("JitterBuffer keeps its invariants with any sender and network", () => {
  const share = (max: number) => fc.double({ min: 0, max, noNaN: true });
  const options = fc.record({
    seed: fc.nat(),
    count: fc.integer({ min: 1, max: 600 }),
    loss: share(0.3),
    burst: fc.constantFrom(0, 2, 5),
    jitter: share(60),
    reorder: share(0.1),
    duplicates: share(0.2),
    drift: fc.integer({ min: -200, max: 200 }),
    talkspurt: fc.constantFrom(Infinity, 20, 150),
    frozen: fc.boolean(),
  });
  fc.assert(fc.property(options, (each) => void simulate(each)), { numRuns: 100 });
});

for (const drift of [-200, 200]) {
  test(`JitterBuffer follows a clock that is off by ${drift} ppm for 10 minutes`, () => {
    const { delays, concealed } = simulate({ count: 30_000, jitter: 2, drift });
    assertLessOrEqual(concealed, 30);
    for (const delay of delays.slice(500)) assertAlmostEquals(delay, 40, 12);
  });
}

test("JitterBuffer is no worse than an ideal buffer with the same mean delay", () => {
  const networks: readonly Omit<VoiceNetworkOptions, "count">[] = [
    { jitter: 5 },
    { jitter: 5, loss: 0.1, reorder: 0.05 },
    { jitter: 40, loss: 0.1, burst: 3 },
    { jitter: 40, loss: 0.3, reorder: 0.05, duplicates: 0.1 },
  ];
  for (const network of networks) {
    const count = 8000;
    const { concealed, late, lost, idealLate, delays } = simulate({ ...network, count, seed: 3 });
    assertLessOrEqual(late, 1.1 * idealLate + 10);
    // Made up is what was missing, and what was waited for in place of dropping it.
    assertLessOrEqual(concealed, lost + 0.01 * count);
    for (const delay of delays) assert(delay >= 0 && delay <= 505);
  }
});

test("JitterBuffer keeps its invariants where all of it comes together", () => {
  for (const drift of [-200, 200]) {
    const network = { loss: 0.1, burst: 3, jitter: 20, reorder: 0.03, duplicates: 0.05, drift };
    const options = { ...network, count: 10_000, talkspurt: 150, seed: 11 };
    const { late, idealLate, delays } = simulate(options);
    assertLessOrEqual(late, 1.5 * idealLate);
    for (const delay of delays.slice(1000)) assert(delay <= 505);
    simulate({ ...options, frozen: true });
  }
});
