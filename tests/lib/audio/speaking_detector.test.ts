import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  QUIET_TIME,
  SILENCE_RUN,
  SPEAKER_LIMIT,
  SpeakingDetector,
} from "../../../lib/audio/speaking_detector.ts";

const SOUND = Uint8Array.of(0x78, 1, 2);
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** Feeds packets 20 ms apart: `s` for sound, `.` for silence; what is told, and when. */
function tell(detector: SpeakingDetector, packets: string, start = 0): string[] {
  const told: string[] = [];
  [...packets].forEach((packet, i) => {
    const at = start + 20 * i;
    for (let change; (change = detector.poll(at)) !== undefined;) {
      told.push(`${change.type} ${change.userId} ${change.at}`);
    }
    const change = detector.push("a", packet === "s" ? SOUND : SILENCE, at);
    if (change !== undefined) told.push(`${change.type} ${change.userId} ${change.at}`);
  });
  return told;
}

test("SpeakingDetector starts with the first sound and stops with the fifth silence in a row", () => {
  assertEquals(tell(new SpeakingDetector(), "sss....."), [
    "speakingStart a 0",
    "speakingStop a 140",
  ]);
  assertEquals(tell(new SpeakingDetector(), "s....s....s....."), [
    "speakingStart a 0",
    "speakingStop a 300",
  ]);
  assertEquals(tell(new SpeakingDetector(), "s......s"), [
    "speakingStart a 0",
    `speakingStop a ${20 * SILENCE_RUN}`,
    "speakingStart a 140",
  ]);
});

test("SpeakingDetector takes silence alone for nothing, and what only looks like it for sound", () => {
  assertEquals(tell(new SpeakingDetector(), "........"), []);
  const detector = new SpeakingDetector();
  for (const opus of [[0xf8, 0xff], [0xf8, 0xff, 0xfe, 0], [0xf8, 0xff, 0xff]]) {
    const type = detector.push(`${opus}`, Uint8Array.from(opus), 0)?.type;
    assertEquals(type, "speakingStart", `${opus}`);
  }
});

test("SpeakingDetector.poll() stops who sends nothing for 200 ms, silence before that or not", () => {
  const detector = new SpeakingDetector();
  detector.push("a", SOUND, 0);
  detector.push("b", SOUND, 10);
  detector.push("a", SILENCE, 50);
  assertEquals(detector.pollTimeout(), 10 + QUIET_TIME);
  assertEquals(detector.poll(209), undefined);
  assertEquals(detector.poll(1000), { type: "speakingStop", userId: "b", at: 210 });
  assertEquals(detector.poll(1000), { type: "speakingStop", userId: "a", at: 250 });
  assertEquals([detector.poll(1000), detector.pollTimeout()], [undefined, undefined]);
  assertEquals(detector.push("a", SOUND, 1001)?.type, "speakingStart");
});

test("SpeakingDetector.push() goes on where a gap was not asked about", () => {
  const detector = new SpeakingDetector();
  detector.push("a", SOUND, 0);
  assertEquals(detector.push("a", SOUND, 5000), undefined);
  assertEquals([detector.poll(5199), detector.pollTimeout()], [undefined, 5200]);
});

test("SpeakingDetector holds a clock that steps back, and ignores one that is none", () => {
  const detector = new SpeakingDetector();
  assertEquals(detector.push("a", SOUND, 1000)?.at, 1000);
  assertEquals(detector.push("b", SOUND, 400)?.at, 1000);
  assertEquals(detector.push("c", SOUND, NaN)?.at, 1000);
  assertEquals(detector.pollTimeout(), 1200);
  assertEquals(detector.poll(1200)?.at, 1200);
});

test("SpeakingDetector follows a bounded number of users, and more once there is room", () => {
  const detector = new SpeakingDetector();
  for (let i = 0; i < SPEAKER_LIMIT; i++) detector.push(`${i}`, SOUND, 0);
  assertEquals(detector.push("late", SOUND, 1), undefined);
  assertEquals(detector.speaking.length, SPEAKER_LIMIT);
  assertEquals(detector.poll(QUIET_TIME)?.userId, "0");
  assertEquals(detector.push("late", SOUND, QUIET_TIME)?.type, "speakingStart");
});
