import { assert, assertEquals } from "@std/assert";
import test from "node:test";

import { READY_PATIENCE } from "../../../lib/testing/dave/transitions.ts";
import { type Caller, DaveCall } from "./dave_call.ts";

function versionsOf(callers: readonly Caller[]): number[] {
  return callers.map(({ session }) => session.protocolVersion);
}

test("DaveRoom has the lowest version that all speak, and tells it in Session Description", () => {
  const call = new DaveCall();
  const a = call.join("1");
  assertEquals(call.room.version, 1);
  const b = call.join("2", 0);
  assertEquals(call.room.version, 0);
  const c = call.join("3");
  call.settle();
  const described = [a, b, c].map(({ got }) => got.find((each) => each.startsWith("4:")));
  assertEquals(described, ["4:1", "4:0", "4:0"]);
  assertEquals([call.room.epoch, call.room.next()], [0n, undefined]);
  call.assertTogether();
});

test("DaveRoom downgrades when a client without DAVE comes: op 21, readiness, op 22", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  b.silent.add(23);
  const guest = call.join("3", 0);
  call.settle();
  assertEquals([a.takeGot(), a.takeSent()], [["21:2 v0", "11"], ["23:2"]]);
  assertEquals([guest.takeGot(), versionsOf([a, b])], [["11", "4:0"], [1, 1]]);
  call.feed(b, { op: 23, d: { transition_id: 2 } });
  call.settle();
  assertEquals([a.takeGot(), guest.takeGot()], [["22:2"], []]);
  assertEquals(call.takeEvents(), ["dave-transition  2 0 0"]);
  call.assertTogether();
});

test("DaveRoom downgrades after 2 s also where nobody is ready, and at once where nobody is there", () => {
  const call = new DaveCall();
  const callers = call.gather("1", "2");
  for (const { silent } of callers) silent.add(23);
  call.join("3", 0);
  call.run(READY_PATIENCE - 1);
  assertEquals(versionsOf(callers), [1, 1]);
  call.run(1);
  assertEquals(versionsOf(callers), [0, 0]);
  const empty = new DaveCall();
  empty.enter("1");
  empty.enter("2", 0);
  assertEquals(empty.takeEvents(), ["dave-transition  1 0 0"]);
});

test("DaveRoom keeps the group alive until the downgrade is executed, and no longer", () => {
  const call = new DaveCall();
  const [a, b, c] = call.gather("1", "2", "3");
  b.silent.add(23);
  call.join("4", 0);
  call.settle();
  call.leave(c);
  call.settle();
  assertEquals([call.room.epoch, a.session.state], [2n, "established"]);
  call.run(READY_PATIENCE);
  assertEquals([call.room.epoch, a.session.state, versionsOf([a, b])], [0n, "off", [0, 0]]);
  assertEquals(call.room.next(), undefined);
  call.forget();
  a.silent.add(23);
  for (
    const message of [
      { op: 26, d: new Uint8Array(8) },
      { op: 28, d: new Uint8Array(8) },
      { op: 31, d: { transition_id: 1 } },
    ] as const
  ) call.feed(a, message);
  assertEquals(call.takeDropped(), ["1 26 off", "1 28 off", "1 31 off"]);
  call.settle();
  assertEquals([a.takeGot(), b.takeGot()], [[], []]);
});

test("DaveRoom takes part in what a client without DAVE says: nothing", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2");
  const guest = call.join("3", 0);
  call.feed(guest, { op: 26, d: new Uint8Array(8) });
  call.feed(guest, { op: 23, d: { transition_id: 2 } });
  assertEquals(call.takeDropped(), ["3 26 off", "3 23 unknown-transition"]);
  call.settle();
  assertEquals(a.session.protocolVersion, 0);
});

test("DaveRoom upgrades when the last client without DAVE leaves: op 24, then a new group", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  const guests = [call.join("3", 0), call.join("4", 0)];
  call.settle();
  call.leave(guests[0]);
  call.settle();
  call.assertTogether();
  call.forget();
  call.leave(guests[1]);
  assertEquals(call.room.version, 1);
  call.settle();
  assertEquals(a.takeGot()[1], "24:1");
  assertEquals(b.takeGot()[1], "24:1");
  assertEquals(call.takeEvents()[0], "dave-reset  upgrade");
  call.assertTogether();
});

test("DaveRoom upgrades a call of one: there is nobody for a transition", () => {
  const call = new DaveCall();
  const a = call.join("1");
  const guest = call.join("2", 0);
  call.settle();
  call.forget();
  call.leave(guest);
  call.settle();
  assertEquals([a.takeGot(), a.takeSent()], [["13", "24:1", "21:0 v1"], ["26"]]);
  assertEquals(versionsOf([a]), [1]);
});

test("DaveRoom ends a downgrade before it upgrades", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  b.silent.add(23);
  const guest = call.join("3", 0);
  call.settle();
  call.leave(guest);
  call.settle();
  assertEquals([call.room.version, a.takeGot()], [0, ["21:2 v0", "11", "13"]]);
  b.silent.clear();
  call.run(READY_PATIENCE);
  assertEquals(a.takeGot().slice(0, 2), ["22:2", "24:1"]);
  call.assertTogether();
});

test("DaveRoom ends a downgrade also with whoever is left alone, and tells it to nobody else", () => {
  const call = new DaveCall();
  const [a, b] = call.gather("1", "2");
  for (const { silent } of [a, b]) silent.add(23);
  const guest = call.join("3", 0);
  call.settle();
  call.leave(guest);
  call.leave(b);
  call.settle();
  assertEquals(a.takeGot(), ["21:2 v0", "11", "13", "13", "27:append", "29:3"]);
  assertEquals(call.takeEvents(), ["dave-commit 1 2 3 1"]);
  b.down.length = 0;
  call.run(READY_PATIENCE);
  assertEquals([a.takeGot(), b.down], [["22:2", "24:1", "21:0 v1"], []]);
});

test("DaveRoom comes to rest whatever the order of coming and going without DAVE", () => {
  for (let order = 0; order < 32; order++) {
    const call = new DaveCall(order + 1);
    const [, b] = call.gather("1", "2");
    let guest: Caller | undefined;
    for (let bit = 0; bit < 5; bit++) {
      if (guest === undefined) guest = call.join(String(10 + bit), 0);
      else {
        call.leave(guest);
        guest = undefined;
      }
      if (order >> bit & 1) call.settle();
      else if (bit === 2) call.join("3");
      else if (bit === 3) call.describe(b);
      else call.deliver(b);
    }
    call.run(60_000);
    assert(call.room.next() === undefined, `order ${order} has no rest`);
    call.assertTogether();
  }
});
