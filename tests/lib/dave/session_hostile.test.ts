// Invariant: whatever is received, a session leaves it aside with a reason or asks once to be added
// anew, and comes to the epoch of the others in the end.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { pureFrameAead } from "../../../lib/dave/frames/gcm.ts";
import { Reader } from "../../../lib/dave/mls/codec.ts";
import { takePublicMessage } from "../../../lib/dave/mls/framing.ts";
import { encodeAppend } from "../../../lib/dave/mls/mod.ts";
import { PENDING_LIMIT } from "../../../lib/dave/pending.ts";
import { RECOVERY_COUNT, RECOVERY_WINDOW } from "../../../lib/dave/recovery_guard.ts";
import { DaveSession, DECRYPTION_FAILURE_TOLERANCE } from "../../../lib/dave/session.ts";
import type { VoiceReceivePayload } from "../../../lib/payloads.ts";
import type { Secret } from "../../../lib/secret.ts";
import { SeededRandom } from "../../../lib/testing/seeded_random.ts";
import { bitFlips, truncations } from "../../tools/vectors.ts";
import { assertTogether, Call, Caller, CHANNEL, description, hear, say, withId } from "./call.ts";

const OVERLAP = 10_000;
const ID = 7;

/** The reasons for which messages were left aside since the last time. */
function ignored(caller: Caller): string[] {
  return caller.takeEvents().flatMap((event) =>
    event.type === "daveIgnored" ? [`${event.op} ${event.reason}`] : []
  );
}

/** A caller at a point to which one can go back as often as one likes. */
class Frozen {
  readonly #call: Call;
  readonly #userId: string;
  readonly #state: Secret<Uint8Array>;

  /** Takes the state of a caller, who goes on. */
  constructor(call: Call, caller: Caller) {
    this.#call = call;
    this.#userId = caller.userId;
    this.#state = caller.session.exportState(call.now);
    caller.session = this.thaw().session;
  }

  thaw(): Caller {
    const { suite: crypto, now } = this.#call;
    const options = { userId: this.#userId, channelId: CHANNEL, crypto, aead: pureFrameAead };
    return new Caller(this.#userId, DaveSession.restore(this.#state, options, now));
  }
}

/** Three in a group, one of whom is to go while a fourth comes; all that this brings. */
interface Scene {
  readonly call: Call;
  readonly a: Caller;
  readonly b: Caller;
  readonly c: Caller;
  readonly d: Caller;
  /** Before op 27. */
  readonly resting: Frozen;
  /** After it. */
  readonly committing: Frozen;
  /** Before op 30. */
  readonly joining: Frozen;
  readonly proposals: Uint8Array;
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array;
}

function scene(seed: number): Scene {
  const call = new Call(seed);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b, c] });
  const proposals = call.propose([c], [d]);
  const resting = new Frozen(call, a);
  for (const caller of [a, b]) caller.handle({ op: 27, d: proposals }, call.now);
  const committing = new Frozen(call, a);
  const joining = new Frozen(call, d);
  const reader = new Reader(b.commit!);
  takePublicMessage(reader);
  const commit = withId(ID, b.commit!.subarray(0, reader.position));
  const welcome = withId(ID, b.commit!.subarray(reader.position));
  for (const caller of [a, b, c, d]) quiet(caller);
  return { call, a, b, c, d, resting, committing, joining, proposals, commit, welcome };
}

function quiet(caller: Caller): void {
  caller.takeSent();
  caller.takeEvents();
}

/** Some of the ways to flip one bit. */
function someFlips(bytes: Uint8Array, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const wrong = Uint8Array.from(bytes);
    wrong[Math.floor(i * bytes.length / count)] ^= 1 << i % 8;
    return wrong;
  });
}

