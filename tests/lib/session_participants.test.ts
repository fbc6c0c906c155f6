// Who is in the channel, with which SSRC, and who speaks.

import { assertEquals } from "@std/assert";
import test from "node:test";
import type { Output } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import {
  ADDRESS,
  DESCRIPTION,
  type Driver,
  driveTo,
  eventsOf,
  JOIN,
  READY,
  sentBy,
  SSRC,
  USER,
  voiceServer,
} from "../tools/driver.ts";

function opcodesOf(outputs: readonly Output[]): number[] {
  return sentBy(outputs).map(({ op }) => op);
}

test("VoiceSession speaks when it is connected, once for each change of flags", () => {
  const driver = driveTo("selecting");
  assertEquals(driver.feed({ type: "speak", flags: 1 }), []);
  const speaking = sentBy(driver.message(4, DESCRIPTION)).filter(({ op }) => op === 5);
  assertEquals(speaking, [{ op: 5, d: { speaking: 1, delay: 0, ssrc: SSRC } }]);
  assertEquals(opcodesOf(driver.feed({ type: "speak", flags: 1 })), []);
  assertEquals(sentBy(driver.feed({ type: "speak", flags: 5 }))[0].d.speaking, 5);
  assertEquals(sentBy(driver.feed({ type: "speak", flags: 0 }))[0].d.speaking, 0);
});

test("VoiceSession speaks again after a resume and with the SSRC of a new session", () => {
  const driver = driveTo("connected");
  driver.feed({ type: "speak", flags: 1 });
  driver.close(1006);
  driver.wait(0);
  driver.open();
  assertEquals(opcodesOf(driver.message(9, null)).includes(5), true);
  driver.feed(voiceServer("new"));
  driver.open();
  driver.message(2, { ...READY, ssrc: 99 });
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(99, ADDRESS));
  const speaking = sentBy(driver.message(4, DESCRIPTION)).filter(({ op }) => op === 5);
  assertEquals(speaking, [{ op: 5, d: { speaking: 1, delay: 0, ssrc: 99 } }]);
});

test("VoiceSession knows users and their SSRCs", () => {
  const driver = driveTo("connected");
  const { session } = driver;
  assertEquals(eventsOf(driver.message(11, { user_ids: ["1", USER, "2", "1"] })), [
    { type: "clientConnect", userId: "1" },
    { type: "clientConnect", userId: "2" },
  ]);
  assertEquals(eventsOf(driver.message(5, { user_id: "1", ssrc: 7, speaking: 1 })), [
    { type: "speaking", userId: "1", ssrc: 7, flags: 1 },
  ]);
  assertEquals(eventsOf(driver.message(5, { user_id: "3", ssrc: 8, speaking: true })), [
    { type: "clientConnect", userId: "3" },
    { type: "speaking", userId: "3", ssrc: 8, flags: 1 },
  ]);
  assertEquals(eventsOf(driver.message(5, { user_id: USER, ssrc: SSRC, speaking: 1 })), []);
  assertEquals([session.userOf(7), session.userOf(8), session.userOf(9)], ["1", "3", undefined]);
  assertEquals([...session.users], ["1", "2", "3"]);
  for (const expected of [[{ type: "clientDisconnect" as const, userId: "1" }], []]) {
    assertEquals(eventsOf(driver.message(13, { user_id: "1" })), expected);
  }
  assertEquals([session.userOf(7), [...session.users]], [undefined, ["2", "3"]]);
});

test("VoiceSession keeps users over a resume, and forgets them with the channel", () => {
  const driver = driveTo("connected");
  driver.message(5, { user_id: "1", ssrc: 7, speaking: 1 });
  driver.close(1006);
  driver.wait(0);
  driver.open();
  driver.message(9, null);
  assertEquals(driver.session.userOf(7), "1");
  driver.feed({ ...JOIN, channelId: "5" });
  assertEquals([driver.session.userOf(7), driver.session.users.size], [undefined, 0]);
});

test("VoiceSession keeps what it learned of others before Ready", () => {
  const driver = driveTo("identifying");
  driver.message(11, { user_ids: ["8", "9"] }, 1);
  driver.message(5, { user_id: "8", ssrc: 77, speaking: 1 }, 2);
  driver.message(2, READY);
  assertEquals([[...driver.session.users], driver.session.userOf(77)], [["8", "9"], "8"]);
});

test("VoiceSession learns SSRCs from Video too, where they are some", () => {
  const driver = driveTo("connected");
  const streams = [{ ssrc: 78, rtx_ssrc: 79 }, { ssrc: 80 }, { ssrc: 0, rtx_ssrc: null }, {}];
  const video = { type: "video", userId: "8", ssrc: 77 };
  const outputs = driver.message(12, { user_id: "8", audio_ssrc: 77, video_ssrc: 78, streams }, 1);
  assertEquals(eventsOf(outputs), [{ type: "clientConnect", userId: "8" }, video] as never);
  driver.message(12, { user_id: "9", audio_ssrc: 0, video_ssrc: 0 }, 2);
  driver.message(12, { user_id: USER, audio_ssrc: 90, video_ssrc: 91 }, 3);
  driver.message(12, { user_id: "10", audio_ssrc: -1 }, 4);
  const users = [0, 77, 78, 79, 80, 90, 91].map((ssrc) => driver.session.userOf(ssrc));
  assertEquals(users, [undefined, "8", "8", "8", "8", undefined, undefined]);
  assertEquals([...driver.session.users], ["8", "9"]);
});

