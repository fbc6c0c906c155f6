import { assert, assertEquals, assertFalse } from "@std/assert";
import test from "node:test";

import { nobleMlsCrypto } from "../../../lib/dave/mls/mod.ts";
import { ASK_PATIENCE } from "../../../lib/testing/dave/member.ts";
import { COMMIT_PATIENCE } from "../../../lib/testing/dave/room.ts";
import { READY_PATIENCE } from "../../../lib/testing/dave/transitions.ts";
import { randomBytes, seededRandom } from "../../tools/vectors.ts";
import { type Caller, DaveCall } from "./dave_call.ts";

function hush(call: DaveCall, ...opcodes: number[]): void {
  for (const { silent } of call.callers) for (const op of opcodes) silent.add(op);
}

function unhush(call: DaveCall): void {
  for (const { silent } of call.callers) silent.clear();
}

/** It gets a commit or welcome that it cannot read, and asks to be added anew. */
function spoil(call: DaveCall, caller: Caller): void {
  const message = caller.down.find(({ op }) => op === 29 || op === 30);
  assert(message !== undefined, "nothing to spoil");
  const d = (message.d as Uint8Array).slice(0, 40);
  caller.down[caller.down.indexOf(message)] = { ...message, d } as typeof message;
  call.deliver(caller);
  assert(caller.sent.some((sent) => sent.startsWith("31:")), `${caller.userId} is content`);
}

// The beginning

test("DaveRoom tells the external sender after Session Description, and in encrypted calls only", () => {
  const call = new DaveCall();
  const a = call.enter("1");
  call.settle();
  assertEquals([a.takeGot(), call.room.next()], [[], undefined]);
  call.describe(a);
  call.settle();
  assertEquals(a.takeGot(), ["4:1", "25"]);
  const plain = new DaveCall();
  const [b, c] = [plain.join("2", 0), plain.join("3")];
  plain.settle();
  assertEquals([b.got.includes("25"), c.got.includes("25")], [false, false]);
  plain.leave(b);
  plain.settle();
  assertEquals(c.takeGot().slice(-3, -1), ["24:1", "25"]);
});

test("DaveRoom tells the external sender once more to who starts over", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2");
  call.room.receive(a, { op: 31, d: { transition_id: 1 } }, call.now);
  call.settle();
  assertEquals(a.takeGot(), ["25"]);
});

test("DaveRoom founds a group of all who have sent key packages", () => {
  const call = new DaveCall();
  const callers = ["1", "2", "3"].map((userId) => call.join(userId));
  call.settle();
  call.assertTogether();
  const tails = callers.map(({ got }) => got.slice(-2));
  assertEquals(tails, [["29:1", "22:1"], ["30:1", "22:1"], ["30:1", "22:1"]]);
  assertEquals(call.takeEvents(), ["dave-commit 1 1 1 3", "dave-transition  1 1 0"]);
  assertEquals([call.room.epoch, call.room.next()], [1n, undefined]);
});

test("DaveRoom with the real curve brings a call together, and apart", () => {
  const random = seededRandom(5);
  const crypto = nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
  const call = new DaveCall(5, crypto);
  const [a] = call.gather("1", "2");
  call.assertTogether();
  call.join("3");
  call.settle();
  call.leave(a);
  call.settle();
  call.assertTogether();
  assertEquals(call.room.epoch, 3n);
});

test("DaveRoom waits for a second key package, and one alone gets no proposals", () => {
  const call = new DaveCall();
  const a = call.join("1");
  call.run(100_000);
  assertEquals([a.takeGot(), a.takeSent()], [["4:1", "25"], ["26"]]);
  const b = call.enter("2");
  call.run(100_000);
  assertEquals([a.takeGot().includes("27"), b.takeGot()], [false, ["11"]]);
  call.describe(b);
  call.settle();
  call.assertTogether();
});