/** All comes right: the winner's commit is taken, and whoever has to comes by its welcome. */
function assertArrives({ b, commit, welcome, call }: Scene, victim: Caller): void {
  const other = new Frozen(call, b).thaw();
  other.handle({ op: 29, d: commit }, call.now);
  if (victim.session.state === "founded") victim.handle({ op: 30, d: welcome }, call.now);
  else victim.handle({ op: 29, d: commit }, call.now);
  assertEquals(victim.session.privacyCode, other.session.privacyCode);
  assertEquals(victim.session.epoch, 2n);
}

test("proposals cut short or changed are left aside, and then the right ones are committed", () => {
  const all = scene(1);
  const { resting, proposals, call } = all;
  const victim = resting.thaw();
  for (const d of [...truncations(proposals), ...someFlips(proposals, 300)]) {
    victim.handle({ op: 27, d }, call.now);
    assertEquals([victim.takeSent(), victim.session.state], [[], "established"]);
    for (const text of ignored(victim)) assert(text.startsWith("27 "), text);
  }
  victim.handle({ op: 27, d: proposals }, call.now);
  assertEquals(victim.takeSent(), ["28"]);
  assertArrives(all, victim);
});

/** What a message that cannot be used does: nothing, or one request to be added anew. */
function assertGivesUpOnce(victim: Caller, message: VoiceReceivePayload, now: number): void {
  for (const delay of [0, 1]) {
    victim.handle(message, now + delay);
    const sent = victim.takeSent();
    const [reason] = ignored(victim);
    assert(reason?.startsWith(`${message.op} `), `it is not left aside: ${sent}`);
    if (victim.session.state === "founded" && delay === 0) assertEquals(sent, ["31:7", "26"]);
    else assertEquals(sent, []);
  }
}

/**
 * Every message goes to one victim, some to a new one each: which is seen to ask once, where the
 * other one may not ask too often.
 */
function assertSurvives(
  frozen: Frozen,
  op: 29 | 30,
  bodies: readonly Uint8Array[],
  fresh: number,
): void {
  const steady = frozen.thaw();
  const stride = Math.ceil(bodies.length / fresh);
  let count = 0;
  for (const [index, d] of bodies.entries()) {
    steady.handle({ op, d }, index);
    count += steady.takeSent().filter((sent) => sent.startsWith("31")).length;
    const reasons = ignored(steady);
    assertEquals(reasons.length, 1, `${reasons}`);
    if (index % stride === 0) assertGivesUpOnce(frozen.thaw(), { op, d }, 5000);
  }
  assert(count >= 1 && count <= RECOVERY_COUNT, `${count} requests`);
}

test("a commit cut short or changed makes a member ask once to be added anew", () => {
  const { committing, commit } = scene(2);
  // What comes before is the id, and cut off before it no commit of anything.
  assertSurvives(committing, 29, truncations(commit).slice(2), 40);
  const message = commit.subarray(2);
  assertSurvives(committing, 29, someFlips(message, 120).map((wrong) => withId(ID, wrong)), 40);
  const victim = committing.thaw();
  for (const d of truncations(commit.subarray(0, 2))) victim.handle({ op: 29, d }, 0);
  assertEquals([victim.takeSent(), ignored(victim)], [[], ["29 malformed", "29 malformed"]]);
});

test("a welcome cut short or changed makes a joiner ask once to be added anew", () => {
  const { joining, welcome } = scene(3);
  assertSurvives(joining, 30, truncations(welcome).slice(2), 40);
  const message = welcome.subarray(2);
  assertSurvives(joining, 30, someFlips(message, 120).map((wrong) => withId(ID, wrong)), 40);
  const victim = joining.thaw();
  for (const d of truncations(welcome.subarray(0, 2))) victim.handle({ op: 30, d }, 0);
  assertEquals([victim.takeSent(), ignored(victim)], [[], ["30 malformed", "30 malformed"]]);
});

