import { assertEquals } from "@std/assert";
import test from "node:test";
import { PARTICIPANT_LIMIT, Participants } from "../../lib/participants.ts";

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
