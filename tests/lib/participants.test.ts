import { assertEquals } from "@std/assert";
import test from "node:test";
import { PARTICIPANT_LIMIT, Participants, VIDEO_SSRC_LIMIT } from "../../lib/participants.ts";

test("Participants.add() and remove() say whether it is news, twice", () => {
  const participants = new Participants();
  for (let i = 0; i < 2; i++) {
    assertEquals([participants.add("a"), participants.add("a")], [true, false]);
    assertEquals([...participants.users], ["a"]);
    assertEquals([participants.remove("a"), participants.remove("a")], [true, false]);
    assertEquals([...participants.users], []);
  }
});

test("Participants.map() makes the user known and finds it", () => {
  const participants = new Participants();
  assertEquals(participants.userOf(1), undefined);
  participants.map(1, "a");
  participants.map(1, "a");
  assertEquals(participants.userOf(1), "a");
  assertEquals([...participants.users], ["a"]);
});

test("Participants.map() forgets the earlier SSRC of a user", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.map(2, "a");
  assertEquals([participants.userOf(1), participants.userOf(2)], [undefined, "a"]);
});

test("Participants.map() gives an SSRC to another user, who keeps it", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.map(1, "b");
  assertEquals(participants.userOf(1), "b");
  participants.remove("a");
  assertEquals(participants.userOf(1), "b");
  participants.map(2, "a");
  assertEquals([participants.userOf(1), participants.userOf(2)], ["b", "a"]);
});

test("Participants.map() takes SSRC 0 and SSRC 2^32 - 1", () => {
  const participants = new Participants();
  participants.map(0, "a");
  participants.map(0xffffffff, "b");
  assertEquals([participants.userOf(0), participants.userOf(0xffffffff)], ["a", "b"]);
});

test("Participants.remove() and clear() forget the SSRC too", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.map(2, "b");
  participants.remove("a");
  assertEquals([participants.userOf(1), participants.userOf(2)], [undefined, "b"]);
  participants.clear();
  assertEquals([participants.userOf(2), participants.users.size], [undefined, 0]);
});

test("Participants.add() replaces the oldest user beyond the bound", () => {
  const participants = new Participants();
  participants.map(7, "user 0");
  for (let i = 1; i < PARTICIPANT_LIMIT; i++) participants.add(`user ${i}`);
  assertEquals(participants.userOf(7), "user 0");
  participants.add("one more");
  assertEquals(participants.users.size, PARTICIPANT_LIMIT);
  assertEquals(participants.userOf(7), undefined);
  assertEquals(participants.users.has("user 0"), false);
  assertEquals(participants.users.has("user 1"), true);
  assertEquals(participants.users.has("one more"), true);
});

test("Participants.map() stays within the bound", () => {
  const participants = new Participants();
  for (let i = 0; i < PARTICIPANT_LIMIT + 10; i++) participants.map(i, `user ${i}`);
  let known = 0;
  for (let i = 0; i < PARTICIPANT_LIMIT + 10; i++) {
    known += Number(participants.userOf(i) !== undefined);
  }
  assertEquals([participants.users.size, known], [PARTICIPANT_LIMIT, PARTICIPANT_LIMIT]);
  assertEquals(participants.userOf(9), undefined);
  assertEquals(participants.userOf(10), "user 10");
});

// Video

test("Participants.mapVideo() makes the user known and finds each SSRC", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.mapVideo([2, 3], "a");
  participants.mapVideo([5], "b");
  assertEquals([1, 2, 3, 5].map((ssrc) => participants.userOf(ssrc)), ["a", "a", "a", "b"]);
  assertEquals([participants.ssrcOf("a"), participants.ssrcOf("b")], [1, undefined]);
  assertEquals([...participants.users], ["a", "b"]);
});

test("Participants.mapVideo() forgets the earlier SSRCs of the user's video, and no voice", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.mapVideo([2, 3], "a");
  participants.mapVideo([3, 4], "a");
  assertEquals([1, 2, 3, 4].map((ssrc) => participants.userOf(ssrc)), ["a", undefined, "a", "a"]);
  participants.mapVideo([], "a");
  assertEquals([1, 3, 4].map((ssrc) => participants.userOf(ssrc)), ["a", undefined, undefined]);
  assertEquals(participants.ssrcOf("a"), 1);
});

test("Participants.videoOf() tells video and what is sent again of it, as long as it is theirs", () => {
  const participants = new Participants();
  const kinds = () => [1, 2, 3, 4].map((ssrc) => participants.videoOf(ssrc));
  participants.map(1, "a");
  participants.mapVideo([1, 2, 3], "a", [1, 3]);
  assertEquals(kinds(), [undefined, "video", "rtx", undefined]);
  participants.mapVideo([3, 4], "a", [4]);
  assertEquals(kinds(), [undefined, undefined, "video", "rtx"]);
  // What is told last holds: now it is a voice.
  participants.map(4, "b");
  assertEquals(kinds(), [undefined, undefined, "video", undefined]);
  participants.remove("a");
  assertEquals(kinds(), [undefined, undefined, undefined, undefined]);
  participants.mapVideo([2], "c");
  participants.clear();
  assertEquals(kinds(), [undefined, undefined, undefined, undefined]);
});