test("whoever gave up because of a spoilt commit or welcome is removed and added in one commit", () => {
  const spoilt = (bytes: Uint8Array, at: number) =>
    bytes.map((byte, index) => index === at ? byte ^ 1 : byte);
  for (const part of [0.1, 0.5, 0.99]) {
    const { call, a, b, c, d, commit, welcome } = scene(4);
    const at = (bytes: Uint8Array) => Math.floor(bytes.length * part);
    a.handle({ op: 29, d: commit.subarray(0, at(commit)) }, call.now);
    c.handle({ op: 27, d: call.propose([c], []) }, call.now);
    c.handle({ op: 29, d: spoilt(commit, at(commit)) }, call.now);
    d.handle({ op: 30, d: spoilt(welcome, at(welcome)) }, call.now);
    for (const caller of [a, c, d]) assertEquals(caller.takeSent().slice(-2), ["31:7", "26"]);
    b.handle({ op: 29, d: commit }, call.now);
    b.handle({ op: 22, d: { transition_id: ID } }, call.now);
    [call.leaves, call.epoch] = [[a, b, d], 2n];
    call.step({ leaves: [a, d], joins: [a, c, d], winner: b });
    assertTogether([a, b, c, d], call.now);
    call.step({ leaves: [b], winner: d });
    assertTogether([a, c, d], call.now);
  }
});

test("what was taken already is left aside when it comes again, and does no harm", () => {
  const { call, a, b, c, d, proposals, commit, welcome } = scene(5);
  for (const caller of [a, b]) caller.handle({ op: 29, d: commit }, call.now);
  d.handle({ op: 30, d: welcome }, call.now);
  c.handle({ op: 27, d: proposals }, call.now);
  c.handle({ op: 29, d: commit }, call.now);
  for (const caller of [a, b, d, c]) quiet(caller);
  const again = [{ op: 27, d: proposals }, { op: 29, d: commit }, { op: 30, d: welcome }] as const;
  for (const caller of [a, b, d]) {
    for (const message of again) caller.handle(message, call.now);
    assertEquals(caller.takeSent(), []);
    assertEquals(ignored(caller), ["27 wrong-epoch", "29 wrong-epoch", "30 wrong-state"]);
  }
  for (const message of again) c.handle(message, call.now);
  assertEquals(c.takeSent(), []);
  assertEquals(ignored(c), ["27 wrong-state", "29 wrong-state", "30 wrong-state"]);
  for (const caller of [a, b, d]) caller.handle({ op: 22, d: { transition_id: ID } }, call.now);
  assertTogether([a, b, d], call.now);
});

test("messages of other groups and of other epochs are left aside, and change nothing", () => {
  const all = scene(6);
  const { call, resting, committing } = all;
  const { proposals, commit, welcome } = scene(99);
  const later = call.gateway.remove(call.groupId, 5n, 1).message;
  const elsewhere = call.gateway.remove(new Uint8Array(8), 1n, 1).message;
  const messages = [
    [{ op: 27, d: proposals }, "27 bad-signature"],
    [{ op: 27, d: encodeAppend([later]) }, "27 wrong-epoch"],
    [{ op: 27, d: encodeAppend([elsewhere]) }, "27 wrong-group"],
    [{ op: 30, d: welcome }, "30 wrong-state"],
    [{ op: 25, d: new Call(98).gateway.bytes }, "25 established"],
  ] as const;
  for (const frozen of [resting, committing]) {
    const victim = frozen.thaw();
    for (const [message, reason] of messages) {
      victim.handle(message, call.now);
      assertEquals([victim.takeSent(), ignored(victim)], [[], [reason]]);
    }
    // Without proposals it cannot be for us.
    victim.handle({ op: 29, d: commit }, call.now);
    const [first, ...others] = ignored(victim);
    assertEquals([first, others], ["29 bad-tag", []]);
    assertEquals(victim.takeSent(), frozen === resting ? [] : ["31:7", "26"]);
  }
  const victim = resting.thaw();
  for (const [message] of messages) victim.handle(message, call.now);
  victim.handle({ op: 27, d: all.proposals }, call.now);
  assertArrives(all, victim);
});