test("DaveRoom proposes to each candidate all others, and to who was there what is new", () => {
  const call = new DaveCall();
  const [a, b] = [call.join("1"), call.join("2")];
  hush(call, 28);
  call.settle();
  assertEquals([a, b].map((caller) => caller.session.state), ["founded", "founded"]);
  call.forget();
  const c = call.join("3");
  call.settle();
  const appended = (caller: Caller) => caller.takeGot().filter((each) => each === "27:append");
  assertEquals([a, b, c].map((caller) => appended(caller).length), [1, 1, 1]);
  unhush(call);
  call.feed(c, { op: 28, d: c.commits.at(-1)! });
  call.settle();
  call.assertTogether();
});

test("DaveRoom revokes who leaves before it is added, and nothing is left to commit", () => {
  const call = new DaveCall();
  const a = call.join("1");
  const b = call.join("2");
  hush(call, 28);
  call.settle();
  assertEquals(call.room.next(), call.now + COMMIT_PATIENCE);
  a.takeGot();
  call.leave(b);
  call.settle();
  assertEquals(a.takeGot(), ["13", "27:revoke"]);
  assertEquals(call.room.next(), undefined);
  unhush(call);
  call.join("3");
  call.settle();
  call.assertTogether();
});

test("DaveRoom takes the newest key package, and tells whoever sent it all proposals again", () => {
  const call = new DaveCall();
  const [a, b] = [call.join("1"), call.join("2")];
  hush(call, 28);
  call.settle();
  call.forget();
  a.take({ op: 24, d: { protocol_version: 1, epoch: 1 } }, call.now);
  call.settle();
  assertEquals([a.takeGot(), a.takeSent()], [["24:1", "27:append"], ["26"]]);
  assertEquals(b.takeGot(), ["27:revoke", "27:append"]);
  unhush(call);
  call.feed(b, { op: 28, d: b.commits.at(-1)! });
  call.settle();
  call.assertTogether();
});

test("DaveRoom takes no key package that is another's, spoilt, or too early", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  const early = call.enter("3");
  const donor = new DaveCall(2);
  const { keyPackages: [d] } = donor.join("3");
  assertEquals(d, undefined);
  donor.settle();
  const [keyPackage] = donor.callers[0].keyPackages;
  call.feed(early, { op: 26, d: keyPackage });
  call.feed(early, { op: 31, d: { transition_id: 1 } });
  call.feed(early, { op: 28, d: keyPackage });
  call.feed(a, { op: 26, d: keyPackage });
  call.feed(b, { op: 26, d: keyPackage.slice(0, 100) });
  assertEquals(
    call.takeDropped(),
    ["3 26 too-early", "3 31 too-early", "3 28 too-early", "1 26 wrong-identity", "2 26 malformed"],
  );
  assertEquals(call.room.epoch, 1n);
  call.describe(early);
  call.settle();
  call.assertTogether();
});

// Who comes and goes

test("DaveRoom adds who comes, removes who goes, and both in one commit", () => {
  const call = new DaveCall();
  const [a, b, c] = call.gather("1", "2", "3");
  call.join("4");
  call.settle();
  call.assertTogether();
  call.leave(b);
  call.settle();
  call.assertTogether();
  assertEquals(call.room.epoch, 3n);
  hush(call, 28);
  call.leave(c);
  call.join("2");
  call.join("5");
  call.settle();
  unhush(call);
  call.feed(a, { op: 28, d: a.commits.at(-1)! });
  call.settle();
  call.assertTogether();
  assertEquals(call.room.epoch, 4n);
});

test("DaveRoom removes and adds in one commit who comes back", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2", "3");
  hush(call, 28);
  call.leave(b);
  call.settle();
  call.join("2");
  call.settle();
  unhush(call);
  call.feed(a, { op: 28, d: a.commits.at(-1)! });
  call.settle();
  call.assertTogether();
  assertEquals([call.room.epoch, call.callers.length], [2n, 3]);
});

