import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { FrameOpener, pureFrameAead } from "../../../lib/dave/frames/mod.ts";
import { encodeRevoke, MlsMember } from "../../../lib/dave/mls/mod.ts";
import {
  DaveSession,
  type DaveSessionOptions,
  HELD_LIMIT,
  HELD_SIZE_LIMIT,
  RESUME_PATIENCE,
  STALL_PATIENCE,
  STALL_PATIENCE_LIMIT,
} from "../../../lib/dave/session.ts";
import { RECOVERY_COUNT, RECOVERY_PATIENCE } from "../../../lib/dave/recovery_guard.ts";
import { SeededRandom } from "../../../lib/testing/seeded_random.ts";
import type { VoiceReceivePayload } from "../../../lib/payloads.ts";
import {
  assertTogether,
  Call,
  type Caller,
  CHANNEL,
  description,
  hear,
  say,
  withId,
} from "./call.ts";

const OVERLAP = 10_000;
const SILENCE = [0xf8, 0xff, 0xfe];

function ignored(caller: Caller): string[] {
  return caller.takeEvents().flatMap((event) =>
    event.type === "daveIgnored" ? [`${event.op} ${event.reason}`] : []
  );
}

function quiet(callers: readonly Caller[]): void {
  for (const caller of callers) {
    caller.takeSent();
    caller.takeEvents();
  }
}

test("DaveSession asks to be added on Session Description, before or after the external sender", () => {
  const call = new Call(1);
  const [early, late] = [call.caller(1), call.caller(2)];
  assertEquals([early.session.state, early.session.ready], ["idle", false]);
  early.handle({ op: 25, d: call.gateway.bytes }, 0);
  assertEquals(early.session.state, "idle");
  early.handle(description(1), 0);
  late.handle(description(1), 0);
  assertEquals([early.session.state, late.session.state], ["founded", "waiting"]);
  late.handle({ op: 25, d: call.gateway.bytes }, 0);
  assertEquals(late.session.state, "founded");
  assertEquals([early.takeSent(), late.takeSent()], [["26"], ["26"]]);
  assertEquals(early.session.protocolVersion, 1);
  assertEquals([early.session.epoch, early.session.identities], [undefined, []]);
  early.session.addUser(late.userId);
  assertEquals([say(early, 1), early.session.sealFault], [undefined, "no-key"]);
});

test("DaveSession reports a new epoch with op 23 and seals with it from op 22 on", () => {
  const call = new Call(2);
  const [a, b] = call.callers(2);
  quiet([a, b]);
  const id = call.step({ joins: [a, b], execute: false });
  assertEquals([a.takeSent(), b.takeSent()], [["28", `23:${id}`], ["28", `23:${id}`]]);
  assertEquals([a.session.state, a.session.ready, a.session.pendingTransitions], [
    "established",
    false,
    1,
  ]);
  const code = a.session.privacyCode;
  assertEquals(a.takeEvents(), [{ type: "davePrivacyCode", code }]);
  call.execute(id);
  assertEquals(a.takeEvents(), [
    { type: "daveEpochTransition", transitionId: id, epoch: 1, protocolVersion: 1 },
  ]);
  assertEquals([a.session.ready, a.session.pendingTransitions], [true, 0]);
  assertEquals(a.takeSent(), []);
  assertTogether([a, b], call.now);
  a.handle({ op: 22, d: { transition_id: id } }, call.now);
  assertEquals(ignored(a), ["22 unknown-transition"]);
});

test("DaveSession executes a transition with id 0 at once and does not report it", () => {
  const call = new Call(3);
  const [a, b] = call.callers(2);
  quiet([a, b]);
  call.step({ joins: [a, b], id: 0 });
  assertEquals([a.takeSent(), b.takeSent()], [["28"], ["28"]]);
  assertEquals(a.takeEvents().map(({ type }) => type), ["davePrivacyCode", "daveEpochTransition"]);
  assertTogether([a, b], call.now);
});

test("members join and leave, and all others hear each other in each epoch", () => {
  const call = new Call(4);
  const [a, b, c, d, e] = call.callers(5);
  call.step({ joins: [a, b] });
  assertTogether([a, b], call.now);
  const code = a.session.privacyCode;
  call.step({ joins: [c, d, e], winner: b });
  assertTogether([a, b, c, d, e], call.now);
  assertNotEquals(a.session.privacyCode, code);
  call.step({ leaves: [b], winner: e });
  assertTogether([a, c, d, e], call.now);
  const frame = say(a, 9)!;
  assertEquals(hear(b, a, frame, call.now), "bad-tag");
  call.step({ leaves: [a, d] });
  assertTogether([c, e], call.now);
  b.handle(description(1), call.now);
  call.step({ joins: [b], winner: e });
  assertTogether([b, c, e], call.now);
  assertEquals(b.session.epoch, 5n);
});

