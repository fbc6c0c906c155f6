import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import test from "node:test";

import { LocalProtocolError } from "../../../lib/errors.ts";
import { LATE_LIMIT } from "../../../lib/testing/fault_injector.ts";
import {
  DATAGRAM_POINTS,
  type Fault,
  type FaultPoint,
  type FaultRule,
  GATEWAY_POINTS,
  MESSAGE_POINTS,
  STEP_POINTS,
} from "../../../lib/testing/faults.ts";
import { GatewayStub } from "../../../lib/testing/gateway_stub.ts";
import { discovery, GCM, identity, type RawClient, Rig, XCHACHA } from "./rig.ts";

const PORT = 40_001;
const KEEPALIVE = Uint8Array.of(0x13, 0x37, 0xca, 0xfe, 1, 0, 0, 0);

/** Opcodes of the messages. */
const OPS: Readonly<Record<typeof MESSAGE_POINTS[number], number>> = {
  Hello: 8,
  Ready: 2,
  SessionDescription: 4,
  HeartbeatAck: 6,
  Resumed: 9,
  Speaking: 5,
  ClientsConnect: 11,
  ClientDisconnect: 13,
  ClientFlags: 18,
  ClientPlatform: 20,
  MediaSinkWants: 15,
};

function rigWith(...faults: FaultRule[]): Rig {
  return new Rig({ faults });
}

/** What was committed, as `Ready lose`. */
function committed(rig: Rig): string[] {
  return rig.events.flatMap((event) =>
    event.type === "fault" ? [`${event.on} ${event.fault}`] : []
  );
}

/** How often clients got a message. */
function countOf(clients: readonly RawClient[], op: number): number {
  return clients.flatMap(({ ops }) => ops).filter((other) => other === op).length;
}

function resume(rig: Rig, userId = "10", seqAck = 0): RawClient {
  const client = rig.open();
  const { server_id, session_id, token } = identity(userId) as Record<string, string>;
  client.send(7, { server_id, session_id, token, seq_ack: seqAck });
  return client;
}

// Messages

/** A client that gets the message once it does the last step. */
function prepared(rig: Rig, point: typeof MESSAGE_POINTS[number]): RawClient {
  if (point === "Hello") return rig.open();
  if (point === "Resumed") {
    rig.identify("10").close(1006);
    return resume(rig);
  }
  const client = rig.identify("10");
  switch (point) {
    case "SessionDescription":
    case "MediaSinkWants":
      client.select(GCM, PORT);
      break;
    case "HeartbeatAck":
      client.send(3, { t: 1 });
      break;
    case "Speaking":
      rig.identify("20").speak();
      break;
    case "ClientsConnect":
    case "ClientFlags":
    case "ClientPlatform":
      rig.identify("20");
      break;
    case "ClientDisconnect":
      rig.identify("20").close(1000);
  }
  return client;
}

for (const point of MESSAGE_POINTS) {
  const op = OPS[point];

  test(`a fault on ${point} loses, doubles, malforms, alters, delays, closes and cuts`, () => {
    const outcome = (fault?: Fault) => {
      const who = point === "Hello" ? {} : { userId: "10" };
      const rig = fault === undefined ? rigWith() : rigWith({ on: point, fault, ...who });
      const client = prepared(rig, point);
      const number = client.ops.filter((other) => other === op).length;
      if (fault !== undefined) {
        const name = typeof fault === "string" ? fault : Object.keys(fault)[0];
        assertEquals(committed(rig), [`${point} ${name}`]);
      }
      return { rig, client, number };
    };
    assertEquals(outcome().number, 1);
    assertEquals(outcome("lose").number, 0);
    assertEquals(outcome("double").number, 2);
    const malformed = outcome("malform");
    assertEquals([malformed.number, countOf([malformed.client], -1)], [0, 1]);
    assertEquals(outcome({ with: { odd: 1 } }).client.last(op).d.odd, 1);
    const late = outcome({ late: 70 });
    assertEquals([late.number, late.rig.server.pollTimeout()], [0, 70]);
    late.rig.run(69);
    assertEquals(countOf([late.client], op), 0);
    late.rig.run(1);
    assertEquals(countOf([late.client], op), 1);
    for (const [fault, code] of [[{ close: 4006 }, 4006], ["cut", 1006]] as const) {
      const ended = outcome(fault);
      assertEquals([ended.number, ended.client.code], [0, code]);
    }
  });
}