test("DaveRoom takes one of simultaneous commits, and proposes anew what it does not cover", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2", "3");
  const joiner = call.join("4");
  call.deliver(joiner);
  call.carry(joiner, true);
  for (const caller of [a, b]) call.deliver(caller);
  // Both commits are under way when another one comes who has not done its handshake.
  const late = call.enter("5");
  while (call.carry(a, true));
  assertEquals([call.room.epoch, call.takeDropped()], [2n, []]);
  while (call.carry(b, true));
  assertEquals([call.room.epoch, call.takeDropped()], [2n, ["2 28 late"]]);
  call.describe(late);
  call.settle();
  call.assertTogether();
  assertEquals(call.room.epoch, 3n);
});

test("DaveRoom revokes a joiner that leaves while a commit is under way, which then is void", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2", "3");
  const joiner = call.join("4");
  call.deliver(joiner);
  call.carry(joiner, true);
  call.deliver(a);
  call.leave(joiner);
  call.carry(a, true);
  assertEquals([call.room.epoch, call.takeDropped()], [1n, ["1 28 not-a-member"]]);
  call.settle();
  call.assertTogether();
  assertEquals([call.room.epoch, call.room.next()], [1n, undefined]);
});

test("DaveRoom starts anew with whoever is left alone: op 24, then op 21 with id 0", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  call.leave(b);
  call.settle();
  assertEquals([a.takeGot(), a.takeSent()], [["13", "24:1", "21:0 v1"], ["26"]]);
  assertEquals(call.takeEvents(), ["dave-reset  alone"]);
  assertEquals([call.room.epoch, call.room.next()], [0n, undefined]);
  call.join("3");
  call.settle();
  call.assertTogether();
});

test("DaveRoom goes on with one member where another client is about to join", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  const c = call.enter("3");
  call.leave(b);
  call.settle();
  assertEquals([call.room.epoch, a.session.state], [2n, "established"]);
  call.describe(c);
  call.settle();
  call.assertTogether();
});

test("DaveRoom ends with the last client, and begins anew", () => {
  const call = new DaveCall();
  for (const caller of call.gather("1", "2")) call.leave(caller);
  assertEquals([call.room.size, call.room.epoch, call.room.next()], [0, 0n, undefined]);
  call.gather("1", "2");
  call.assertTogether();
});

test("DaveRoom ignores who is not in it", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  call.leave(b);
  call.settle();
  call.forget();
  call.feed(b, { op: 31, d: { transition_id: 1 } });
  assertEquals(call.room.describe(b, call.now), 1);
  call.room.leave(b, call.now);
  call.room.resume(b, call.now);
  assertEquals([call.takeDropped(), call.takeEvents(), a.takeGot(), b.down], [[], [], [], []]);
});

// Op 31

test("DaveRoom removes and adds who cannot process a commit, also twice in a row", () => {
  const call = new DaveCall();
  const [, b] = call.gather("1", "2", "3");
  for (const userId of ["4", "5"]) {
    const { epoch } = call.room;
    const joiner = call.join(userId);
    call.deliver(joiner);
    call.carry(joiner, true);
    const [a] = call.callers;
    call.deliver(a);
    while (call.carry(a, true));
    spoil(call, b);
    call.settle();
    call.assertTogether();
    assert(call.room.epoch >= epoch + 2n);
  }
});

test("DaveRoom removes and adds who cannot read its welcome", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2");
  const joiner = call.join("3");
  call.deliver(joiner);
  call.carry(joiner, true);
  call.deliver(a);
  while (call.carry(a, true));
  spoil(call, joiner);
  call.settle();
  call.assertTogether();
});

test("DaveRoom survives two and three op 31 at once", () => {
  for (const count of [2, 3]) {
    const call = new DaveCall();
    const [a, b, c] = call.gather("1", "2", "3");
    const joiner = call.join("4");
    call.deliver(joiner);
    call.carry(joiner, true);
    call.deliver(a);
    while (call.carry(a, true));
    for (const caller of [b, c, joiner].slice(0, count)) spoil(call, caller);
    call.settle();
    call.assertTogether();
  }
});

