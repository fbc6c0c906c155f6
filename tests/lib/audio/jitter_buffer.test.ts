import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  JitterBuffer,
  type JitterBufferOptions,
  type JitterItem,
  type JitterPacket,
  type PushResult,
} from "../../../lib/audio/jitter_buffer.ts";
import { OPUS_SILENCE } from "../../../lib/audio/opus_toc.ts";
import { numbered, numberOf } from "../../tools/voice_network.ts";

const SILENCE = Uint8Array.from(OPUS_SILENCE);

/** A buffer and a sender whose packet `index` is due to come at 1000 + 20 * index. */
class Rig {
  readonly buffer: JitterBuffer;
  sequence = 65_533;
  timestamp = 2 ** 32 - 1920;
  now = -Infinity;

  constructor(options?: JitterBufferOptions) {
    this.buffer = new JitterBuffer(options);
  }

  push(index: number, lateness = 0, change: Partial<JitterPacket> = {}): PushResult {
    return this.buffer.push({
      ssrc: 7,
      sequence: this.sequence + index & 0xffff,
      timestamp: this.timestamp + 960 * index >>> 0,
      at: 1000 + 20 * index + lateness,
      opus: numbered(index),
      ...change,
    });
  }

  /** Everything until an instant, at the instants that the buffer names. */
  until(end: number): JitterItem[] {
    const items: JitterItem[] = [];
    for (let at; (at = this.buffer.pollTimeout()) !== undefined && at <= end;) {
      const item = this.buffer.pull(this.now = Math.max(this.now, at));
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  /** The same in short: numbers of packets, `x` for a loss, `f` for one with FEC, `|` for a pause. */
  story(end = Infinity): string {
    return this.until(end).map(shortOf).join(" ");
  }
}

function shortOf(item: JitterItem): string {
  if (item.type === "pause") return "|";
  if (item.type === "loss") return item.next === undefined ? "x" : "f";
  return item.opus.length === 3 ? "s" : `${item.begins ? ">" : ""}${numberOf(item.opus)}`;
}

test("JitterBuffer plays in order, a delay after the nominal instant, over both wraps", () => {
  const rig = new Rig();
  for (let index = 0; index < 5; index++) assertEquals(rig.push(index), "buffered");
  assertEquals(rig.buffer.pollTimeout(), 1040);
  assertEquals(rig.buffer.pull(1039.9), undefined);
  const items = rig.until(1120);
  assertEquals(items.map(shortOf).join(" "), ">0 1 2 3 4");
  for (const [index, item] of items.entries()) {
    assertAlmostEquals(item.at, 1040 + 20 * index, 0.05);
    assertAlmostEquals(item.nominal, 1000 + 20 * index, 0.05);
    assertEquals(item.timestamp, 2 ** 32 - 1920 + 960 * index >>> 0);
    assertEquals([item.duration, item.adjust], [960, 0]);
  }
});

test("JitterBuffer sorts what was overtaken, counts what comes twice", () => {
  const rig = new Rig();
  rig.push(1);
  assertEquals(rig.push(0, 21), "buffered");
  for (let twice = 0; twice < 2; twice++) assertEquals(rig.push(1), "duplicate");
  rig.push(3);
  rig.push(2, 25);
  assertEquals(rig.story(1130), ">0 1 2 3 x");
  assertEquals(rig.push(3, 60), "duplicate");
  const { received, played, duplicate, lost } = rig.buffer.stats;
  assertEquals([received, played, duplicate, lost], [7, 4, 3, 0]);
});

test("JitterBuffer tells each loss, the last one with the packet behind it", () => {
  const rig = new Rig();
  for (const index of [0, 3, 4, 6]) rig.push(index);
  const items = rig.until(1160);
  assertEquals(items.map(shortOf).join(" "), ">0 x f 3 4 f 6");
  const [, lost, restorable] = items;
  assert(lost.type === "loss" && restorable.type === "loss");
  assertEquals([lost.timestamp, lost.duration], [2 ** 32 - 960, 960]);
  assertEquals([restorable.timestamp, numberOf(restorable.next!)], [0, 3]);
  const { concealments, lost: count } = rig.buffer.stats;
  assertEquals([concealments, count], [2, 3]);
});

test("JitterBuffer offers no FEC where it tells of another packet than the lost one", () => {
  const rig = new Rig();
  rig.push(0);
  rig.push(3, -20, { timestamp: rig.timestamp + 1920 >>> 0 }); // two of 10 ms are lost
  assertEquals(rig.story(1080), ">0 x 3");
  assertEquals(rig.buffer.stats.lost, 2);
});

test("JitterBuffer plays on over a gap that no frame would fill", () => {
  const rig = new Rig();
  rig.push(0);
  rig.push(1, 0, { timestamp: rig.timestamp + 960 + 119 >>> 0 });
  rig.push(3, 0, { timestamp: rig.timestamp + 2880 >>> 0 });
  assertEquals(rig.story(1105), ">0 1 f 3");
});

test("JitterBuffer drops what comes behind its loss as late, each time", () => {
  const rig = new Rig();
  for (const index of [0, 2, 4, 5, 6]) rig.push(index);
  rig.until(1120);
  assertEquals([rig.push(1, 100), rig.push(3, 60)], ["late", "late"]);
  assertEquals(rig.buffer.stats.late, 2);
});

test("JitterBuffer drops one packet that came late alone, keeps them where all are", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(1060), ">0 x"); // 1 is not there
  assertEquals(rig.push(1, 41), "late");
  rig.push(2);
  assertEquals(rig.story(1125), "2 x x");
  assertEquals([rig.push(3, 70), rig.push(4, 50)], ["buffered", "buffered"]);
  assertEquals(rig.story(1165), "3 4");
  assertEquals(rig.buffer.stats.late, 1);
});