test("a late message is for an open WebSocket only", () => {
  const rig = rigWith({ on: "Ready", fault: { late: 50 } });
  const client = rig.identify("10");
  client.close(1006);
  rig.run(100);
  assertEquals(client.ops, [8]);
});

test("a message that is 0 ms late comes after all else of that moment", () => {
  const rig = rigWith({ on: "SessionDescription", fault: { late: 0 } });
  const client = rig.join("10", PORT);
  assertEquals(client.ops, [8, 2, 15]);
  rig.run(0);
  assertEquals(client.ops, [8, 2, 15, 4]);
});

test("late messages are bounded: what is too much comes at once", () => {
  const rig = rigWith({ on: "HeartbeatAck", fault: { late: 60_000 } });
  const client = rig.open();
  for (let t = 0; t <= LATE_LIMIT; t++) {
    if (t % 1000 === 999) rig.now += 5000; // the rate of messages is limited
    client.send(3, { t });
  }
  assertEquals(client.messages.slice(1).map(({ d }) => d.t), [LATE_LIMIT]);
});

test("`with` leaves a field out, and alters a Hello of the first versions", () => {
  const rig = rigWith(
    { on: "Hello", fault: { with: { heartbeat_interval: undefined } }, times: 1 },
    { on: "Hello", fault: { with: { heartbeat_interval: 7 } } },
  );
  assertEquals(rig.open().last(8).d, { v: 8 });
  const bare: unknown[] = rig.open("/?v=1").messages;
  assertEquals(bare, [{ heartbeat_interval: 7 }]);
});

test("Ready and Session Description can name modes that nobody asked for", () => {
  const rig = rigWith(
    { on: "Ready", fault: { with: { modes: ["new_mode"] } } },
    { on: "SessionDescription", fault: { with: { mode: XCHACHA } } },
  );
  const client = rig.join("10", PORT);
  assertEquals(client.last(2).d.modes, ["new_mode"]);
  assertEquals(client.last(4).d.mode, XCHACHA);
  assertEquals(client.key.length, 32);
});

test("a lost numbered message keeps its number, and a Resume brings it again", () => {
  const rig = rigWith({ on: "ClientsConnect", fault: "lose", userId: "10" });
  const alice = rig.identify("10");
  rig.identify("20");
  assertEquals(alice.seqs.filter((seq) => seq !== undefined), [2, 3]);
  alice.close(1006);
  assertEquals(resume(rig).seqs.filter((seq) => seq !== undefined), [1, 2, 3]);
});

test("a WebSocket that a fault ends gets no further message, and others hear of it", () => {
  const rig = rigWith({ on: "Resumed", fault: { close: 4006 } });
  const bob = rig.identify("20");
  rig.identify("10").close(1006);
  const client = resume(rig);
  assertEquals([client.ops, client.code], [[8], 4006]);
  assertEquals(bob.ops.at(-1), 13);
  rig.setFaults({ on: "Ready", fault: { close: 4006 } });
  assertEquals(rig.identify("30").ops, [8]); // not who else is there
  const closing = rigWith({ on: "ClientDisconnect", fault: { close: 4014 } });
  const clients = ["1", "2", "3"].map((userId) => closing.identify(userId));
  clients[0]!.close(1000);
  assertEquals(clients.map(({ code }) => code), [undefined, 4014, 4014]);
  assertEquals(closing.server.stats().sessions, 0);
});

// Steps