test("of simultaneous commits the announced one counts, whosever it is", () => {
  const call = new Call(5);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b, c], winner: c });
  assertTogether([a, b, c], call.now);
  quiet([a, b, c]);
  call.step({ joins: [d], winner: b });
  for (const one of [a, b, c]) assertEquals(one.takeSent()[0], "28");
  assertTogether([a, b, c, d], call.now);
  for (const winner of [d, a, c]) {
    call.step({ leaves: [b], winner });
    b.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
    call.step({ joins: [b], winner });
    assertTogether([a, b, c, d], call.now);
  }
});

test("DaveSession commits anew when proposals are added or taken back", () => {
  const call = new Call(6);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a].concat(b) });
  quiet([a, b]);
  const one = call.gateway.add(call.groupId, call.epoch, c.keyPackage);
  const two = call.gateway.remove(call.groupId, call.epoch, 1);
  a.handle({ op: 27, d: Uint8Array.of(0, ...vectorOf(one.message)) }, call.now);
  const first = a.commit;
  a.handle({ op: 27, d: Uint8Array.of(0, ...vectorOf(two.message)) }, call.now);
  assertNotEquals(a.commit, first);
  const second = a.commit;
  a.handle({ op: 27, d: encodeRevoke([two.ref]) }, call.now);
  assertNotEquals(a.commit, second);
  assertEquals(a.takeSent(), ["28", "28", "28"]);
  a.handle({ op: 27, d: encodeRevoke([one.ref]) }, call.now);
  assertEquals(a.takeSent(), []);
});

/** Content of a vector of 64 to 16383 bytes. */
function vectorOf(content: Uint8Array): number[] {
  return [0x40 | content.length >>> 8, content.length & 0xff, ...content];
}

test("DaveSession refuses proposals to add users who are not in the call", () => {
  const call = new Call(7);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  quiet([a, b]);
  assert(a.session.recognized(c.userId) && a.session.recognized(a.userId));
  a.session.removeUser(c.userId, call.now);
  assert(!a.session.recognized(c.userId));
  a.handle({ op: 27, d: call.propose([], [c]) }, call.now);
  assertEquals([a.takeSent(), ignored(a)], [[], ["27 unrecognized-user"]]);
  a.session.addUser(c.userId);
  a.handle({ op: 27, d: call.propose([], [c]) }, call.now);
  assertEquals(a.takeSent(), ["28"]);
});

test("a member who is removed seals nothing and waits for a new group", () => {
  const call = new Call(8);
  const [a, b, c] = call.gather(3);
  quiet([a, b, c]);
  const body = call.propose([b], []);
  b.handle({ op: 27, d: body }, call.now);
  assertEquals(b.takeSent(), []);
  call.step({ leaves: [b] });
  b.handle({ op: 29, d: withId(77, call.lastCommit) }, call.now);
  assertEquals([b.session.state, b.session.epoch, say(b, 1)], ["removed", undefined, undefined]);
  assertEquals([b.takeSent(), b.session.privacyCode], [[], undefined]);
  b.handle({ op: 27, d: body }, call.now);
  b.handle({ op: 30, d: withId(78, call.lastWelcome) }, call.now);
  assertEquals(ignored(b), ["27 wrong-state", "30 wrong-state"]);
  b.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  call.step({ joins: [b] });
  assertTogether([a, b, c], call.now);
});

test("DaveSession hears the epoch before for ten seconds and the next before op 22", () => {
  const call = new Call(9);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  const old = [say(a, 1)!, say(a, 2)!];
  const id = call.step({ joins: [c], execute: false });
  assertEquals(hear(b, a, say(a, 3)!, call.now), [3]);
  a.handle({ op: 22, d: { transition_id: id } }, call.now);
  assertEquals(hear(b, a, say(a, 4)!, call.now), [4]);
  assertEquals(hear(b, a, old[0], call.now + OVERLAP), [1]);
  assertEquals(hear(b, a, old[1], call.now + OVERLAP + 1), "bad-tag");
});

test("several transitions can wait, and an older one does not bring its epoch back", () => {
  const call = new Call(10);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b] });
  const one = call.step({ joins: [c], execute: false });
  const two = call.step({ joins: [d], execute: false });
  assertEquals(a.session.pendingTransitions, 2);
  call.execute(one);
  assertEquals(hear(d, a, say(a, 1)!, call.now), "bad-tag");
  assertEquals(hear(c, a, say(a, 2)!, call.now), [2]);
  call.execute(two);
  assertTogether([a, b, c, d], call.now);
  const three = call.step({ leaves: [d], execute: false });
  const four = call.step({ leaves: [c], execute: false });
  call.execute(four);
  call.execute(three);
  assertEquals(hear(c, a, say(a, 1)!, call.now), "bad-tag");
  assertTogether([a, b], call.now);
});