test("JitterBuffer takes concealment for the loss of what never came", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(1060), ">0 x");
  rig.push(2);
  rig.push(3);
  const items = rig.until(1100);
  assertEquals(items.map(shortOf).join(" "), "2 3");
  assertAlmostEquals(items[0].at, 1080, 0.1); // the delay has not grown
  assertEquals(rig.buffer.stats.lost, 1);
});

test("JitterBuffer conceals at most 120 ms, then pauses", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(5000), ">0 x x x x x x |");
  assertEquals(rig.buffer.pollTimeout(), undefined);
  rig.push(20);
  rig.push(40);
  assertEquals(rig.story(9000), ">20 x x x x x x | >40 x x x x x x |");
  assertEquals(rig.buffer.stats.concealments, 3);
});

test("JitterBuffer conceals no more where packets are longer", () => {
  for (const follows of [false, true]) {
    const rig = new Rig();
    const opus = Uint8Array.of(0xfb, 0x05, 0, 0, 0); // 100 ms
    rig.push(0, 0, { opus });
    if (follows) rig.push(5, -80, { opus, timestamp: rig.timestamp + 5 * 4800 >>> 0 });
    const items = rig.until(1300).slice(0, 4);
    assertEquals(items.map(({ type, duration }) => `${type} ${duration}`), [
      "packet 4800",
      "loss 4800",
      "loss 960",
      "pause 0",
    ]);
  }
});

test("JitterBuffer sorts also what comes after concealment and pause", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(2000), ">0 x x x x x x |");
  assertEquals([rig.push(5, 85), rig.push(4, 110)], ["buffered", "buffered"]);
  assertEquals(rig.story(1235), ">4 5");
  assertEquals(rig.buffer.stats.lost, 3);
});

test("JitterBuffer counts no loss where a pause was taken for one", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(1085), ">0 x x");
  rig.push(1, 0, { timestamp: rig.timestamp + 960 * 5 >>> 0, at: 1100 });
  assertEquals(rig.buffer.stats.lost, 0);
  assertEquals(rig.story(1150), "| >1");
  assertEquals(rig.buffer.stats.lost, 0);
});

