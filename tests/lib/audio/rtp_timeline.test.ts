import { assertEquals } from "@std/assert";
import test from "node:test";
import { RtpTimeline } from "../../../lib/audio/rtp_timeline.ts";

const SECOND = 48_000;

test("RtpTimeline.place() extends sequence number and timestamp over their wraps", () => {
  const line = new RtpTimeline();
  const first = line.place({ ssrc: 1, sequence: 65_535, timestamp: 2 ** 32 - 960 }, 960, 5000.9, 0);
  assertEquals(first, { order: 257, position: 5000 });
  const second = line.place({ ssrc: 1, sequence: 0, timestamp: 0 }, 960, 5000, SECOND);
  assertEquals(second, { order: 258, position: 5960 });
  const fourth = line.place({ ssrc: 1, sequence: 2, timestamp: 1920 }, 960, 5000, SECOND);
  assertEquals(fourth, { order: 260, position: 7880 });
  const third = line.place({ ssrc: 1, sequence: 1, timestamp: 960 }, 960, 5000, SECOND);
  assertEquals(third, { order: 259, position: 6920 });
  for (const sequence of [1, 2]) {
    assertEquals(line.place({ ssrc: 1, sequence, timestamp: 0 }, 960, 0, 0), "duplicate");
  }
});

test("RtpTimeline.place() takes what came before the first packet", () => {
  const line = new RtpTimeline();
  line.place({ ssrc: 1, sequence: 5, timestamp: 4800 }, 960, SECOND, 0);
  const earlier = line.place({ ssrc: 1, sequence: 3, timestamp: 2880 }, 960, SECOND, 0);
  assertEquals(earlier, { order: 255, position: SECOND - 1920 });
});

test("RtpTimeline.place() moves what does not fit to its arrival, behind all that was there", () => {
  const moves: ReadonlyArray<readonly [timestamp: number, anchor: number, position: number]> = [
    [960, 2 * SECOND, 2 * SECOND], // stood still, came a second later
    [960 + 2 * SECOND, SECOND + 960, SECOND + 960], // two seconds ahead
    [500, SECOND + 700, SECOND + 960], // overlaps
    [2 ** 31, SECOND + 1000, SECOND + 1000], // anything
  ];
  for (const [timestamp, anchor, position] of moves) {
    const line = new RtpTimeline();
    line.place({ ssrc: 1, sequence: 9, timestamp: 0 }, 960, SECOND, 0);
    const moved = line.place({ ssrc: 1, sequence: 10, timestamp }, 960, anchor, 4800);
    assertEquals(moved, { order: 258, position });
    const next = { ssrc: 1, sequence: 11, timestamp: timestamp + 960 };
    assertEquals(line.place(next, 960, anchor + 960, 4800), {
      order: 259,
      position: position + 960,
    });
  }
});

test("RtpTimeline.place() cannot tell where a packet of before a jump belongs", () => {
  const line = new RtpTimeline();
  line.place({ ssrc: 1, sequence: 9, timestamp: 0 }, 960, SECOND, 0);
  line.place({ ssrc: 1, sequence: 11, timestamp: 5 * SECOND }, 960, SECOND, 0);
  assertEquals(line.place({ ssrc: 1, sequence: 8, timestamp: 0 }, 960, SECOND, 0), "late");
  assertEquals(line.place({ ssrc: 1, sequence: 8, timestamp: 0 }, 960, SECOND, 0), "duplicate");
  const between = { ssrc: 1, sequence: 10, timestamp: 5 * SECOND - 960 };
  assertEquals(line.place(between, 960, SECOND, 0), { order: 258, position: SECOND });
});

test("RtpTimeline.place() follows another SSRC and a far sequence number at once", () => {
  const line = new RtpTimeline();
  line.place({ ssrc: 1, sequence: 9, timestamp: 0 }, 960, SECOND, 0);
  const other = line.place({ ssrc: 2, sequence: 9, timestamp: 7 }, 960, 2 * SECOND, 0);
  assertEquals(other, { order: 258, position: 2 * SECOND });
  const far = line.place({ ssrc: 2, sequence: 3009, timestamp: 7 }, 960, 3 * SECOND, 0);
  assertEquals(far, { order: 259, position: 3 * SECOND });
  const back = line.place({ ssrc: 2, sequence: 9, timestamp: 7 }, 960, 3 * SECOND, 0);
  assertEquals(back, { order: 260, position: 3 * SECOND + 960 });
});

test("RtpTimeline.place() follows a sequence number behind its window with the second packet", () => {
  const line = new RtpTimeline();
  line.place({ ssrc: 1, sequence: 1000, timestamp: 0 }, 960, SECOND, 0);
  for (const sequence of [744, 700]) {
    assertEquals(line.place({ ssrc: 1, sequence, timestamp: 0 }, 960, SECOND, 0), "late");
  }
  const second = line.place({ ssrc: 1, sequence: 701, timestamp: 960 }, 960, 2 * SECOND, 0);
  assertEquals(second, { order: 258, position: 2 * SECOND });
});
