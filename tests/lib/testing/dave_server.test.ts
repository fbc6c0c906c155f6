import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import test from "node:test";

import { pureFrameAead } from "../../../lib/dave/frames/gcm.ts";
import { DaveSession } from "../../../lib/dave/session.ts";
import { encodeId } from "../../../lib/dave/user_id.ts";
import { GATEWAY_VERSIONS } from "../../../lib/gateway_version.ts";
import { encodeBinary } from "../../../lib/messages.ts";
import type { VoiceReceivePayload } from "../../../lib/payloads.ts";
import { BINARY_LIMIT } from "../../../lib/testing/client_messages.ts";
import { DAVE_BINARY_POINTS, DAVE_TEXT_POINTS, type Fault } from "../../../lib/testing/faults.ts";
import type { VoiceServerOptions } from "../../../lib/testing/server_io.ts";
import { quickCrypto } from "./dave_call.ts";
import { GCM, identity, type RawClient, Rig } from "./rig.ts";

const CHANNEL = "2";
const OFFER = { max_dave_protocol_version: 1, channel_id: CHANNEL };

function rigWith(options: Partial<VoiceServerOptions> = {}): Rig {
  return new Rig({ mls: quickCrypto(1), ...options });
}

/** A client that speaks DAVE, its messages as the server has them. */
class DaveBot {
  readonly session: DaveSession;
  client: RawClient;
  #seen = 0;

  constructor(client: RawClient, userId: string, channelId: string, seed: number) {
    this.client = client;
    const options = { userId, channelId, crypto: quickCrypto(seed), aead: pureFrameAead };
    this.session = new DaveSession(options);
  }

  /** Goes on with another WebSocket. */
  moveTo(client: RawClient): void {
    this.client = client;
    this.#seen = 0;
  }