test("JitterBuffer pauses at once after silence, and where only the timestamp has a gap", () => {
  const rig = new Rig();
  for (let index = 0; index < 4; index++) rig.push(index, 0, index > 1 ? { opus: SILENCE } : {});
  assertEquals(rig.story(3000), ">0 1 s s |");
  rig.push(4, 0, { timestamp: rig.timestamp + 960 * 104 >>> 0, at: 1000 + 20 * 104 });
  rig.push(5, 0, { timestamp: rig.timestamp + 960 * 109 >>> 0, at: 1000 + 20 * 109 });
  const items = rig.until(1000 + 20 * 111);
  assertEquals(items.map(shortOf).join(" "), ">4 | >5");
  assertAlmostEquals(items[2].nominal, 1000 + 20 * 109, 0.05);
  const { lost, concealments } = rig.buffer.stats;
  assertEquals([lost, concealments], [0, 0]);
});

test("JitterBuffer tells no loss between silence and silence, or in DTX", () => {
  const rig = new Rig();
  for (const index of [0, 3, 5]) rig.push(index, 0, { opus: SILENCE });
  rig.push(7, 0, { opus: Uint8Array.of(0xf8) });
  rig.push(9, 0, { opus: Uint8Array.of(0xf8) });
  assertEquals(rig.until(1300).filter(({ type }) => type === "loss"), []);
  assertEquals(rig.buffer.stats.lost, 5);
});

for (const pause of [90, 300, 1000, 60_000]) {
  test(`JitterBuffer follows a timestamp that stood still for a pause of ${pause} ms`, () => {
    const rig = new Rig();
    for (let index = 0; index < 20; index++) {
      rig.push(index, 0, index > 14 ? { opus: SILENCE } : {});
      rig.until(1000 + 20 * index);
    }
    rig.until(1450);
    for (let index = 20; index < 60; index++) {
      assertEquals(rig.push(index, pause), "buffered");
      for (const item of rig.until(1019 + 20 * index + pause)) {
        if (item.type !== "packet" || item.opus.length === 3 || numberOf(item.opus) < 20) continue;
        assertAlmostEquals(item.at, 1040 + 20 * numberOf(item.opus) + pause, 1);
        assertAlmostEquals(item.nominal, item.at - 40, 1);
      }
    }
    assertEquals(rig.buffer.delay, 40);
    assertEquals(rig.buffer.stats.lost, 0);
  });
}

test("JitterBuffer follows a sender that begins anew, and plays what it had before", () => {
  const changes: Partial<JitterPacket>[] = [
    { ssrc: 8 },
    { sequence: 30_000 },
    { timestamp: 5 },
    { timestamp: 2 ** 31 },
    { ssrc: 9, sequence: 1, timestamp: 2 ** 31 + 7 },
  ];
  for (const change of changes) {
    const rig = new Rig();
    for (let index = 0; index < 3; index++) rig.push(index);
    assertEquals(rig.push(3, 0, change), "buffered");
    for (let index = 4; index < 8; index++) {
      const sequence = (change.sequence ?? rig.sequence + 3) + index - 3 & 0xffff;
      const timestamp = (change.timestamp ?? rig.timestamp + 960 * 3) + 960 * (index - 3) >>> 0;
      rig.push(index, 0, { ...change, sequence, timestamp });
    }
    const items = rig.until(1190);
    assertEquals(items.map(shortOf).join(" "), ">0 1 2 3 4 5 6 7");
    const last = items.at(-1)!;
    assert(last.type === "packet");
    assertEquals(last.ssrc, change.ssrc ?? 7);
    assertAlmostEquals(last.at, 1180, 1);
  }
});