test("a fault at a step comes in place of what the server does", () => {
  const steps: Record<string, [act: (rig: Rig) => RawClient, normal: number[]]> = {
    open: [(rig) => rig.open(), [8]],
    identify: [(rig) => rig.identify("10"), [8, 2]],
    select: [(rig) => rig.join("10", PORT), [8, 2, 4, 15]],
    heartbeat: [(rig) => {
      const client = rig.open();
      client.send(3, { t: 1 });
      return client;
    }, [8, 6]],
    resume: [(rig) => {
      rig.identify("10").close(1006);
      return resume(rig);
    }, [8, 9]],
  };
  for (const [step, [act, normal]] of Object.entries(steps)) {
    const on = step as FaultPoint;
    assertEquals(act(rigWith()).ops, normal);
    const before = normal.slice(0, step === "open" ? 0 : step === "select" ? 2 : 1);
    for (
      const [fault, code] of [["lose", undefined], ["cut", 1006], [{ close: 4015 }, 4015]] as const
    ) {
      const rig = rigWith({ on, fault });
      const client = act(rig);
      assertEquals([client.ops, client.code], [before, code], step);
      assertEquals(rig.count("fault"), 1, step);
    }
  }
});

test("a fault at `discovery` leaves the address unknown and may end the WebSocket", () => {
  for (
    const [fault, code] of [["lose", undefined], ["cut", 1006], [{ close: 4006 }, 4006]] as const
  ) {
    const rig = rigWith({ on: "discovery", fault });
    const client = rig.identify("10");
    client.sendDatagram(discovery(client.ssrc), PORT);
    assertEquals([rig.datagrams.length, client.code, rig.count("discovery")], [0, code, 0]);
  }
});

test("a fault at `connected` ends the WebSocket after Session Description and after Resumed", () => {
  for (const [fault, code] of [["cut", 1006], [{ close: 4015 }, 4015]] as const) {
    const rig = rigWith({ on: "connected", fault });
    const client = rig.join("10", PORT);
    assertEquals([client.ops, client.code], [[8, 2, 4, 15], code]);
    const again = resume(rig);
    assertEquals([again.ops, again.code], [[8, 9, 15], code]);
  }
});

test("a WebSocket that opens into nothing is silent for ever, and arms no timer", () => {
  const rig = rigWith({ on: "open", fault: "lose" });
  const client = rig.identify("10");
  rig.run(1_000_000);
  assertEquals([client.ops, client.code, rig.server.pollTimeout()], [[], undefined, undefined]);
  client.close(1006);
  assertEquals(rig.count("disconnect"), 0);
});

test("heartbeats that are lost do not keep a WebSocket, those whose answer is lost do", () => {
  for (const [on, code] of [["heartbeat", 4009], ["HeartbeatAck", undefined]] as const) {
    const rig = rigWith({ on, fault: "lose" });
    const client = rig.open();
    for (let i = 0; i < 4; i++) {
      rig.run(13_750);
      client.send(3, { t: i });
    }
    assertEquals([client.ops, client.code], [[8], code], on);
  }
});

test("a Resume that is renewed is answered with Ready and another SSRC", () => {
  const rig = rigWith({ on: "resume", fault: "renew", times: 1 });
  const bob = rig.identify("20");
  const alice = rig.join("10", PORT);
  alice.close(1006);
  const again = resume(rig);
  assertEquals(again.ops.slice(0, 3), [8, 2, 11]);
  assert(again.ssrc !== alice.ssrc);
  assertEquals(bob.ops.slice(-4), [13, 11, 18, 20]);
  again.select(GCM, PORT + 1);
  assertEquals(again.last(4).d.mode, GCM);
  again.close(1006);
  assertEquals(resume(rig).ops[1], 9);
});

// Datagrams