test("a member who missed a commit fails at the next one, recovers and is added anew", () => {
  const call = new Call(11);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b, c] });
  call.step({ joins: [d], deaf: [c] });
  quiet([a, b, c, d]);
  const id = call.step({ leaves: [d] });
  assertEquals(c.takeSent(), [`31:${id}`, "26"]);
  assertEquals(
    c.takeEvents().map((event) => event.type === "daveIgnored" ? event.reason : event.type),
    [
      "wrong-epoch",
      "wrong-epoch",
      "daveRecovery",
      "davePrivacyCode",
      "unknown-transition",
    ],
  );
  assertEquals([c.session.state, hear(c, a, say(a, 1)!, call.now)], ["founded", "bad-tag"]);
  assertEquals(hear(a, c, say(c, 1)!, call.now), [1]);
  call.step({ leaves: [c], joins: [c] });
  assertTogether([a, b, c], call.now);
});

test("who recovers seals with the old key until the next one, for ten seconds at most", () => {
  const call = new Call(40);
  const [a, b] = call.gather(2);
  a.handle({ op: 29, d: withId(9, Uint8Array.of(1)) }, call.now);
  assertEquals(hear(b, a, say(a, 1)!, call.now), [1]);
  assertEquals(a.session.pollTimeout(), call.now + STALL_PATIENCE);
  a.session.expire(call.now + OVERLAP);
  assertEquals(hear(b, a, say(a, 2)!, call.now), [2]);
  assertEquals(a.session.pollTimeout(), call.now + OVERLAP + 1);
  a.session.expire(call.now + OVERLAP + 1);
  a.drain();
  assertEquals([say(a, 3), a.session.ready], [undefined, false]);
  call.step({ leaves: [a], joins: [a] });
  assertTogether([a, b], call.now);
});

test("who is alone in the call seals for nobody, and for others only what they can open", () => {
  const call = new Call(41);
  const [a, b] = [call.caller(1), call.caller(2)];
  a.handle({ op: 25, d: call.gateway.bytes }, call.now);
  assertEquals(say(a, 1), undefined);
  a.handle(description(1), call.now);
  assertEquals(a.session.ready, true);
  const [first, second] = [say(a, 1, 2, 3)!, say(a, 1, 2, 3)!];
  assertEquals([first.length, first.at(-4), second.at(-4)], [15, 1, 2]);
  a.handle({ op: 11, d: { user_ids: [a.userId, b.userId] } }, call.now);
  assertEquals([a.session.ready, say(a, 1), a.session.sealFault], [false, undefined, "no-key"]);
  a.handle({ op: 13, d: { user_id: b.userId } }, call.now);
  assertEquals(say(a, 1, 2, 3)!.at(-4), 3);
  for (const caller of [a, b]) {
    caller.handle({ op: 11, d: { user_ids: [a.userId, b.userId] } }, call.now);
  }
  b.handle({ op: 25, d: call.gateway.bytes }, call.now);
  b.handle(description(1), call.now);
  call.step({ joins: [a, b] });
  assertTogether([a, b], call.now);
});

test("who is not added asks again, at ever longer intervals, and not while alone", () => {
  const call = new Call(42);
  const [a] = call.callers(1);
  quiet([a]);
  let now = call.now;
  a.session.expire(now + 1e6);
  assertEquals([a.session.pollTimeout(), a.takeSent()], [undefined, []]);
  now += 1e6;
  a.handle({ op: 11, d: { user_ids: ["7"] } }, now);
  for (let patience = STALL_PATIENCE; patience < 2 * STALL_PATIENCE_LIMIT; patience *= 2) {
    const wait = Math.min(patience, STALL_PATIENCE_LIMIT);
    assertEquals(a.session.pollTimeout(), now + wait);
    a.session.expire(now + wait - 1);
    a.drain();
    assertEquals(a.takeSent(), []);
    a.session.expire(now += wait);
    a.drain();
    assertEquals(a.takeSent(), ["31:0", "26"]);
  }
  assertEquals(a.session.counters, { ignored: {}, recoveries: 6 });
  a.handle({ op: 13, d: { user_id: "7" } }, now);
  assertEquals(a.session.pollTimeout(), undefined);
});

test("a member who missed a welcome gets another one", () => {
  const call = new Call(12);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  call.step({ joins: [c], deaf: [c] });
  const bad = Uint8Array.from(call.lastWelcome);
  bad[bad.length - 1] ^= 1;
  quiet([c]);
  c.handle({ op: 30, d: withId(5, bad) }, call.now);
  assertEquals(c.takeSent(), ["31:5", "26"]);
  call.step({ leaves: [c], joins: [c] });
  assertTogether([a, b, c], call.now);
});