test("Participants.mapVideo() is bounded", () => {
  const participants = new Participants();
  const ssrcs = Array.from({ length: VIDEO_SSRC_LIMIT + 5 }, (_, i) => 10 + i);
  participants.map(1, "a");
  for (let round = 0; round < 2; round++) {
    participants.mapVideo([1, ...ssrcs], "a");
    const known = ssrcs.filter((ssrc) => participants.userOf(ssrc) === "a");
    assertEquals(known, ssrcs.slice(0, VIDEO_SSRC_LIMIT));
    assertEquals(participants.ssrcOf("a"), 1);
  }
});

test("Participants.map() takes an SSRC of the user's video for voice, for good", () => {
  const participants = new Participants();
  participants.mapVideo([2, 3], "a");
  participants.map(2, "a");
  assertEquals([participants.ssrcOf("a"), participants.userOf(2)], [2, "a"]);
  participants.mapVideo([4], "a");
  assertEquals([2, 3, 4].map((ssrc) => participants.userOf(ssrc)), ["a", undefined, "a"]);
});

test("Participants.mapVideo() does not take the user's voice for video", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.mapVideo([1, 2], "a");
  participants.mapVideo([], "a");
  assertEquals([participants.ssrcOf("a"), participants.userOf(1)], [1, "a"]);
});

test("Participants.mapVideo() takes an SSRC that was the user's voice before", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.map(2, "a");
  participants.mapVideo([1], "a");
  assertEquals([1, 2].map((ssrc) => participants.userOf(ssrc)), ["a", "a"]);
  assertEquals(participants.ssrcOf("a"), 2);
});

test("What is told last holds: an SSRC goes from one user to another, voice or video", () => {
  type Map = (participants: Participants, userId: string) => void;
  const voice: Map = (participants, userId) => participants.map(7, userId);
  const video: Map = (participants, userId) => participants.mapVideo([7], userId);
  for (const first of [voice, video]) {
    for (const second of [voice, video]) {
      const participants = new Participants();
      first(participants, "a");
      second(participants, "b");
      assertEquals([participants.userOf(7), participants.ssrcOf("a")], ["b", undefined]);
      assertEquals(participants.ssrcOf("b"), second === voice ? 7 : undefined);
      participants.map(8, "a");
      participants.mapVideo([9], "a");
      participants.remove("a");
      assertEquals([7, 8, 9].map((ssrc) => participants.userOf(ssrc)), ["b", undefined, undefined]);
      for (const third of [voice, video]) {
        third(participants, "b");
        third(participants, "a");
        assertEquals(participants.userOf(7), "a");
        third(participants, "b");
        assertEquals(participants.userOf(7), "b");
      }
    }
  }
});

test("An SSRC that was lost to another user comes back with either kind of mapping", () => {
  for (const back of ["voice", "video"]) {
    const participants = new Participants();
    participants.map(7, "a");
    participants.map(7, "b");
    if (back === "voice") participants.map(7, "a");
    else participants.mapVideo([7], "a");
    assertEquals(participants.userOf(7), "a", back);
    assertEquals(participants.ssrcOf("b"), undefined);
  }
});

// Users and SSRCs

test("Participants.ssrcOf() knows the last SSRC of a user's voice, while it is the user's", () => {
  const participants = new Participants();
  assertEquals(participants.ssrcOf("a"), undefined);
  participants.add("a");
  assertEquals(participants.ssrcOf("a"), undefined);
  participants.map(1, "a");
  participants.map(0, "a");
  assertEquals(participants.ssrcOf("a"), 0);
  participants.map(0, "b");
  assertEquals([participants.ssrcOf("a"), participants.ssrcOf("b")], [undefined, 0]);
  participants.remove("b");
  assertEquals([participants.ssrcOf("a"), participants.ssrcOf("b")], [undefined, undefined]);
});

test("Participants.remove() and clear() forget all SSRCs of a user, and leave nothing behind", () => {
  for (const forget of ["remove", "clear"] as const) {
    const participants = new Participants();
    participants.map(1, "a");
    participants.mapVideo([2, 3], "a");
    participants[forget]("a");
    assertEquals([1, 2, 3].map((ssrc) => participants.userOf(ssrc)), [
      undefined,
      undefined,
      undefined,
    ]);
    participants.add("a");
    assertEquals([participants.ssrcOf("a"), participants.userOf(1)], [undefined, undefined]);
  }
});

test("Participants: a user who comes back is remapped, a late mapping too", () => {
  const participants = new Participants();
  participants.map(1, "a");
  participants.remove("a");
  assertEquals(participants.add("a"), true);
  assertEquals(participants.userOf(1), undefined);
  participants.map(2, "a");
  assertEquals([participants.userOf(1), participants.userOf(2)], [undefined, "a"]);
});

test("Participants tells who gives way, voice, video and all", () => {
  const evicted: string[] = [];
  const participants = new Participants((userId) => evicted.push(userId));
  participants.mapVideo([7, 8], "user 0");
  for (let i = 1; i < PARTICIPANT_LIMIT; i++) participants.add(`user ${i}`);
  assertEquals(participants.add("user 5"), false);
  assertEquals(evicted, []);
  participants.mapVideo([9], "one more");
  assertEquals([7, 8, 9].map((ssrc) => participants.userOf(ssrc)), [
    undefined,
    undefined,
    "one more",
  ]);
  participants.add("another one");
  participants.remove("user 2");
  participants.add("a third");
  assertEquals([evicted, participants.users.size], [["user 0", "user 1"], PARTICIPANT_LIMIT]);
});