test("messages that come before there is a group are held or left aside, and then one is joined", () => {
  const all = scene(7);
  const { call, proposals, commit, welcome } = all;
  for (const described of [false, true]) {
    const late = call.caller(4);
    late.session.addUser("100");
    if (described) late.handle(description(1), call.now);
    const messages = [
      { op: 27, d: proposals },
      { op: 29, d: commit },
      { op: 30, d: welcome },
      { op: 22, d: { transition_id: ID } },
    ] as const;
    for (const message of messages) late.handle(message, call.now);
    const waiting = ["27 wrong-state", "29 wrong-state", "30 wrong-state"];
    assertEquals(ignored(late), [...(described ? waiting : []), "22 unknown-transition"]);
    late.handle({ op: 25, d: call.gateway.bytes }, call.now);
    if (!described) late.handle(description(1), call.now);
    assertEquals(late.session.state, "founded");
    assert(late.takeSent().filter((sent) => sent.startsWith("31")).length <= 1);
    const { b } = all;
    const body = encodeAppend([call.gateway.add(call.groupId, 1n, late.keyPackage).message]);
    const other = new Frozen(call, b).thaw();
    other.session.addUser(late.userId);
    other.handle({ op: 27, d: body }, call.now);
    const reader = new Reader(other.commit!);
    takePublicMessage(reader);
    late.handle({ op: 30, d: withId(9, other.commit!.subarray(reader.position)) }, call.now);
    other.handle({ op: 29, d: withId(9, other.commit!.subarray(0, reader.position)) }, call.now);
    assertEquals(late.session.privacyCode, other.session.privacyCode);
    assertEquals(late.session.state, "established");
  }
});

test("an external sender cut short is left aside, a changed one replaced, and a group is joined", () => {
  const call = new Call(8);
  const [a, b] = call.callers(2);
  const late = call.caller(2);
  for (const caller of [a, b]) late.session.addUser(caller.userId);
  for (const caller of [a, b]) caller.session.addUser(late.userId);
  late.handle(description(1), call.now);
  const { bytes } = call.gateway;
  for (const d of truncations(bytes)) {
    late.handle({ op: 25, d }, call.now);
    assertEquals([ignored(late), late.session.state], [["25 malformed"], "waiting"]);
  }
  for (const d of [...someFlips(bytes, 30), Uint8Array.of(...bytes, 0)]) {
    late.handle({ op: 25, d }, call.now);
    for (const text of ignored(late)) assert(/^25 (malformed|unsupported)$/.test(text), text);
  }
  for (let i = 0; i < 3; i++) late.handle({ op: 25, d: bytes }, call.now);
  assertEquals([ignored(late), late.takeSent(), late.session.state], [[], ["26"], "founded"]);
  call.step({ joins: [a, b, late] });
  assertTogether([a, b, late], call.now);
  for (let i = 0; i < 3; i++) late.handle({ op: 25, d: bytes }, call.now);
  assertEquals(ignored(late), []);
  assertTogether([a, b, late], call.now);
});

test("random transitions and epochs are bounded, never throw, and end with a new group", () => {
  const call = new Call(9);
  const [a, b, c] = call.gather(3);
  const random = new SeededRandom(9);
  const below = (limit: number) => Math.floor(random.next() * limit);
  for (let i = 0; i < 2000; i++) {
    const [transition_id, protocol_version] = [below(40), below(8) === 0 ? 0 : below(4)];
    const epoch = below(60) === 0 ? 1 : below(3) * 2;
    const messages: VoiceReceivePayload[] = [
      { op: 21, d: { transition_id, protocol_version } },
      { op: 22, d: { transition_id } },
      { op: 24, d: { protocol_version, epoch } },
    ];
    a.handle(messages[below(messages.length)], call.now += below(50));
    assert(a.session.pendingTransitions <= PENDING_LIMIT);
    assert(a.takeSent().every((sent) => !sent.startsWith("31")));
    for (const text of ignored(a)) {
      assert(["22 unknown-transition", "24 bad-epoch"].includes(text), text);
    }
  }
  for (const caller of [a, b, c]) {
    caller.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  }
  call.leaves = [];
  call.epoch = 0n;
  call.step({ joins: [a, b, c] });
  call.now += OVERLAP;
  assertTogether([a, b, c], call.now);
  assertEquals(hear(a, b, Uint8Array.of(1, 2, 3), call.now), "unencrypted");
});