test("undecryptable frames beyond the tolerance lead to recovery, but not around transitions", () => {
  const call = new Call(13);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b] });
  const id = call.step({ joins: [c], deaf: [b] });
  quiet([a, b, c]);
  for (let i = 0; i < 30; i++) hear(b, a, say(a, i)!, call.now);
  assertEquals(b.takeSent(), []);
  call.now += OVERLAP + 1;
  const silence = Uint8Array.from(SILENCE);
  for (let i = 0; i < 24; i++) hear(b, a, say(a, i)!, call.now);
  assertEquals(hear(b, a, silence, call.now), SILENCE);
  assertEquals(b.takeSent(), []);
  const stranger = call.caller(99);
  for (let i = 0; i < 30; i++) hear(b, stranger, say(a, i)!, call.now);
  for (let i = 0; i < 30; i++) hear(b, a, Uint8Array.of(1, 2, 3), call.now);
  assertEquals(b.takeSent(), []);
  b.handle({ op: 21, d: { transition_id: 70, protocol_version: 1 } }, call.now);
  for (let i = 0; i < 30; i++) hear(b, a, say(a, i)!, call.now);
  assertEquals(b.takeSent(), ["23:70"]);
  b.handle({ op: 22, d: { transition_id: 70 } }, call.now);
  call.now += OVERLAP + 1;
  hear(b, a, say(a, 1)!, call.now);
  assertEquals(b.takeSent(), ["31:70", "26"]);
  assert(id < 70);
  call.step({ leaves: [b], joins: [b] });
  assertTogether([a, b, c], call.now);
  assertEquals(d.session.state, "founded");
});

test("a frame that can be opened starts the count of undecryptable ones anew", () => {
  const call = new Call(14);
  const callers = [call.caller(0, 1), call.caller(1)];
  const [a, b] = callers;
  for (const caller of callers) {
    for (const { userId } of callers) caller.session.addUser(userId);
    caller.handle({ op: 25, d: call.gateway.bytes }, call.now);
    caller.handle(description(1), call.now);
  }
  call.step({ joins: callers });
  quiet(callers);
  call.now += OVERLAP + 1;
  const spoilt = () => say(b, 1, 2, 3)!.map((byte, index) => index === 0 ? byte ^ 1 : byte);
  for (let i = 0; i < 4; i++) {
    assertEquals(hear(a, b, spoilt(), call.now), "bad-tag");
    assertEquals(hear(a, b, say(b, i)!, call.now), [i]);
  }
  assertEquals(a.takeSent(), []);
  hear(a, b, spoilt(), call.now);
  hear(a, b, spoilt(), call.now);
  assertEquals(a.takeSent(), ["31:1", "26"]);
});

test("recoveries come one at a time, what must wait is made up for, and their number is limited", () => {
  const call = new Call(15);
  const [a] = call.callers(1);
  quiet([a]);
  const bad = { op: 30, d: withId(3, Uint8Array.of(1)) } as const;
  let now = call.now;
  a.handle(bad, now);
  a.handle(bad, now + 1);
  a.handle({ op: 30, d: withId(4, Uint8Array.of(1)) }, now + 2);
  a.session.expire(now + RECOVERY_PATIENCE - 1);
  a.drain();
  assertEquals(a.takeSent(), ["31:3", "26"]);
  a.session.expire(now + RECOVERY_PATIENCE);
  a.drain();
  assertEquals(a.takeSent(), ["31:4", "26"]);
  for (let i = 0; i < 10; i++) a.handle(bad, now += RECOVERY_PATIENCE);
  const { length } = a.takeSent();
  assertEquals(length, 2 * (RECOVERY_COUNT - 2));
});

test("DaveSession ignores commits that are not meant for it", () => {
  const call = new Call(16);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b] });
  call.step({ joins: [d] });
  quiet([a, b, c]);
  c.handle({ op: 29, d: withId(9, call.lastCommit) }, call.now);
  a.handle({ op: 29, d: withId(9, call.lastCommit) }, call.now);
  a.handle({ op: 29, d: Uint8Array.of(1) }, call.now);
  assertEquals(ignored(c), ["29 not-established"]);
  assertEquals(ignored(a).length, 2);
  assertEquals([a.takeSent(), c.takeSent()], [[], []]);
  a.handle({ op: 29, d: withId(9, Uint8Array.of(1, 2)) }, call.now);
  assertEquals(a.takeSent(), ["31:9", "26"]);
});

test("a second welcome does no harm to the group", () => {
  const call = new Call(17);
  const [a, b] = call.gather(2);
  quiet([a, b]);
  b.handle({ op: 30, d: withId(1, call.lastWelcome) }, call.now);
  b.handle({ op: 25, d: new Call(99).gateway.bytes }, call.now);
  assertEquals([b.takeSent(), ignored(b)], [[], ["30 wrong-state", "25 established"]]);
  assertTogether([a, b], call.now);
});