test("VoiceSession keeps a voice when its user's video goes off", () => {
  const driver = driveTo("connected");
  driver.message(5, { user_id: "8", ssrc: 77, speaking: 1 });
  driver.message(12, { user_id: "8", audio_ssrc: 77, video_ssrc: 78, streams: [] });
  driver.message(12, { user_id: "8", audio_ssrc: 0, video_ssrc: 0, streams: [] });
  assertEquals([77, 78].map((ssrc) => driver.session.userOf(ssrc)), ["8", undefined]);
});

/** What others send about a user: whether it tells that the user is there, and the SSRC. */
const ABOUT: Record<string, readonly [op: number, d: (userId: string, ssrc: number) => unknown]> = {
  Speaking: [5, (user_id, ssrc) => ({ user_id, ssrc, speaking: 1 })],
  "Clients Connect": [11, (userId) => ({ user_ids: [userId] })],
  Video: [12, (user_id, audio_ssrc) => ({ user_id, audio_ssrc, video_ssrc: 0, streams: [] })],
  "Client Flags": [18, (user_id) => ({ user_id, flags: 2 })],
  "Client Platform": [20, (user_id) => ({ user_id, platform: null })],
};

for (const [name, [op, d]] of Object.entries(ABOUT)) {
  const tellsSsrc = op === 5 || op === 12;

  test(`VoiceSession learns of a user by ${name}, once, not of itself`, () => {
    const driver = driveTo("connected");
    for (let i = 0; i < 2; i++) driver.message(op, d("8", 77));
    driver.message(op, d(USER, 99));
    const connects = driver.events.filter(({ type }) => type === "clientConnect");
    assertEquals(connects, [{ type: "clientConnect", userId: "8" }]);
    assertEquals([...driver.session.users], ["8"]);
    const users = [77, 99].map((ssrc) => driver.session.userOf(ssrc));
    assertEquals(users, [tellsSsrc ? "8" : undefined, undefined]);
  });

  test(`VoiceSession keeps the SSRC that it knows when ${name} comes late`, () => {
    const driver = driveTo("connected");
    driver.message(5, { user_id: "8", ssrc: 76, speaking: 1 });
    driver.message(op, d("8", 77));
    const users = [76, 77].map((ssrc) => driver.session.userOf(ssrc));
    assertEquals(users, tellsSsrc ? [undefined, "8"] : ["8", undefined]);
  });

  test(`VoiceSession forgets by Client Disconnect who was told by ${name}, then learns anew`, () => {
    const driver = driveTo("connected");
    driver.message(op, d("8", 77));
    assertEquals(eventsOf(driver.message(13, { user_id: "8" })), [
      { type: "clientDisconnect", userId: "8" },
    ]);
    assertEquals(eventsOf(driver.message(13, { user_id: "8" })), []);
    assertEquals([driver.session.users.size, driver.session.userOf(77)], [0, undefined]);
    driver.message(op, d("8", 78));
    assertEquals([...driver.session.users], ["8"]);
  });

  test(`VoiceSession is bounded in the users that it learns of by ${name}`, () => {
    const driver = driveTo("connected");
    for (let i = 1; i <= 4100; i++) driver.message(op, d(`${i}`, i));
    const gone = driver.events.flatMap((event) =>
      event.type === "clientDisconnect" ? [event.userId] : []
    );
    assertEquals([driver.session.users.size, gone], [4096, ["1", "2", "3", "4"]]);
    const users = [4, 5].map((ssrc) => driver.session.userOf(ssrc));
    assertEquals(users, [undefined, tellsSsrc ? "5" : undefined]);
  });
}

test("VoiceSession gives an SSRC to the user who was told last", () => {
  const driver = driveTo("connected");
  driver.message(5, { user_id: "8", ssrc: 77, speaking: 1 });
  driver.message(12, { user_id: "9", audio_ssrc: 77, video_ssrc: 78 });
  assertEquals([77, 78].map((ssrc) => driver.session.userOf(ssrc)), ["9", "9"]);
  driver.message(13, { user_id: "8" });
  assertEquals(driver.session.userOf(77), "9");
  driver.message(13, { user_id: "9" });
  assertEquals([77, 78].map((ssrc) => driver.session.userOf(ssrc)), [undefined, undefined]);
});

test("VoiceSession says of each user that a move or a new session takes away", () => {
  const gone = (driver: Driver) =>
    driver.events.flatMap((event) => event.type === "clientDisconnect" ? [event.userId] : []);
  const moved = driveTo("connected");
  moved.message(11, { user_ids: ["8", "9"] }, 1);
  moved.feed(voiceServer("new"));
  assertEquals(gone(moved), ["8", "9"]);
  const crowded = driveTo("connected");
  const users = Array.from({ length: 5000 }, (_, i) => `${i + 1}`);
  crowded.message(11, { user_ids: ["0"] }, 1);
  // Of one message no more than can be remembered, the last ones.
  const outputs = crowded.message(11, { user_ids: users }, 2);
  assertEquals([outputs.length < 8300, gone(crowded), crowded.session.users.size], [
    true,
    ["0"],
    4096,
  ]);
  assertEquals([...crowded.session.users], users.slice(-4096));
});