test("JitterBuffer follows a sequence number that went back with its second packet", () => {
  const rig = new Rig();
  for (let index = 0; index < 3; index++) rig.push(index);
  rig.until(2000);
  const back = { sequence: rig.sequence - 1000 };
  assertEquals(rig.push(100, 0, back), "late");
  assertEquals(rig.push(101, 0, { sequence: back.sequence + 1 }), "buffered");
  assertEquals(rig.push(102, 0, { sequence: back.sequence + 2 }), "buffered");
  assertEquals(rig.story(3080), ">101 102");
});

test("JitterBuffer plays a sender whose timestamp never moves", () => {
  const rig = new Rig();
  const items: JitterItem[] = [];
  for (let index = 0; index < 200; index++) {
    assertEquals(rig.push(index, 0, { timestamp: 5 }), "buffered");
    items.push(...rig.until(1000 + 20 * index));
  }
  assertEquals(items.filter(({ type }) => type === "packet").length, 198);
});

test("JitterBuffer raises the delay with the jitter, and lowers it again in the pauses", () => {
  const rig = new Rig();
  for (let index = 0; index < 500; index++) {
    rig.push(index, index % 3 === 0 ? 90 : 0);
    rig.until(1000 + 20 * index);
  }
  assert(rig.buffer.delay >= 90 && rig.buffer.delay <= 100, `${rig.buffer.delay}`);
  assert(rig.buffer.stats.jitter > 30);
  for (let index = 500; index < 4000; index++) {
    rig.push(index, 0, index % 100 > 94 ? { opus: SILENCE } : {});
    rig.until(1000 + 20 * index);
  }
  assertEquals(rig.buffer.delay, 40);
  assert(rig.buffer.stats.jitter < 0.1);
});

test("JitterBuffer lowers the delay inside a talkspurt by half a percent at most", () => {
  const rig = new Rig();
  let last: JitterItem | undefined;
  for (let index = 0; index < 2000; index++) {
    rig.push(index, index < 10 ? 100 : 0); // the first ones came late: the line begins late
    for (const item of rig.until(1000 + 20 * index)) {
      assert(Math.abs(item.adjust) <= 5);
      last = item;
    }
  }
  assert(last?.type === "packet");
  assertAlmostEquals(last.at - (1000 + 20 * numberOf(last.opus)), 40, 1.1);
});

test("JitterBuffer drops as late what would be played beyond the greatest delay", () => {
  const rig = new Rig({ maxDelay: 200 });
  for (let index = 0; index < 10; index++) rig.push(index);
  rig.until(1400);
  for (let index = 10; index < 60; index++) rig.push(index, 1000 - 20 * (index - 10)); // all at 2200
  rig.until(2200);
  const { late, played } = rig.buffer.stats;
  assertEquals([late, played], [39, 11]); // the last one tells how late the others were
  for (const { at, nominal } of rig.until(2350)) assert(at - nominal < 200.1);
});

test("JitterBuffer holds a bounded number of packets: the oldest give way", () => {
  const rig = new Rig();
  const results = Array.from({ length: 150 }, (_, index) => rig.push(index));
  assertEquals(results.filter((result) => result === "overflow").length, 50);
  const { held, overflow } = rig.buffer.stats;
  assertEquals([held, overflow], [100, 50]);
  assertEquals(rig.until(2041).map(shortOf).join(" "), ">50");
  const small = new Rig({ limit: 2 });
  for (let index = 0; index < 4; index++) small.push(index);
  assertEquals(small.story(1100), ">2 3");
  for (const index of [5, 6, 7]) small.push(index); // 4 is lost, and 5 gives way
  assertEquals(small.buffer.stats.lost, 1);
});

test("JitterBuffer sets the line anew behind what gave way in a stall", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.story(1041), ">0");
  for (let index = 1; index < 300; index++) rig.push(index);
  rig.now = 7000;
  const items = rig.until(7000).filter(({ type }) => type === "packet");
  assertEquals(shortOf(items[0]), ">200");
  for (const [index, item] of items.entries()) {
    assertAlmostEquals(item.nominal, 1000 + 20 * (200 + index), 1);
  }
});