test("a downgrade lets plaintext in at once and out on op 22, an upgrade makes a new group", () => {
  const call = new Call(18);
  const [a, b] = call.gather(2);
  quiet([a, b]);
  const plain = Uint8Array.of(1, 2, 3);
  assertEquals(hear(b, a, plain, call.now), "unencrypted");
  for (const caller of [a, b]) {
    caller.handle({ op: 21, d: { transition_id: 50, protocol_version: 0 } }, call.now);
    assertEquals(caller.takeSent(), ["23:50"]);
  }
  assertEquals(hear(b, a, plain, call.now), [1, 2, 3]);
  const late = say(a, 7)!;
  assertEquals(late.length, 13);
  call.execute(50);
  assertEquals(a.takeEvents().map(({ type }) => type), ["davePrivacyCode", "daveEpochTransition"]);
  assertEquals([a.session.state, a.session.protocolVersion, a.session.ready], ["off", 0, true]);
  assertEquals(say(a, 1, 2), Uint8Array.of(1, 2));
  assertEquals(hear(b, a, late, call.now + OVERLAP), [7]);

  call.leaves = [];
  call.epoch = 0n;
  quiet([a, b]);
  for (const caller of [a, b]) {
    caller.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
    assertEquals(caller.takeSent(), ["26"]);
  }
  const id = call.step({ joins: [a, b], execute: false });
  assertEquals(say(a, 1, 2), Uint8Array.of(1, 2));
  assertEquals(hear(b, a, plain, call.now), [1, 2, 3]);
  call.execute(id);
  assertTogether([a, b], call.now);
  assertEquals(a.session.protocolVersion, 1);
  assertEquals(hear(b, a, plain, call.now + OVERLAP - 1), [1, 2, 3]);
  assertEquals(hear(b, a, plain, call.now + OVERLAP), "unencrypted");
});

test("a downgrade with id 0 happens at once, and one that waits survives a recovery", () => {
  const call = new Call(19);
  const [a, b] = call.gather(2);
  quiet([a, b]);
  a.handle({ op: 21, d: { transition_id: 0, protocol_version: 0 } }, call.now);
  assertEquals([a.session.state, a.takeSent()], ["off", []]);
  b.handle({ op: 21, d: { transition_id: 8, protocol_version: 0 } }, call.now);
  b.handle({ op: 29, d: withId(9, Uint8Array.of(1)) }, call.now);
  assertEquals(b.takeSent(), ["23:8", "31:9", "26"]);
  b.handle({ op: 22, d: { transition_id: 8 } }, call.now);
  assertEquals([b.session.state, say(b, 1)], ["off", Uint8Array.of(1)]);
});

test("the last one standing starts over, and others can join it", () => {
  const call = new Call(20);
  const [a, b] = call.gather(2);
  call.step({ leaves: [b] });
  quiet([a, b]);
  a.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  a.handle({ op: 21, d: { transition_id: 0, protocol_version: 1 } }, call.now);
  assertEquals([a.session.state, a.takeSent()], ["founded", ["26"]]);
  assertEquals(a.takeEvents(), [
    { type: "davePrivacyCode", code: undefined },
    { type: "daveEpochTransition", transitionId: 0, epoch: undefined, protocolVersion: 1 },
  ]);
  call.leaves = [];
  call.epoch = 0n;
  b.handle(description(1), call.now);
  call.step({ joins: [a, b], winner: b });
  assertTogether([a, b], call.now);
});

test("DaveSession starts anew on a second Session Description", () => {
  const call = new Call(21);
  const [a, b] = call.gather(2);
  const before = say(a, 1)!;
  for (const caller of [a, b]) caller.handle(description(1), call.now);
  assertEquals([a.session.state, a.session.epoch], ["founded", undefined]);
  assertEquals(hear(b, a, before, call.now + OVERLAP), [1]);
  assertEquals(hear(b, a, before, call.now + OVERLAP + 1), "no-key");
  call.leaves = [];
  call.epoch = 0n;
  call.step({ joins: [a, b] });
  assertTogether([a, b], call.now);
});

test("a call without encryption sends and hears plaintext", () => {
  const call = new Call(22);
  const [a, b] = [call.caller(1), call.caller(2)];
  a.handle({ op: 27, d: Uint8Array.of(0, 0) }, 0);
  a.handle(description(), 0);
  b.handle(description(0), 0);
  assertEquals([a.session.state, a.session.protocolVersion, a.takeSent()], ["off", 0, []]);
  assertEquals(hear(b, a, say(a, 1, 2)!, 0), [1, 2]);
  a.handle({ op: 27, d: Uint8Array.of(0, 0) }, 0);
  a.handle({ op: 24, d: { protocol_version: 0, epoch: 1 } }, 0);
  a.handle({ op: 24, d: { protocol_version: 1, epoch: 0 } }, 0);
  assertEquals(ignored(a), ["27 wrong-state", "24 bad-epoch", "24 bad-epoch"]);
  assertEquals(a.session.state, "off");
  a.handle({ op: 24, d: { protocol_version: 1, epoch: 2 } }, 0);
  assertEquals([a.session.state, a.session.protocolVersion], ["off", 0]);
});

test("messages that come before Session Description are held, within bounds", () => {
  const call = new Call(23);
  const [a] = call.callers(1);
  const b = call.caller(1);
  b.session.addUser(a.userId);
  b.handle({ op: 25, d: call.gateway.bytes }, 0);
  const body = call.propose([], [a]);
  b.handle({ op: 27, d: body }, 0);
  body.fill(0);
  assertEquals(b.takeSent(), []);
  b.handle(description(1), 0);
  assertEquals([b.takeSent(), ignored(b)], [["26", "28"], []]);

  const full = call.caller(2);
  for (let i = 0; i < HELD_LIMIT + 2; i++) full.handle({ op: 29, d: new Uint8Array(2) }, 0);
  assertEquals(ignored(full), ["29 queue-full", "29 queue-full"]);
  const large = call.caller(3);
  large.handle({ op: 27, d: new Uint8Array(HELD_SIZE_LIMIT) }, 0);
  large.handle({ op: 27, d: new Uint8Array(1) }, 0);
  assertEquals(ignored(large), ["27 queue-full"]);
});