/** Keeps what is told to a caller, and hands it out disturbed: doubled, lost, changed, out of order. */
function disturb(caller: Caller, random: SeededRandom, now: number): () => void {
  const kept: VoiceReceivePayload[] = [];
  const below = (limit: number) => Math.floor(random.next() * limit);
  caller.handle = (message) => void kept.push(message);
  return () => {
    const { handle } = Caller.prototype;
    caller.handle = (message, at) => handle.call(caller, message, at);
    for (let i = 0; i < kept.length; i++) {
      const other = Math.min(kept.length - 1, i + below(4));
      [kept[i], kept[other]] = [kept[other], kept[i]];
      const message = kept[i];
      if (below(6) === 0) continue;
      caller.handle(below(6) === 0 ? changed(message, below) : message, now + i);
      if (below(4) === 0) kept.push(kept[below(i + 1)]);
    }
  };
}

/** One bit of a message is another one. */
function changed(
  message: VoiceReceivePayload,
  below: (limit: number) => number,
): VoiceReceivePayload {
  if (!(message.d instanceof Uint8Array) || message.d.length === 0) return message;
  const d = Uint8Array.from(message.d);
  d[below(d.length)] ^= 1 << below(8);
  return { ...message, d } as VoiceReceivePayload;
}

/** The gateway adds a caller anew who asks for it; where it does not know yet, it finds out. */
function reunite(call: Call, victim: Caller, others: readonly Caller[]): number {
  for (let round = 0; round < 8; round++) {
    const { state, epoch, privacyCode } = victim.session;
    if (epoch === call.epoch && privacyCode === others[0].session.privacyCode) return round;
    victim.takeSent();
    call.now = Math.max(call.now + RECOVERY_WINDOW, victim.session.pollTimeout() ?? 0);
    for (let i = 0; state === "established" && i <= DECRYPTION_FAILURE_TOLERANCE; i++) {
      hear(victim, others[0], say(others[0], i)!, call.now);
    }
    victim.session.expire(call.now);
    victim.drain();
    if (!victim.takeSent().includes("26")) continue;
    const leaves = call.members.includes(victim) ? [victim] : [];
    call.step({ leaves, joins: [victim], winner: others[0] });
  }
  throw new Error(`${victim.userId} is ${victim.session.state} for ever`);
}