for (
  const [on, size] of [["IpDiscovery", 74], ["Keepalive", 8], ["Rtp", 12 + 3 + 16 + 4]] as const
) {
  test(`a fault on ${on} loses, doubles, malforms and delays the datagram`, () => {
    const sizes = (fault: Fault) => {
      const rig = rigWith();
      const [alice, bob] = [rig.join("10", PORT), rig.join("20", PORT + 1)];
      alice.speak();
      rig.datagrams.length = 0;
      rig.setFaults({ on, fault, userId: on === "Rtp" ? "20" : "10" });
      if (on === "IpDiscovery") alice.sendDatagram(discovery(alice.ssrc));
      else if (on === "Keepalive") alice.sendDatagram(KEEPALIVE);
      else alice.sendDatagram(alice.rtp(Uint8Array.of(1, 2, 3)));
      const at = rig.datagrams.length;
      rig.run(40);
      assertEquals(committed(rig).length, 1);
      assertEquals(bob.code, undefined);
      return [at, ...rig.datagrams.map(({ datagram }) => datagram.length)];
    };
    assertEquals(sizes("lose"), [0]);
    assertEquals(sizes("double"), [2, size, size]);
    assertEquals(sizes("malform"), [1, size >> 1]);
    assertEquals(sizes({ late: 40 }), [0, size]);
  });
}

test("UDP is gone where all datagrams are lost", () => {
  const rig = rigWith({ on: DATAGRAM_POINTS, fault: "lose" });
  const [alice, bob] = [rig.join("10", PORT), rig.join("20", PORT + 1)];
  alice.speak();
  alice.sendDatagram(KEEPALIVE);
  alice.sendDatagram(alice.rtp(Uint8Array.of(1)));
  assertEquals([rig.datagrams.length, bob.heard.length], [0, 0]);
  assertEquals(committed(rig), [
    "IpDiscovery lose",
    "IpDiscovery lose",
    "Keepalive lose",
    "Rtp lose",
  ]);
});

test("cutClient breaks the connection and leaves the session resumable", () => {
  const rig = rigWith();
  const client = rig.identify("10");
  const cut = { type: "cutClient", userId: "10" } as const;
  rig.feed(cut);
  assertEquals([client.code, rig.events.at(-1)?.type], [1006, "disconnect"]);
  rig.feed(cut); // it has no WebSocket
  assertEquals(resume(rig).ops, [8, 9]);
  assertThrows(() => rig.feed({ type: "cutClient" }), LocalProtocolError, "Cannot cut off");
  assertThrows(() => rig.feed({ ...cut, userId: "99" }), LocalProtocolError, "none");
});

// Rules

test("`times`, `skip`, `userId` and the order of rules say which message a rule takes", () => {
  const acks = (...faults: Omit<FaultRule, "on">[]) => {
    const rig = rigWith(...faults.map((fault) => ({ ...fault, on: "HeartbeatAck" as const })));
    const client = rig.identify("10");
    for (let t = 1; t <= 5; t++) client.send(3, { t });
    return client.messages.filter(({ op }) => op === 6).map(({ d }) => d.t);
  };
  assertEquals(acks({ fault: "lose" }), []);
  assertEquals(acks({ fault: "lose", times: 2 }), [3, 4, 5]);
  assertEquals(acks({ fault: "lose", skip: 1, times: 2 }), [1, 4, 5]);
  assertEquals(acks({ fault: "lose", times: 1 }, { fault: "double", times: 1 }), [2, 2, 3, 4, 5]);
  assertEquals(acks({ fault: "double", skip: 4 }, { fault: "lose" }), [5, 5]);
  assertEquals(acks({ fault: "lose", userId: "20" }), [1, 2, 3, 4, 5]);
  assertEquals(acks({ fault: "lose", userId: "10" }), []);
  assertEquals(acks({ fault: "lose", times: 1, userId: "20" }, { fault: "double" }).length, 10);
});