test("a user who is in the call and not in the group does not make us leave the group", () => {
  const call = new Call(43);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  quiet([a, b]);
  call.now += OVERLAP + 1;
  for (let i = 0; i < 60; i++) assertEquals(hear(a, c, say(b, i)!, call.now), "no-key");
  assertEquals([a.takeSent(), a.session.counters.recoveries], [[], 0]);
});

test("after a Resume what was missed comes first, and what may not have been heard is asked again", () => {
  const call = new Call(44);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  quiet([a, b]);
  call.now += OVERLAP + 1;
  call.step({ joins: [c], deaf: [b] });
  quiet([b]);
  const commit = withId(2, call.lastCommit);
  const into = new Uint8Array(64);
  for (let i = 0; i < 40; i++) b.session.open(a.userId, say(a, i)!, into, call.now);
  assertEquals(b.session.pollTimeout(), call.now);
  b.handle({ op: 9, d: null }, call.now);
  b.handle({ op: 29, d: commit }, call.now);
  b.handle({ op: 22, d: { transition_id: 2 } }, call.now);
  assertEquals(b.takeSent(), ["23:2"]);
  assertTogether([a, b, c], call.now);
  const lost = call.caller(9);
  lost.handle({ op: 25, d: call.gateway.bytes }, call.now);
  lost.handle({ op: 11, d: { user_ids: [a.userId] } }, call.now);
  lost.handle(description(1), call.now);
  lost.takeSent();
  lost.handle({ op: 9, d: null }, call.now);
  assertEquals(lost.session.pollTimeout(), call.now + RESUME_PATIENCE);
  lost.session.expire(call.now + RESUME_PATIENCE);
  lost.drain();
  assertEquals(lost.takeSent(), ["31:0", "26"]);
});

test("no plaintext leaves once the others have upgraded, also where our welcome cannot be read", () => {
  for (const id of [0, 7]) {
    const call = new Call(45);
    const a = call.caller(1);
    a.handle(description(0), call.now);
    a.handle({ op: 11, d: { user_ids: ["500"] } }, call.now);
    a.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
    a.handle({ op: 25, d: call.gateway.bytes }, call.now);
    assertEquals(say(a, 1, 2), Uint8Array.of(1, 2));
    a.handle({ op: 30, d: withId(id, Uint8Array.of(1)) }, call.now);
    if (id > 0) assertEquals(say(a, 1, 2), Uint8Array.of(1, 2));
    if (id > 0) a.handle({ op: 22, d: { transition_id: id } }, call.now);
    assertEquals([say(a, 1, 2), a.session.ready], [undefined, false]);
  }
});

test("no plaintext leaves where a recovery lies between the welcome and its op 22", () => {
  const call = new Call(46);
  const [a, b] = call.gather(2);
  for (const caller of [a, b]) {
    caller.handle({ op: 21, d: { transition_id: 0, protocol_version: 0 } }, call.now);
  }
  call.leaves = [];
  call.epoch = 0n;
  for (const caller of [a, b]) {
    caller.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  }
  const id = call.step({ joins: [a, b], execute: false });
  assertEquals(say(a, 1), Uint8Array.of(1));
  a.handle({ op: 29, d: withId(id + 1, Uint8Array.of(1)) }, call.now);
  a.handle({ op: 22, d: { transition_id: id } }, call.now);
  assertEquals([a.session.state, say(a, 1)], ["founded", undefined]);
});

test("a second Session Description ends plaintext, and none keeps messages for later", () => {
  const call = new Call(48);
  const a = call.caller(1);
  const b = call.caller(2);
  a.handle({ op: 25, d: call.gateway.bytes }, call.now);
  a.handle({ op: 27, d: Uint8Array.of(0, 0) }, call.now);
  a.handle(description(0), call.now);
  a.handle({ op: 11, d: { user_ids: [b.userId] } }, call.now);
  assertEquals([say(a, 1), a.takeSent()], [Uint8Array.of(1), []]);
  a.handle(description(1), call.now);
  assertEquals([say(a, 1), hear(a, b, Uint8Array.of(1), call.now)], [undefined, "unencrypted"]);
  assertEquals([a.takeSent(), ignored(a)], [["26"], []]);
});

test("DaveSession counts the keys it learns, and wakes for a recovery that had to wait", () => {
  const call = new Call(49);
  const [a, b, c] = call.callers(3);
  assertEquals(a.session.keyCount, 0);
  call.step({ joins: [a, b] });
  assertEquals(a.session.keyCount, 1);
  call.step({ joins: [c] });
  assertEquals(a.session.keyCount, 2);
  a.handle({ op: 29, d: withId(8, Uint8Array.of(1)) }, call.now);
  a.handle({ op: 30, d: withId(9, Uint8Array.of(1)) }, call.now);
  quiet([a]);
  assertEquals(a.session.pollTimeout(), call.now + RECOVERY_PATIENCE);
  a.session.expire(call.now + RECOVERY_PATIENCE);
  a.drain();
  assertEquals(a.takeSent(), ["31:9", "26"]);
});