test("messages of six epochs doubled, lost, changed and out of order: all are together in the end", () => {
  let recovered = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const call = new Call(10);
    const random = new SeededRandom(seed);
    const [a, b, victim, guest] = call.callers(4);
    call.step({ joins: [a, b, victim] });
    const deliver = disturb(victim, random, call.now);
    for (let epoch = 0; epoch < 6; epoch++) {
      if (call.members.includes(guest)) {
        call.step({ leaves: [guest], winner: a });
        guest.handle({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
      } else call.step({ joins: [guest], winner: b });
    }
    deliver();
    const requests = victim.takeSent().filter((sent) => sent.startsWith("31"));
    assert(requests.length <= RECOVERY_COUNT, `${requests}`);
    recovered += reunite(call, victim, [a, b]);
    assertTogether([a, b, victim], call.now);
  }
  assert(recovered >= 6, `${recovered} rounds`);
});

test("frames cut short and changed are refused for a reason, and right ones open in between", () => {
  const call = new Call(11);
  const [a, b] = call.gather(3);
  quiet(a);
  const sealed = say(b, ...Array(20).keys())!;
  const met = new Set<string>();
  for (const [i, wrong] of [...truncations(sealed), ...bitFlips(sealed)].entries()) {
    const heard = hear(a, b, wrong, call.now);
    assert(typeof heard === "string", `it is opened: ${wrong}`);
    met.add(heard);
    if (i % 10 === 0) assertEquals(hear(a, b, say(b, i)!, call.now), [i & 0xff]);
  }
  assertEquals([...met].sort(), ["bad-tag", "replayed", "unencrypted"]);
  assertEquals(hear(a, b, sealed, call.now), [...Array(20).keys()]);
  assertEquals(hear(a, b, sealed, call.now), "replayed");
  assertEquals([a.takeSent(), a.takeEvents()], [[], []]);
});

test("frames out of order open once, those of others and of old epochs are refused", () => {
  const call = new Call(12);
  const [a, b, c] = call.gather(3);
  quiet(a);
  const random = new SeededRandom(12);
  const frames = Array.from({ length: 60 }, (_, i) => [say(b, i)!, i] as const);
  frames.sort(() => random.next() - 0.5);
  for (const [frame, i] of frames) assertEquals(hear(a, b, frame, call.now), [i]);
  for (const [frame] of frames.slice(0, 20)) assertEquals(hear(a, b, frame, call.now), "replayed");
  const fresh = say(b, 1)!;
  assertEquals(hear(a, c, fresh, call.now), "bad-tag");
  assertEquals(hear(a, call.caller(9), fresh, call.now), "no-key");
  assertEquals(hear(a, b, fresh, call.now), [1]);
  const [old, older] = [say(b, 2)!, say(b, 3)!];
  call.step({ leaves: [c] });
  assertEquals(hear(a, b, old, call.now + OVERLAP), [2]);
  assertEquals(hear(a, b, older, call.now + OVERLAP + 1), "bad-tag");
  assertEquals(hear(a, b, say(b, 4)!, call.now + OVERLAP + 1), [4]);
  assertEquals(a.takeSent().filter((sent) => sent.startsWith("31")), []);
});

test("frames of an epoch that was missed lead to recovery, also where their nonces came before", () => {
  const call = new Call(13);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b, c] });
  for (let i = 0; i < 60; i++) assertEquals(hear(a, b, say(b, i)!, call.now), [i]);
  call.step({ joins: [d], winner: b, deaf: [a] });
  quiet(a);
  call.now += OVERLAP + 1;
  for (let i = 0; i < DECRYPTION_FAILURE_TOLERANCE; i++) {
    assertEquals(hear(a, b, say(b, i)!, call.now), "replayed");
  }
  assertEquals(a.takeSent(), []);
  hear(a, b, say(b, 1)!, call.now);
  assertEquals(a.takeSent(), ["31:1", "26"]);
  call.step({ leaves: [a], joins: [a], winner: c });
  assertTogether([a, b, c, d], call.now);
});

test("a transition that is never executed excuses frames that cannot be opened for ten seconds", () => {
  const call = new Call(14);
  const [a, b, c, d] = call.callers(4);
  call.step({ joins: [a, b, c] });
  call.step({ joins: [d], winner: b, deaf: [a] });
  a.handle({ op: 21, d: { transition_id: 70, protocol_version: 1 } }, call.now);
  quiet(a);
  const hearAll = (now: number) => {
    for (let i = 0; i <= DECRYPTION_FAILURE_TOLERANCE; i++) hear(a, b, say(b, i)!, now);
    return a.takeSent();
  };
  assertEquals(hearAll(call.now + OVERLAP), []);
  assertEquals(hearAll(call.now + OVERLAP + 1), ["31:70", "26"]);
});