test("setFaults replaces all rules and counts anew", () => {
  const rig = rigWith({ on: "HeartbeatAck", fault: "lose" });
  const client = rig.open();
  const once: FaultRule = { on: "HeartbeatAck", fault: "lose", times: 1 };
  client.send(3, { t: 1 });
  for (let i = 0; i < 2; i++) {
    rig.setFaults(once);
    client.send(3, { t: 2 });
    client.send(3, { t: 3 });
  }
  rig.setFaults();
  client.send(3, { t: 4 });
  assertEquals(client.messages.slice(1).map(({ d }) => d.t), [3, 3, 4]);
});

test("rules that are none are refused, and nothing has changed", () => {
  const wrong: [rule: unknown, message: string][] = [
    [{ on: "Redy", fault: "lose" }, "Cannot use fault point Redy: it is one of open, identify"],
    [{ on: [], fault: "lose" }, '"on" is empty'],
    [{ on: "Ready", fault: "loose" }, "Cannot use fault loose: it is one of lose, double"],
    [{ on: "Ready", fault: "late" }, "Cannot use fault late: it is one of lose"],
    [{ on: "Ready", fault: { lose: 1 } }, "Cannot use fault lose: it is one of late, close"],
    [{ on: "Ready", fault: {} }, "Cannot use fault undefined: it is one of late"],
    [{ on: "Ready" }, "Cannot use fault undefined: it is one of lose"],
    [{ on: "Ready", fault: "renew" }, "Cannot use fault on Ready: renew: it is one of lose"],
    [{ on: "open", fault: "double" }, "Cannot use fault on open: double: it is one of lose"],
    [{ on: "connected", fault: "lose" }, "it is one of close, cut"],
    [{ on: ["Ready", "Rtp"], fault: "cut" }, "Cannot use fault on Rtp: cut"],
    [{ on: "Ready", fault: { nullFirst: 1 } }, "Cannot use fault on Ready: nullFirst"],
    [{ on: "op4", fault: "malform" }, "Cannot use fault on op4: malform"],
    [
      { on: "Ready", fault: { late: -1 } },
      "Cannot use late -1: it must be an integer of at least 0",
    ],
    [{ on: "Ready", fault: { late: 1.5 } }, "Cannot use late 1.5"],
    [{ on: "Ready", fault: { close: 1006 } }, "with code 1006: it must be 1000 or 3000 to 4999"],
    [{ on: "Ready", fault: { with: 1 } }, "Cannot use fault with: it is no object"],
    [{ on: "Ready", fault: { late: 1, close: 4000 } }, "late and close: one at a time"],
    [{ on: "Ready", fault: "lose", times: 0 }, "Cannot use times 0: it must be an integer of at"],
    [{ on: "Ready", fault: "lose", skip: -1 }, "Cannot use skip -1"],
  ];
  const rig = rigWith({ on: "HeartbeatAck", fault: "lose" });
  const stub = new GatewayStub({ random: () => {}, endpoint: "ws://x", url: "ws://x" });
  for (const [rule, message] of wrong) {
    const faults = [rule as FaultRule];
    assertThrows(() => rig.setFaults(...faults), RangeError, message);
    assertThrows(() => rigWith(...faults), RangeError, message);
    assertThrows(() => stub.handleInput({ type: "setFaults", faults }, 0), RangeError, message);
  }
  const client = rig.open();
  client.send(3, { t: 1 });
  assertEquals(client.ops, [8]);
});

test("every fault point takes `lose`, but the moment that is no deed", () => {
  for (const on of [...STEP_POINTS, ...MESSAGE_POINTS, ...DATAGRAM_POINTS, ...GATEWAY_POINTS]) {
    if (on !== "connected") rigWith({ on, fault: "lose" });
  }
});

test("a fault event names place, fault and client, and no token", () => {
  const rig = rigWith({ on: "SessionDescription", fault: "double" });
  rig.join("10", PORT);
  const event = rig.events.find(({ type }) => type === "fault")!;
  const { type, userId, guildId } = event;
  assertEquals([type, userId, guildId], ["fault", "10", "1"]);
  assertFalse(JSON.stringify(rig.events).includes("secret-token"));
});