test("who was added waits no longer than at first before it asks again", () => {
  const call = new Call(50);
  const [a, b] = call.callers(2);
  call.now += STALL_PATIENCE;
  for (const caller of [a, b]) {
    caller.session.expire(call.now);
    caller.drain();
  }
  assertEquals(a.session.pollTimeout(), call.now + 2 * STALL_PATIENCE);
  call.step({ joins: [a, b] });
  a.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  a.session.expire(call.now + STALL_PATIENCE);
  a.drain();
  assertEquals(a.takeSent().slice(-2), ["31:1", "26"]);
});

test("DaveSession knows no version but 0 and 1", () => {
  const call = new Call(47);
  const a = call.caller(1);
  for (const [told, version] of [[2, 1], [-1, 0], [1, 1], [-7, 0]]) {
    a.handle(description(told), call.now);
    assertEquals([a.session.protocolVersion, a.session.state === "off"], [version, version === 0]);
  }
  a.handle(description(1), call.now);
  assertEquals(say(a, 1), undefined);
});

test("hostile messages never throw, and lead to no more than a recovery", () => {
  const call = new Call(24);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  const proposals = call.propose([], [c]);
  call.step({ joins: [c] });
  const bodies = [
    [25, call.gateway.bytes],
    [27, proposals],
    [29, withId(9, call.lastCommit)],
    [30, withId(9, call.lastWelcome)],
  ] as const;
  let now = call.now;
  for (const [op, body] of bodies) {
    const step = Math.max(1, Math.floor(body.length / 40));
    for (let size = 0; size <= body.length; size += step) {
      const spoilt = Uint8Array.from(body);
      if (size < body.length) spoilt[size] ^= 0x80;
      for (const d of [body.subarray(0, size), spoilt]) {
        for (const caller of [a, c]) caller.handle({ op, d } as VoiceReceivePayload, now++);
      }
    }
  }
  assert(a.takeSent().filter((sent) => sent.startsWith("31")).length <= RECOVERY_COUNT);
  assertEquals(b.session.state, "established");
  call.now = now + 60_000;
  call.step({ leaves: [a, c], joins: [a, c] });
  assertTogether([a, b, c], call.now);
});

test("close() erases all, and nothing happens afterwards", () => {
  const call = new Call(25);
  const [a, b] = call.gather(2);
  const frame = say(b, 1)!;
  quiet([a]);
  a.session.close();
  a.session.close();
  a.drain();
  assertEquals(a.takeEvents(), [{ type: "davePrivacyCode", code: undefined }]);
  assertEquals([a.session.state, a.session.ready, say(a, 1)], ["closed", false, undefined]);
  assertEquals(hear(a, b, frame, call.now), "no-key");
  assertEquals(hear(a, b, Uint8Array.of(1), call.now), "unencrypted");
  a.handle(description(1), call.now);
  assertEquals([a.session.state, a.takeSent()], ["closed", []]);
  assertEquals([a.session.identities, a.session.privacyCode], [[], undefined]);
});

test("closing a call without encryption stops plaintext too", () => {
  const call = new Call(26);
  const a = call.caller(1);
  a.handle(description(0), 0);
  a.session.close();
  assertEquals([say(a, 1), hear(a, a, Uint8Array.of(1), 0)], [undefined, "unencrypted"]);
});

test("a user who has left the call is heard for ten seconds", () => {
  const call = new Call(27);
  const [a, b] = call.gather(2);
  const frames = [say(a, 1)!, say(a, 2)!];
  b.session.removeUser(a.userId, call.now);
  assertEquals(hear(b, a, frames[0], call.now + OVERLAP), [1]);
  assertEquals(hear(b, a, frames[1], call.now + OVERLAP + 1), "no-key");
});

test("DaveSession refuses options that make no sense", () => {
  const { suite: crypto } = new Call(28);
  const make = (options: Partial<DaveSessionOptions>) => () =>
    new DaveSession({ userId: "1", channelId: CHANNEL, crypto, aead: pureFrameAead, ...options });
  make({})();
  for (const id of ["", "x", "-1", "18446744073709551616"]) {
    assertThrows(make({ userId: id }), RangeError);
    assertThrows(make({ channelId: id }), RangeError);
  }
  for (const decryptionFailureTolerance of [-1, 0.5, NaN]) {
    assertThrows(make({ decryptionFailureTolerance }), RangeError);
  }
  assertThrows(make({ signaturePrivateKey: new Uint8Array(32) }), RangeError);
});