  /** Takes what has come, and answers. @returns Whether anything has. */
  pump(): boolean {
    const { messages, rig } = this.client;
    const fresh = messages.slice(this.#seen);
    this.#seen = messages.length;
    for (const message of fresh) this.session.handle(message as VoiceReceivePayload, rig.now);
    for (let output; (output = this.session.poll()) !== undefined;) {
      if (output.type !== "send" || this.client.code !== undefined) continue;
      const { op, d } = output.message;
      if (d instanceof Uint8Array) this.client.sendRaw(encodeBinary(op, d));
      else this.client.send(op, d);
    }
    return fresh.length > 0;
  }
}

function settle(...bots: readonly DaveBot[]): void {
  for (let rounds = 0; bots.map((bot) => bot.pump()).includes(true); rounds++) {
    assert(rounds < 100, "the call does not come to rest");
  }
}

function join(rig: Rig, userId: string, fields: object = {}, path?: string): DaveBot {
  const all = { ...OFFER, ...fields } as typeof OFFER;
  const client = rig.join(userId, 40_000 + Number(userId), all, path);
  return new DaveBot(client, userId, all.channel_id, Number(userId));
}

/** Users in one call, at rest. */
function gather(rig: Rig, ...userIds: string[]): DaveBot[] {
  const bots = userIds.map((userId) => join(rig, userId));
  settle(...bots);
  return bots;
}

function assertTogether(...bots: readonly DaveBot[]): void {
  const [{ session: first }] = bots;
  const userIds = bots.map(({ session }) => session.privacyCode);
  assert(first.privacyCode !== undefined);
  assertEquals(userIds, bots.map(() => first.privacyCode));
  assertEquals(first.identities.length, bots.length);
}

function daveEvents(rig: Rig): string[] {
  return rig.events.flatMap((event) => event.type.startsWith("dave-") ? [event.type] : []);
}

function opsOf({ client }: DaveBot, ...wanted: number[]): number[] {
  return client.ops.filter((op) => wanted.includes(op));
}

test("VoiceServer sends op 25 right after op 4, to a client alone as the first numbered message", () => {
  const rig = rigWith();
  const client = rig.identify("10", OFFER);
  client.select(GCM, 40_010);
  assertEquals([client.ops, client.last(25).seq], [[8, 2, 4, 25, 15], 1]);
  const { d } = client.last(25);
  assertEquals([d.length, d[0], d[1], d[2]], [71, 0x40, 65, 4]);
  const other = rig.identify("20", OFFER);
  other.select(GCM, 40_020);
  assertEquals(other.last(25).d, d);
});

test("VoiceServer shows nothing of DAVE to a client that does not offer it", () => {
  for (const dave of ["off", "optional"] as const) {
    const rig = rigWith({ dave });
    for (const max of [0, undefined, null]) {
      const client = rig.join("10", 40_001, { max_dave_protocol_version: max });
      assertEquals([client.ops.includes(25), client.last(4).d.dave_protocol_version], [false, 0]);
      client.close(1000);
    }
    assertEquals(daveEvents(rig), []);
  }
});

test("VoiceServer with dave off has version 0 for all, and no op 25", () => {
  const rig = rigWith({ dave: "off" });
  const bot = join(rig, "10");
  assertEquals([bot.client.ops.includes(25), bot.client.last(4).d.dave_protocol_version], [
    false,
    0,
  ]);
  bot.client.sendRaw(Uint8Array.of(26, 1, 2, 3));
  bot.client.send(31, { transition_id: 1 });
  assertEquals([bot.client.code, rig.server.stats().daveRejected], [undefined, {}]);
  assertEquals(rig.count("ignored"), 1);
});

test("VoiceServer with dave required closes who cannot do it with 4017", () => {
  const rig = rigWith({ dave: "required" });
  const refused = [
    rig.identify("10"),
    rig.identify("10", { max_dave_protocol_version: undefined }),
    rig.identify("none", OFFER),
    rig.identify("10", { ...OFFER, channel_id: "none" }),
    rig.identify(String(2n ** 64n), OFFER),
  ];
  for (const client of refused) {
    assertEquals(rig.closed.get(client.id), { code: 4017, reason: "E2EE/DAVE protocol required" });
    assertFalse(client.ops.includes(2));
  }
  assertEquals(rig.server.stats().sessions, 0);
  assertTogether(...gather(rig, "10", "20"));
});

test("VoiceServer refuses a policy that is none", () => {
  const dave = "on" as "off";
  assertThrows(() => rigWith({ dave }), RangeError, "Cannot use dave on: it is one of off");
});

test("VoiceServer has no DAVE in calls whose ids are no unsigned 64-bit integers", () => {
  const fields = [{ channel_id: "x" }, { channel_id: undefined, server_id: "guild" }];
  for (const each of [...fields, { user_id: "name" }]) {
    const client = rigWith().join("10", 40_001, { ...OFFER, ...each });
    assertEquals([client.ops.includes(25), client.last(4).d.dave_protocol_version], [false, 0]);
  }
});

test("VoiceServer brings DaveSessions of every version of the gateway into one group", () => {
  const rig = rigWith();
  const bots = GATEWAY_VERSIONS.map((version, i) =>
    join(rig, String(10 + i), {}, `/?v=${version}`)
  );
  settle(...bots);
  assertTogether(...bots);
  assertEquals(bots[8].client.last(4).d.dave_protocol_version, 1);
  bots[0].client.close(1000);
  settle(...bots.slice(1));
  assertTogether(...bots.slice(1));
});

test("VoiceServer names a group after the grant's channel, else Identify's, else the guild", () => {
  const groupOf = (rig: Rig, channelId: string, fields: object) => {
    const bots = ["10", "20"].map((userId) => {
      const all = { ...identity(userId), ...OFFER, ...fields, token: `token-${userId}` };
      const client = rig.join(userId, 40_000 + Number(userId), all);
      return new DaveBot(client, userId, channelId, Number(userId));
    });
    settle(...bots);
    assertTogether(...bots);
    const body: Uint8Array = bots[0].client.last(29).d;
    return body.slice(7, 15);
  };
  const granted = rigWith();
  for (const userId of ["10", "20"]) {
    const { server_id: guildId, session_id: sessionId } = identity(userId) as Record<
      string,
      string
    >;
    const grant = { token: `token-${userId}`, guildId, channelId: "77", userId, sessionId };
    granted.feed({ type: "grant", grant });
  }
  assertEquals(groupOf(granted, "77", { channel_id: "5" }), encodeId("77"));
  assertEquals(groupOf(rigWith(), "5", { channel_id: "5" }), encodeId("5"));
  const guild = { channel_id: undefined, server_id: "1" };
  assertEquals(groupOf(rigWith(), "1", guild), encodeId("1"));
});

test("VoiceServer gives each channel a group and a key of its own", () => {
  const rig = rigWith();
  const bots = [["10", "1"], ["20", "1"], ["30", "2"], ["40", "2"]].map(([userId, server_id]) =>
    join(rig, userId, { server_id, channel_id: server_id })
  );
  settle(...bots);
  assertTogether(bots[0], bots[1]);
  assertTogether(bots[2], bots[3]);
  const [first, , second] = bots.map(({ client }) => String(client.last(25).d));
  assert(first !== second);
});

test("VoiceServer forgets a call with its last client: the next one has another key", () => {
  const rig = rigWith();
  const senders = [0, 1].map(() => {
    const { client } = join(rig, "10");
    client.close(1000);
    return String(client.last(25).d);
  });
  assert(senders[0] !== senders[1]);
});

test("VoiceServer downgrades for a client without DAVE, and upgrades after it", () => {
  const rig = rigWith();
  const bots = gather(rig, "10", "20");
  const guest = rig.join("30", 40_003);
  settle(...bots);
  assertEquals(guest.last(4).d.dave_protocol_version, 0);
  assertEquals(bots.map(({ session }) => session.protocolVersion), [0, 0]);
  assertEquals(guest.ops.filter((op) => op >= 21), []);
  guest.close(1000);
  settle(...bots);
  assertTogether(...bots);
  assertEquals(bots.map(({ session }) => session.protocolVersion), [1, 1]);
});

test("VoiceServer replays what was missed: the group survives a Resume", () => {
  const rig = rigWith();
  const bots = gather(rig, "10", "20");
  const [alice, bob] = bots;
  const seq_ack = alice.client.messages.findLast(({ seq }) => seq !== undefined)!.seq;
  alice.client.close(1006);
  const carol = join(rig, "30");
  settle(bob, carol);
  rig.run(2500);
  const back = rig.open();
  const { server_id, session_id, token } = identity("10") as Record<string, string>;
  back.send(7, { server_id, session_id, token, seq_ack });
  alice.moveTo(back);
  settle(alice, bob, carol);
  assertEquals(opsOf(alice, 25, 27, 29, 22), [27, 29, 22]);
  assertTogether(alice, bob, carol);
});

test("VoiceServer, version 4: who resumes joins the group anew", () => {
  const rig = rigWith();
  const bots = ["10", "20", "30"].map((userId) => join(rig, userId, {}, "/?v=4"));
  settle(...bots);
  const [alice, bob, carol] = bots;
  alice.client.close(1006);
  carol.client.close(1000);
  settle(bob);
  const back = rig.open("/?v=4");
  const { server_id, session_id, token } = identity("10") as Record<string, string>;
  back.send(7, { server_id, session_id, token });
  alice.moveTo(back);
  settle(alice, bob);
  assertEquals(opsOf(alice, 24, 25), [24, 25]);
  assertTogether(alice, bob);
});

test("VoiceServer takes who is answered with Ready in place of Resumed out of the group", () => {
  const rig = rigWith({ faults: [{ on: "resume", fault: "renew", times: 1 }] });
  const [alice, bob] = gather(rig, "10", "20");
  alice.client.close(1006);
  const back = rig.open();
  const { server_id, session_id, token } = identity("10") as Record<string, string>;
  back.send(7, { server_id, session_id, token, seq_ack: 1 });
  alice.moveTo(back);
  back.select(GCM, 40_010);
  settle(alice, bob);
  assertEquals(opsOf(alice, 25, 4), [4, 25]);
  assertTogether(alice, bob);
});

test("VoiceServer removes who has lost its session, and whose token was revoked", () => {
  const rig = rigWith({ resumeWindow: 1000 });
  const [alice, bob, carol] = gather(rig, "10", "20", "30");
  alice.client.close(1006);
  rig.run(1000);
  settle(bob, carol);
  assertTogether(bob, carol);
  rig.feed({ type: "closeClient", userId: "20", code: 4014 });
  settle(carol);
  assertEquals(opsOf(carol, 24, 21), [24, 21]);
});

// What clients send

test("VoiceServer closes a client with 4002 for an empty and for a huge binary message", () => {
  for (const size of [0, BINARY_LIMIT + 1, 2 * BINARY_LIMIT]) {
    const { client } = join(rigWith(), "10");
    client.sendRaw(new Uint8Array(size).fill(26));
    assertEquals(client.code, 4002);
  }
  const rig = rigWith();
  const { client } = join(rig, "10");
  client.sendRaw(new Uint8Array(BINARY_LIMIT).fill(28));
  assertEquals([client.code, rig.server.stats().daveRejected], [undefined, { unsupported: 1 }]);
});

test("VoiceServer sees in binary frames nothing but op 26 and 28", () => {
  const rig = rigWith();
  const { client } = join(rig, "10");
  for (let round = 0; round < 2; round++) {
    for (let op = 0; op < 256; op++) client.sendRaw(Uint8Array.of(op, 1, 2, 3));
  }
  assertEquals(client.code, undefined);
  assertEquals(rig.server.stats().daveRejected, { malformed: 4 });
  const ignored = rig.events.flatMap((event) => event.type === "ignored" ? [event.opcode] : []);
  const unknown = Array.from({ length: 256 }, (_, op) => op).filter((op) =>
    ![26, 28].includes(op) && ![12, 14, 15, 16, 32].includes(op)
  );
  assertEquals(ignored, unknown);
});

test("VoiceServer takes op 23 and 31 in text frames, op 26 and 28 not", () => {
  const rig = rigWith();
  const { client } = join(rig, "10");
  client.send(23, { transition_id: 9 });
  client.send(31, { transition_id: 9 });
  for (const op of [26, 28]) client.send(op, [1, 2, 3]);
  assertEquals(rig.server.stats().daveRejected, { "unknown-transition": 1 });
  const ignored = rig.events.flatMap((event) => event.type === "ignored" ? [event.opcode] : []);
  assertEquals([client.code, ignored], [undefined, [26, 28]]);
  for (const d of [null, {}, { transition_id: -1 }, { transition_id: 2 ** 16 }]) {
    for (const op of [23, 31]) {
      const other = join(rigWith(), "10").client;
      other.send(op, d);
      assertEquals(other.code, 4002);
    }
  }
});

test("VoiceServer counts and reports dropped messages, and counts late commits alone", () => {
  const rig = rigWith();
  const [alice] = gather(rig, "10", "20");
  rig.events.length = 0;
  const before = rig.server.stats().daveRejected;
  for (let i = 0; i < 2; i++) alice.client.sendRaw(Uint8Array.of(26, 0, 1));
  assertEquals(rig.server.stats().daveRejected, { ...before, malformed: 2 });
  const event = rig.events[0];
  assert(event.type === "dave-rejected");
  assertEquals(
    [event.userId, event.guildId, event.opcode, event.reason],
    ["10", "1", 26, "malformed"],
  );
  assert((before.late ?? 0) > 0);
  assertEquals(rig.count("dave-rejected"), 2);
});

test("VoiceServer reports commits and transitions, in JSON and without secrets", () => {
  const rig = rigWith();
  gather(rig, "10", "20");
  const events = rig.events.filter(({ type }) => type.startsWith("dave-"));
  const [commit, transition] = events.map((event) => JSON.parse(JSON.stringify(event)));
  assertEquals(
    [commit.type, commit.userId, commit.epoch, commit.memberCount, commit.transitionId],
    ["dave-commit", "10", 1, 2, 1],
  );
  const { type, guildId, userId, transitionId, protocolVersion, missing } = transition;
  assertEquals(
    { type, guildId, userId, transitionId, protocolVersion, missing },
    {
      ...{ type: "dave-transition", guildId: "1", userId: undefined },
      ...{ transitionId: 1, protocolVersion: 1, missing: 0 },
    },
  );
});

test("VoiceServer wakes for a transition, a commit and a key package, and else sleeps", () => {
  const rig = rigWith({ heartbeatInterval: 1e6 });
  const asleep = rig.server.pollTimeout();
  assertEquals(asleep, undefined);
  const [alice, bob] = ["10", "20"].map((userId) => join(rig, userId));
  assertEquals(rig.server.pollTimeout(), 5000);
  alice.pump();
  bob.pump();
  assertEquals(rig.server.pollTimeout(), 5000);
  alice.pump();
  assertEquals(rig.server.pollTimeout(), 2000);
  rig.run(2000);
  assert(alice.client.ops.includes(22));
  assertEquals(rig.server.pollTimeout(), 2.5e6);
});

// Faults

const OPS: Readonly<
  Record<typeof DAVE_TEXT_POINTS[number] | typeof DAVE_BINARY_POINTS[number], number>
> = {
  DavePrepareTransition: 21,
  DaveExecuteTransition: 22,
  DavePrepareEpoch: 24,
  DaveMlsExternalSender: 25,
  DaveMlsProposals: 27,
  DaveMlsAnnounceCommitTransition: 29,
  DaveMlsWelcome: 30,
};

/** A call of two; the client of it who gets the message just once. */
function concerned(point: keyof typeof OPS, fault?: Fault): RawClient {
  const userId = point === "DaveMlsWelcome" ? "20" : "10";
  const faults = fault === undefined ? [] : [{ on: point, fault, times: 1, userId }];
  const rig = rigWith({ faults });
  const [alice, bob] = gather(rig, "10", "20");
  if (point === "DavePrepareTransition") rig.join("30", 40_003);
  if (point === "DavePrepareEpoch") bob.client.close(1000);
  assertEquals(rig.count("fault"), faults.length);
  return point === "DaveMlsWelcome" ? bob.client : alice.client;
}

for (const point of [...DAVE_TEXT_POINTS, ...DAVE_BINARY_POINTS]) {
  test(`a fault on ${point} loses, doubles, malforms, delays, closes and cuts`, () => {
    const sizes = (client: RawClient) =>
      client.messages.filter(({ op }) => op === OPS[point]).map(({ d }) => d.length);
    const [size] = sizes(concerned(point));
    assertEquals(sizes(concerned(point)), [size]);
    assertEquals(sizes(concerned(point, "lose")), []);
    assertEquals(sizes(concerned(point, "double")), [size, size]);
    const malformed = concerned(point, "malform");
    if (size === undefined) assert(malformed.ops.includes(-1));
    else assert(sizes(malformed)[0] < size);
    const late = concerned(point, { late: 70 });
    late.rig.run(69);
    assertEquals(sizes(late), []);
    late.rig.run(1);
    assertEquals(sizes(late), [size]);
    assertEquals(concerned(point, { close: 4006 }).code, 4006);
    assertEquals(concerned(point, "cut").code, 1006);
  });
}

test("a fault gives messages in text frames other fields, those in binary frames not", () => {
  const altered = concerned("DavePrepareEpoch", { with: { epoch: 7 } });
  assertEquals(altered.last(24).d, { protocol_version: 1, epoch: 7 });
  for (const on of DAVE_BINARY_POINTS) {
    const faults = [{ on, fault: { with: { epoch: 7 } } }];
    assertThrows(() => rigWith({ faults }), RangeError, `Cannot use fault on ${on}: with`);
  }
});