test("DaveRoom founds anew where all members send op 31 at once", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  const joiner = call.join("3");
  call.deliver(joiner);
  call.carry(joiner, true);
  call.deliver(a);
  while (call.carry(a, true));
  for (const caller of [a, b, joiner]) spoil(call, caller);
  call.settle();
  assertEquals(call.takeEvents().includes("dave-reset  nobody-left"), true);
  assertEquals(call.room.epoch, 1n);
  call.assertTogether();
});

test("DaveRoom is not wedged by op 31 again and again, with and without key packages", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2", "3");
  for (let round = 0; round < 20; round++) {
    call.feed(b, { op: 31, d: { transition_id: 1 } });
    if (round % 2 === 0) call.settle();
  }
  assertEquals(a.session.identities.length, 2);
  call.run(60_000);
  call.assertTogether();
});

// Time

test("DaveRoom executes a transition when all are ready, or after 2 s", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  b.silent.add(23);
  call.join("3");
  call.settle();
  assertEquals([a.takeGot().includes("22:2"), call.takeEvents().length], [false, 1]);
  call.run(READY_PATIENCE - 1);
  assertEquals(call.takeEvents(), []);
  call.run(1);
  assertEquals([a.takeGot(), b.takeGot().at(-1)], [["22:2"], "22:2"]);
  assertEquals(call.takeEvents(), ["dave-transition  2 1 1"]);
  call.assertTogether();
  call.feed(b, { op: 23, d: { transition_id: 2 } });
  call.feed(b, { op: 23, d: { transition_id: 0 } });
  assertEquals(call.takeDropped(), [
    "2 28 late",
    "2 23 unknown-transition",
    "2 23 unknown-transition",
  ]);
});

test("DaveRoom does not wait for a member that leaves in mid-transition", () => {
  const call = new DaveCall();
  const [, b, c] = call.gather("1", "2", "3");
  c.silent.add(23);
  call.join("4");
  call.settle();
  assertFalse(b.takeGot().includes("22:2"));
  call.leave(c);
  call.settle();
  assert(b.takeGot().includes("22:2"));
  call.assertTogether();
});

test("DaveRoom holds several transitions, and executes them in their order", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  b.silent.add(23);
  for (const userId of ["3", "4", "5"]) {
    call.join(userId);
    call.settle();
  }
  assertEquals([call.room.epoch, call.takeEvents().length], [4n, 3]);
  call.run(READY_PATIENCE);
  const executed = a.takeGot().filter((each) => each.startsWith("22:"));
  assertEquals(executed, ["22:2", "22:3", "22:4"]);
  call.assertTogether();
});

test("DaveRoom starts anew where nobody commits for 5 s", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  hush(call, 28);
  const c = call.join("3");
  call.run(COMMIT_PATIENCE - 1);
  assertEquals([call.room.epoch, call.takeEvents()], [1n, []]);
  unhush(call);
  call.run(1);
  assertEquals(call.takeEvents()[0], "dave-reset  no-commit");
  for (const caller of [a, b, c]) assert(caller.takeGot().includes("24:1"));
  call.assertTogether();
  assertEquals(call.room.epoch, 1n);
});

test("DaveRoom waits no longer for a commit because more is proposed", () => {
  const call = new DaveCall();
  call.gather("1", "2");
  hush(call, 28);
  for (const userId of ["3", "4", "5"]) {
    call.join(userId).silent.add(28);
    call.run(COMMIT_PATIENCE / 3);
  }
  assert(call.takeEvents().includes("dave-reset  no-commit"));
});

test("DaveRoom starts anew where nobody founds a group, as often as it takes", () => {
  const call = new DaveCall();
  for (const userId of ["1", "2"]) call.join(userId);
  hush(call, 28);
  call.run(4 * COMMIT_PATIENCE);
  assertEquals(call.takeEvents(), Array(4).fill("dave-reset  no-commit"));
  unhush(call);
  call.run(COMMIT_PATIENCE);
  call.assertTogether();
});