test("media keys are exported for the user id in little-endian", () => {
  const call = new Call(29);
  const [b] = call.callers(1);
  const options = { crypto: call.suite, groupId: call.groupId, identity: new Uint8Array(8) };
  const founder = new MlsMember(options);
  founder.setExternalSender(call.gateway.bytes);
  founder.processProposals(call.propose([], [b]), () => true);
  const { commit, welcome } = founder.commit()!;
  founder.processCommit(commit);
  b.handle({ op: 30, d: withId(0, welcome!) }, 0);
  const opener = new FrameOpener(pureFrameAead);
  const context = Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0);
  opener.addRatchet(founder.exportSecret("Discord Secure Frames v0", context, 16), 0);
  assertEquals(opener.open(say(b, 1)!, new Uint8Array(32), 0), 1);
});

test("transitions to an epoch that was given up are forgotten", () => {
  const call = new Call(30);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  const id = call.step({ joins: [c], execute: false });
  a.handle({ op: 29, d: withId(9, Uint8Array.of(1)) }, call.now);
  call.step({ leaves: [b], winner: c });
  b.handle({ op: 27, d: Uint8Array.of(0, 0) }, call.now);
  b.handle({ op: 21, d: { transition_id: 40, protocol_version: 0 } }, call.now);
  b.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  quiet([a, b]);
  for (const transition_id of [id, 40]) {
    for (const caller of [a, b]) caller.handle({ op: 22, d: { transition_id } }, call.now);
  }
  for (const caller of [a, b]) {
    assertEquals(ignored(caller), ["22 unknown-transition", "22 unknown-transition"]);
    caller.session.expire(call.now + OVERLAP + 1);
    assertEquals([caller.session.state, say(caller, 1)], ["founded", undefined]);
  }
});

test("a member who is removed forgets the transitions to epochs in which it was", () => {
  const call = new Call(31);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  const id = call.step({ joins: [c], execute: false });
  b.handle({ op: 27, d: call.propose([b], []) }, call.now);
  call.step({ leaves: [b] });
  b.handle({ op: 29, d: withId(40, call.lastCommit) }, call.now);
  assertEquals([b.session.state, b.session.pendingTransitions], ["removed", 0]);
  quiet([b]);
  b.handle({ op: 22, d: { transition_id: id } }, call.now);
  assertEquals([ignored(b), say(b, 1)], [["22 unknown-transition"], undefined]);
});

test("a new group makes a recovery needless that had to wait", () => {
  const call = new Call(32);
  const [a] = call.callers(1);
  const bad = { op: 30, d: withId(3, Uint8Array.of(1)) } as const;
  a.handle(bad, call.now);
  a.handle(bad, call.now);
  a.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  quiet([a]);
  a.session.expire(call.now + RECOVERY_PATIENCE);
  a.drain();
  assertEquals(a.takeSent(), []);
});

test("a call that was downgraded takes another external sender, but no commit or welcome", () => {
  const call = new Call(33);
  const [a, b] = call.gather(2);
  a.handle({ op: 21, d: { transition_id: 0, protocol_version: 0 } }, call.now);
  quiet([a]);
  a.handle({ op: 25, d: new Call(98).gateway.bytes }, call.now);
  assertEquals(ignored(a), []);
  a.handle({ op: 29, d: withId(9, Uint8Array.of(1)) }, call.now);
  a.handle({ op: 30, d: withId(9, Uint8Array.of(1)) }, call.now);
  assertEquals([ignored(a), a.takeSent()], [["29 wrong-state", "30 wrong-state"], []]);
  const plain = Uint8Array.of(1);
  assertEquals(hear(a, b, plain, call.now), [1]);
  a.handle(description(1), call.now);
  assertEquals(hear(a, b, plain, call.now), "unencrypted");
});

test("random calls of five: joins, leaves, losses, new groups and downgrades come to agree", () => {
  const random = new SeededRandom(34);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const call = new Call(34);
  const all = call.callers(5);
  call.step({ joins: all.slice(0, 3) });
  for (let i = 0; i < 40; i++) {
    const { members } = call;
    const outside = all.filter((caller) => !members.includes(caller));
    call.now += below(4000);
    const kind = below(6);
    if (kind < 2 && outside.length > 0) {
      call.step({ joins: outside.slice(0, 1), winner: members[below(members.length)] });
    } else if (kind < 4 && members.length > 2) {
      const leaver = members[below(members.length)];
      call.step({ leaves: [leaver] });
      leaver.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
    } else if (kind === 4) {
      const deaf = members[below(members.length)];
      call.step({ leaves: [members.find((one) => one !== deaf)!], joins: [], deaf: [deaf] });
      regroup(call, all, 0);
    } else {
      regroup(call, all, below(2));
    }
    assertTogether(call.members, call.now);
  }
});

/** All start over, in some cases after a downgrade; the frames of before are long gone. */
function regroup(call: Call, all: readonly Caller[], downgrades: number): void {
  for (const caller of all) {
    if (downgrades > 0) {
      caller.handle({ op: 21, d: { transition_id: 0, protocol_version: 0 } }, call.now);
      assertEquals(say(caller, 1), Uint8Array.of(1));
    }
    caller.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  }
  call.leaves = [];
  call.epoch = 0n;
  call.step({ joins: all.slice(0, 4) });
}
