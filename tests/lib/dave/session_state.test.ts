// A session gives its state away and another one goes on: as if nothing had been, but for nonces.

import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { LocalProtocolError } from "../../../lib/errors.ts";
import { Secret } from "../../../lib/secret.ts";
import { DaveSession } from "../../../lib/dave/session.ts";
import { assertTogether, Call, type Caller, CHANNEL, description, hear, say } from "./call.ts";

/** Milliseconds by which the clock of the new process is another one. */
const OTHER_CLOCK = 5_000_000;

function options(call: Call, { userId }: Caller) {
  return { userId, channelId: CHANNEL, crypto: call.suite };
}

/** Hands a caller's session over; the clock goes on as it was. */
function handOver(call: Call, caller: Caller): Secret<Uint8Array> {
  const state = caller.session.exportState(call.now);
  caller.session = DaveSession.restore(state, options(call, caller), call.now);
  return state;
}

test("a session that was handed over at any point of a call goes on in it", () => {
  const call = new Call(1);
  const [a, b, c, d] = call.callers(4);
  const all = () => [a, b, c, d].forEach((caller) => handOver(call, caller));
  all();
  call.step({ joins: [a, b] });
  assertTogether([a, b], call.now);
  all();
  assertTogether([a, b], call.now);
  const body = call.propose([], [c]);
  for (const caller of [a, b]) caller.handle({ op: 27, d: body }, call.now);
  all();
  const id = call.step({ joins: [c], execute: false });
  assertEquals(a.session.pendingTransitions, 1);
  all();
  assertEquals(a.session.pendingTransitions, 1);
  call.execute(id);
  assertTogether([a, b, c], call.now);
  call.step({ leaves: [b] });
  all();
  call.step({ joins: [d] });
  assertTogether([a, c, d], call.now);
  handOver(call, a);
  call.step({ leaves: [c] });
  assertTogether([a, d], call.now);
});

test("no nonce comes twice over a hand-over, also of who is alone, and replays stay replays", () => {
  const call = new Call(2);
  const [a, b] = call.gather(2);
  const [first, second] = [say(a, 1)!, say(a, 2)!];
  assertEquals([first.at(-4), second.at(-4)], [1, 2]);
  assertEquals(hear(b, a, first, call.now), [1]);
  handOver(call, a);
  handOver(call, b);
  assertEquals(hear(b, a, first, call.now), "replayed");
  assertEquals(hear(b, a, second, call.now), [2]);
  const next = say(a, 3)!;
  // 2 + 10,000 + 1 = 0x2713, in LEB128.
  assertEquals([...next.subarray(-5, -3)], [0x93, 0x4e]);
  assertEquals(hear(b, a, next, call.now), [3]);
  const alone = call.caller(9);
  alone.handle({ op: 25, d: call.gateway.bytes }, call.now);
  alone.handle(description(1), call.now);
  assertEquals(say(alone, 1)!.at(-4), 1);
  handOver(call, alone);
  assertEquals([...say(alone, 1)!.subarray(-5, -3)], [0x92, 0x4e]);
});

test("times go on by the new clock, and what was let through is let through", () => {
  const call = new Call(3);
  const [a, b, c] = call.callers(3);
  call.step({ joins: [a, b] });
  const old = say(a, 1)!;
  call.step({ joins: [c] });
  b.handle({ op: 21, d: { transition_id: 50, protocol_version: 0 } }, call.now);
  const state = b.session.exportState(call.now + 4000);
  b.session = DaveSession.restore(state, options(call, b), OTHER_CLOCK);
  assertEquals(hear(b, a, Uint8Array.of(7), OTHER_CLOCK), [7]);
  assertEquals(hear(b, a, old, OTHER_CLOCK + 6000), [1]);
  assertEquals(hear(b, a, say(a, 2)!, OTHER_CLOCK + 6001), [2]);
  assertEquals(b.session.pollTimeout() !== undefined, true);
  b.session.expire(OTHER_CLOCK + 10_001);
  assertEquals(b.session.pollTimeout(), undefined);
  b.handle({ op: 22, d: { transition_id: 50 } }, OTHER_CLOCK);
  assertEquals(b.session.state, "off");
});

test("messages that were held before Session Description are held on", () => {
  const call = new Call(4);
  const [a] = call.callers(1);
  const b = call.caller(1);
  b.session.addUser(a.userId);
  b.handle({ op: 25, d: call.gateway.bytes }, call.now);
  b.handle({ op: 27, d: call.propose([], [a]) }, call.now);
  handOver(call, b);
  b.handle(description(1), call.now);
  assertEquals(b.takeSent(), ["26", "28"]);
});

test("a session that gave its state away is closed, and a closed one gives none", () => {
  const call = new Call(5);
  const [a, b] = call.gather(2);
  const left = a.session;
  handOver(call, a);
  assertEquals([left.state, left.privacyCode, left.poll()], ["closed", undefined, undefined]);
  assertThrows(() => left.seal(Uint8Array.of(1), new Uint8Array(64)), LocalProtocolError);
  assertThrows(() => left.exportState(call.now), LocalProtocolError, "closed");
  b.session.handle({ op: 21, d: { transition_id: 7, protocol_version: 1 } }, call.now);
  assertThrows(() => b.session.exportState(call.now), LocalProtocolError, "outputs");
  b.drain();
  handOver(call, b);
  assertTogether([a, b], call.now);
});

test("restore() refuses what is not whole, not of this user or channel, or no state at all", () => {
  const call = new Call(6);
  const [a, b] = call.gather(2);
  const bytes = a.session.exportState(call.now).reveal();
  const restore = (state: Uint8Array, other = {}) =>
    DaveSession.restore(new Secret(state), { ...options(call, a), ...other }, call.now);
  for (let size = 0; size < bytes.length; size += size < 64 ? 1 : 97) {
    assertThrows(() => restore(bytes.subarray(0, size)), RangeError, "Cannot restore");
  }
  for (let at = 0; at < bytes.length; at += 31) {
    const spoilt = bytes.map((byte, index) => index === at ? byte ^ 1 : byte);
    assertThrows(() => restore(spoilt), RangeError, "Cannot restore");
  }
  assertThrows(() => restore(bytes, { userId: b.userId }), RangeError, "another user");
  assertThrows(() => restore(bytes, { channelId: "1" }), RangeError, "another user or channel");
  a.session = restore(bytes);
  assertTogether([a, b], call.now);
  assert(!JSON.stringify(new Secret(bytes)).includes(String(bytes[40])));
});