test("DaveRoom asks again and more and more seldom who sends no key package", () => {
  const call = new DaveCall();
  const a = call.join("1");
  a.silent.add(26);
  call.run(16 * ASK_PATIENCE);
  assertEquals(call.takeEvents(), Array(4).fill("dave-reset 1 silent"));
  assertEquals(a.takeGot(), ["4:1", "25", "24:1", "24:1", "24:1", "24:1"]);
  call.join("2");
  a.silent.clear();
  call.run(32 * ASK_PATIENCE);
  call.assertTogether();
  assertEquals(call.room.next(), undefined);
});

test("DaveRoom is as patient as before with who has sent a key package at last", () => {
  const call = new DaveCall();
  const a = call.join("1");
  a.silent.add(26);
  call.run(8 * ASK_PATIENCE);
  a.silent.clear();
  call.feed(a, { op: 26, d: a.keyPackages.at(-1)! });
  call.forget();
  a.silent.add(26);
  call.describe(a);
  call.run(ASK_PATIENCE);
  assertEquals(call.takeEvents(), ["dave-reset 1 silent"]);
});

test("DaveRoom keeps the key package of a member for later, and proposes nothing", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  const donor = new DaveCall(2).join("1");
  donor.take({ op: 4, d: { dave_protocol_version: 1 } } as never, 0);
  call.feed(a, { op: 26, d: donor.keyPackages[0] });
  call.settle();
  assertEquals([b.takeGot(), call.takeDropped(), call.room.next()], [[], [], undefined]);
  call.assertTogether();
});

test("DaveRoom goes on without who sends no key package", () => {
  const call = new DaveCall();
  call.gather("1", "2");
  const silent = call.join("3");
  silent.silent.add(26);
  call.run(1000);
  assertEquals([call.room.epoch, silent.session.state], [1n, "founded"]);
  call.join("4");
  call.run(1000);
  assertEquals(call.room.epoch, 2n);
  silent.silent.clear();
  call.run(ASK_PATIENCE);
  call.assertTogether();
});

// Session Description once more, and a Resume that brings nothing again

test("DaveRoom adds anew who gets Session Description once more", () => {
  const call = new DaveCall();
  const [, b] = call.gather("1", "2", "3");
  call.describe(b);
  call.settle();
  call.assertTogether();
  assert(call.room.epoch > 1n);
  const alone = new DaveCall();
  const caller = alone.join("1");
  alone.settle();
  alone.describe(caller);
  alone.settle();
  alone.join("2");
  alone.settle();
  alone.assertTogether();
});

test("DaveRoom adds anew who has missed what was sent", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2", "3");
  call.join("4");
  call.deliver(call.callers.at(-1)!);
  call.carry(call.callers.at(-1)!, true);
  call.deliver(a);
  while (call.carry(a, true));
  b.down.length = 0;
  call.room.resume(b, call.now);
  b.down.push({ op: 11, d: { user_ids: call.callers.map(({ userId }) => userId) } });
  call.settle();
  assertEquals(b.takeGot().slice(0, 2), ["24:1", "25"]);
  assert(call.takeEvents().includes("dave-reset 2 resumed"));
  call.assertTogether();
});

test("DaveRoom tells who has missed it that the call has no encryption", () => {
  const call = new DaveCall();
  const [, b] = call.gather("1", "2");
  const guest = call.join("3", 0);
  call.run(READY_PATIENCE);
  b.take({ op: 4, d: { dave_protocol_version: 1 } } as never, call.now);
  call.forget();
  b.up.length = 0;
  call.room.resume(b, call.now);
  call.settle();
  assertEquals([b.takeGot(), b.session.protocolVersion], [["21:0 v0"], 0]);
  call.room.resume(guest, call.now);
  call.settle();
  assertEquals(guest.takeGot(), []);
  call.leave(guest);
  call.settle();
  call.assertTogether();
});

test("DaveRoom tells who resumes before its handshake nothing", () => {
  const call = new DaveCall();
  const a = call.enter("1");
  call.settle();
  a.takeGot();
  call.room.resume(a, call.now);
  call.settle();
  assertEquals(a.takeGot(), []);
});