test("JitterBuffer plays all that its process slept through, after one more look", () => {
  const rig = new Rig();
  for (let index = 0; index < 10; index++) {
    rig.push(index);
    rig.until(1000 + 20 * index);
  }
  const wake = rig.now = 1000 + 20 * 10 + 1500;
  const items: JitterItem[] = [];
  for (let item; (item = rig.buffer.pull(wake)) !== undefined;) items.push(item);
  assertEquals(items.map(shortOf).join(" "), "8 9");
  assertEquals(rig.buffer.pollTimeout(), wake + 1);
  for (let index = 10; index < 85; index++) rig.push(index, wake - 1000 - 20 * index);
  items.push(...rig.until(wake + 40));
  assertEquals(items.filter(({ type }) => type !== "packet"), []);
  const last = items.at(-1)!;
  assertAlmostEquals(last.nominal, wake, 21);
});

test("JitterBuffer conceals after a stall in which nothing came", () => {
  const rig = new Rig();
  rig.push(0);
  assertEquals(rig.buffer.pull(1040)?.type, "packet");
  assertEquals(rig.buffer.pull(3000), undefined);
  const types: string[] = [];
  for (let item; (item = rig.buffer.pull(3001)) !== undefined;) types.push(item.type);
  assertEquals(types, [...new Array<string>(6).fill("loss"), "pause"]);
});

for (const jump of [-3_600_000, -700, -100, 700, 3_600_000]) {
  for (const first of ["push", "pull"]) {
    test(`JitterBuffer goes on where the clock jumps by ${jump} ms before a ${first}`, () => {
      const rig = new Rig();
      const late: number[] = [];
      for (let index = 0; index < 400; index++) {
        const shift = index < 100 ? 0 : jump;
        const now = 1000 + 20 * index + shift;
        for (const what of first === "pull" ? ["pull", "push"] : ["push", "pull"]) {
          if (what === "push") rig.push(index, shift);
          for (let item; what === "pull" && (item = rig.buffer.pull(now)) !== undefined;) {
            if (item.type === "packet" && index > 200) late.push(index - numberOf(item.opus));
          }
        }
      }
      assert(late.length > 180, `${late.length} are played`);
      assert(late.every((frames) => frames <= 4), `${late}`);
      assert(rig.buffer.stats.played > 350, `${rig.buffer.stats.played} are played`);
    });
  }
}

test("JitterBuffer holds nothing for long where the clock jumps back and nothing more comes", () => {
  const rig = new Rig();
  for (let index = 0; index < 6; index++) rig.push(index);
  assertEquals(rig.story(1065), ">0 1");
  const items: JitterItem[] = [];
  for (let now = -100_000; now < -99_200; now += 10) {
    for (let item; (item = rig.buffer.pull(now)) !== undefined;) items.push(item);
  }
  assertEquals(items.map(shortOf).join(" "), "| >2 | >3 | >4 | >5 x x x x x x |");
});

test("JitterBuffer guesses the duration of what is no Opus packet", () => {
  const rig = new Rig();
  rig.push(0);
  rig.push(1, 0, { opus: Uint8Array.of(0xff, 0) });
  rig.push(2, 0, { opus: new Uint8Array(0) });
  rig.push(3);
  assertEquals(rig.until(1100).map(({ type, duration }) => `${type} ${duration}`), [
    "packet 960",
    "packet 960",
    "packet 960",
    "packet 960",
  ]);
});

test("JitterBuffer refuses bounds that make no sense", () => {
  for (const options of [{ minDelay: -1 }, { minDelay: 501 }, { maxDelay: NaN }]) {
    assertThrows(() => new JitterBuffer(options), RangeError, "want bounds in order");
  }
  for (const limit of [0, 1.5, 101]) {
    assertThrows(() => new JitterBuffer({ limit }), RangeError, `limit is ${limit}`);
  }
});
