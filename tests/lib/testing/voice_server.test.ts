import { assert, assertEquals, assertFalse, assertNotEquals, assertThrows } from "@std/assert";
import test from "node:test";

import { nobleCiphers } from "../../../lib/secretbox.ts";
import { LocalProtocolError } from "../../../lib/errors.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher, SEALING_MODES } from "../../../lib/packet.ts";
import { ReplayBuffer } from "../../../lib/testing/replay_buffer.ts";
import { MESSAGE_LIMIT } from "../../../lib/testing/client_messages.ts";
import { NONCE_WINDOW, NonceWindow } from "../../../lib/testing/nonce_window.ts";
import { SPEAKING_HOLD_LIMIT } from "../../../lib/testing/packet_relay.ts";
import { GRANT_LIMIT } from "../../../lib/testing/token_grants.ts";
import type { VoiceServerOptions } from "../../../lib/testing/server_io.ts";
import { SESSION_LIMIT, WEBSOCKET_LIMIT } from "../../../lib/testing/voice_server.ts";
import { JSON_KINDS } from "../../tools/vectors.ts";
import {
  concat,
  discovery,
  GCM,
  identity,
  openGcm,
  type RawClient,
  Rig,
  rtpHeader,
  sealGcm,
  XCHACHA,
} from "./rig.ts";

const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

function pair(options = {}): { rig: Rig; alice: RawClient; bob: RawClient } {
  const rig = new Rig(options);
  const alice = rig.join("10", 40001);
  const bob = rig.join("20", 40002);
  return { rig, alice, bob };
}

function resume(rig: Rig, userId: string, fields: Record<string, unknown> = {}): RawClient {
  const client = rig.open();
  const { server_id, session_id, token } = identity(userId) as Record<string, string>;
  client.send(7, { server_id, session_id, token, ...fields });
  return client;
}

// Handshake

test("VoiceServer sends Hello of version 8 at once", () => {
  const client = new Rig().open();
  assertEquals(client.messages, [{ op: 8, d: { v: 8, heartbeat_interval: 13750 } }]);
});

test("VoiceServer answers the handshake of a client that is alone", () => {
  const rig = new Rig();
  const client = rig.join("10", 40001);
  assertEquals(client.ops, [8, 2, 4, 15]);
  assertEquals(client.last(2).d, {
    ssrc: 1,
    ip: "127.0.0.1",
    port: 5000,
    modes: SEALING_MODES,
    experiments: [],
  });
  assertEquals(client.last(2).d.modes.slice(0, 2), [GCM, XCHACHA]);
  const { secret_key, media_session_id, ...rest } = client.last(4).d;
  assertEquals(rest, { mode: GCM, dave_protocol_version: 0, audio_codec: "opus" });
  assertEquals(secret_key.length, 32);
  assert(/^[0-9a-f]{32}$/.test(media_session_id));
  assertEquals(client.last(15), { op: 15, d: { any: 100 }, seq: 1 });
  assertEquals(
    rig.events.map(({ type }) => type),
    ["connect", "identify", "ready", "discovery", "select", "session"],
  );
});

test("VoiceServer gives each client an SSRC and a key of its own", () => {
  const { alice, bob } = pair();
  assertEquals([alice.ssrc, bob.ssrc], [1, 2]);
  assertNotEquals(alice.key, bob.key);
});

test("VoiceServer introduces a newcomer and the present users to each other", () => {
  const rig = new Rig();
  const alice = rig.identify("10");
  alice.speak();
  const bob = rig.identify("20");
  bob.speak(5);
  const carol = rig.identify("30");
  assertEquals(carol.messages.slice(2), [
    { op: 11, d: { user_ids: ["10", "20"] }, seq: 1 },
    { op: 18, d: { user_id: "10", flags: null }, seq: 2 },
    { op: 20, d: { user_id: "10", platform: null }, seq: 3 },
    { op: 18, d: { user_id: "20", flags: null }, seq: 4 },
    { op: 20, d: { user_id: "20", platform: null }, seq: 5 },
    { op: 5, d: { user_id: "10", ssrc: 1, speaking: 1 }, seq: 6 },
    { op: 5, d: { user_id: "20", ssrc: 2, speaking: 5 }, seq: 7 },
  ]);
  assertEquals(bob.messages.slice(-3), [
    { op: 11, d: { user_ids: ["30"] }, seq: 5 },
    { op: 18, d: { user_id: "30", flags: null }, seq: 6 },
    { op: 20, d: { user_id: "30", platform: null }, seq: 7 },
  ]);
});

test("VoiceServer keeps guilds apart", () => {
  const rig = new Rig();
  const alice = rig.join("10", 40001);
  const bob = rig.join("20", 40002, { server_id: "2" });
  alice.speak();
  alice.sendDatagram(alice.rtp(OPUS));
  assertEquals(bob.ops, [8, 2, 4, 15]);
  assertEquals(bob.heard, []);
  assertEquals(rig.server.stats().rooms, 2);
});

test("VoiceServer closes with 4003 before Identify, but answers heartbeats", () => {
  for (const op of [1, 5, 12, 14, 15, 16]) {
    const client = new Rig().open();
    client.send(op, {});
    assertEquals(client.code, 4003, `op ${op}`);
  }
  const client = new Rig().open();
  client.send(3, { t: 7 });
  assertEquals(client.last(6), { op: 6, d: { t: 7 } });
});

test("VoiceServer closes a second Identify with 4005 and ends the session", () => {
  const { rig, alice, bob } = pair();
  alice.send(0, identity("10"));
  assertEquals(alice.code, 4005);
  assertEquals(bob.last(13).d, { user_id: "10" });
  assertEquals(rig.server.stats().sessions, 1);
  const carol = rig.identify("30");
  carol.send(7, { server_id: "1", session_id: "session-30", token: "secret-token" });
  assertEquals(carol.code, 4005);
});

test("VoiceServer closes a wrong token with 4004", () => {
  const rig = new Rig({ token: "right" });
  assertEquals(rig.identify("10").code, 4004);
  assertEquals(rig.identify("10", { token: "right" }).code, undefined);
});

test("VoiceServer admits granted tokens to their channel, and to nothing else", () => {
  const rig = new Rig({ token: "other" });
  const grant = (userId: string, channelId: string) =>
    rig.feed({
      type: "grant",
      grant: {
        token: `t${userId}`,
        guildId: "1",
        channelId,
        userId,
        sessionId: `session-${userId}`,
      },
    });
  grant("10", "5");
  grant("20", "5");
  grant("30", "6");
  assertEquals(rig.identify("11", { token: "t10" }).code, 4004);
  assertEquals(rig.identify("10", { token: "t10", server_id: "2" }).code, 4011);
  assertEquals(rig.identify("10", { token: "t10", session_id: "x" }).code, 4006);
  const alice = rig.identify("10", { token: "t10" });
  rig.identify("20", { token: "t20" });
  rig.identify("30", { token: "t30" });
  assertEquals(alice.last(11).d, { user_ids: ["20"] });
  rig.feed({ type: "revoke", guildId: "1", userId: "10", code: 4014, reason: "Disconnected." });
  assertEquals(alice.code, 4014);
  assertEquals(rig.identify("10", { token: "t10" }).code, 4006);
});

test("VoiceServer: a second Identify of a user replaces the first session", () => {
  const { rig, alice, bob } = pair();
  const again = rig.identify("10");
  assertEquals(alice.code, 4006);
  assertEquals(again.ssrc, 3);
  assertEquals(bob.ops.slice(-4), [13, 11, 18, 20]);
  assertEquals(rig.server.stats().sessions, 2);
});

test("VoiceServer closes Select Protocol with 4012 and 4016", () => {
  const data = { address: "127.0.0.1", port: 1, mode: GCM };
  const select = (d: unknown, options = {}) => {
    const client = new Rig(options).identify("10");
    client.send(1, d);
    return client.code;
  };
  assertEquals(select({ protocol: "webrtc", data: "sdp" }), 4012);
  assertEquals(select({ protocol: "udp", data: { ...data, mode: "plain" } }), 4016);
  assertEquals(select({ protocol: "udp", data }, { modes: [XCHACHA] }), 4016);
  assertEquals(select({ protocol: "udp", data }), undefined);
});

test("VoiceServer gives a new key for a second Select Protocol", () => {
  const { alice } = pair();
  const before = alice.key;
  alice.select(XCHACHA);
  assertEquals(alice.last(4).d.mode, XCHACHA);
  assertNotEquals(alice.key, before);
});

// Hostile messages

const VALID: readonly [string, number, Record<string, unknown>][] = [
  ["Identify", 0, identity("10") as Record<string, unknown>],
  ["Select Protocol", 1, { protocol: "udp", data: { address: "127.0.0.1", port: 9, mode: GCM } }],
  ["Heartbeat", 3, { t: 1, seq_ack: 0 }],
  ["Speaking", 5, { speaking: 1, delay: 0, ssrc: 1 }],
  ["Resume", 7, { server_id: "1", session_id: "session-9", token: "secret-token", seq_ack: 0 }],
];

function prepared(op: number): RawClient {
  const rig = new Rig();
  rig.identify("9");
  return op === 0 || op === 7 ? rig.open() : rig.identify("10");
}

test("VoiceServer closes every truncation of a message with 4002", () => {
  for (const [name, op, d] of VALID) {
    const text = JSON.stringify({ op, d });
    for (let size = 0; size < text.length; size++) {
      const client = prepared(op);
      client.sendRaw(text.slice(0, size));
      assertEquals(client.code, 4002, `${name} of ${size} characters`);
    }
    const client = prepared(op);
    client.sendRaw(text);
    assertEquals(client.code, undefined, name);
  }
});

test("VoiceServer closes missing and ill-typed fields with 4002 or 4020", () => {
  const required: Record<number, string[]> = {
    0: ["server_id", "user_id", "session_id", "token"],
    1: ["protocol", "data"],
    3: ["t"],
    5: ["speaking"],
    7: ["server_id", "session_id", "token"],
  };
  const wrong = [null, undefined, {}, [], "", -2, 1.5, "x".repeat(600)];
  for (const [name, op, d] of VALID) {
    for (const field of required[op]!) {
      for (const value of wrong) {
        const client = prepared(op);
        client.send(op, { ...d, [field]: value });
        const label = `${name} ${field} ${JSON.stringify(value)}`;
        const expected = op === 3
          ? value === -2 ? undefined : 4020
          : field === "protocol" && typeof value === "string"
          ? 4012
          : 4002;
        assertEquals(client.code, expected, label);
      }
    }
    for (const value of [null, 1, "x", [], true]) {
      const client = prepared(op);
      client.send(op, value);
      const expected = op === 3 && value !== 1 ? 4020 : 4002;
      assertEquals(client.code, expected, `${name} ${JSON.stringify(value)}`);
    }
  }
  for (const field of ["address", "port", "mode"]) {
    for (const value of [null, undefined, {}, 65536, -1]) {
      const client = prepared(1);
      const data = { address: "127.0.0.1", port: 9, mode: GCM, [field]: value };
      client.send(1, { protocol: "udp", data });
      assertEquals(client.code, 4002, `${field} ${value}`);
    }
  }
  for (const seq_ack of ["1", 1.5, 65536, -2]) {
    const [heartbeat, resumed] = [prepared(3), prepared(7)];
    heartbeat.send(3, { t: 1, seq_ack });
    resumed.send(7, { ...VALID[4]![2], seq_ack });
    assertEquals([heartbeat.code, resumed.code], [4002, 4002]);
  }
});

test("VoiceServer closes text that is no message with 4002 and shows no value of it", () => {
  const token = "very-secret";
  const texts = [
    "",
    "null",
    "1",
    "[]",
    "{}",
    '{"op":"0"}',
    '{"op":1.5}',
    '{"op":1e300}',
    '{"op":-1}',
    '"op"',
    "{op:0}",
    `{"op":0,"d":{"token":["${token}"]}}`,
    `{"op":0,"d":{"token":"${token}"}}`,
    `${"[".repeat(50_000)}`,
    `"${"x".repeat(MESSAGE_LIMIT)}"`,
  ];
  for (const text of texts) {
    const rig = new Rig();
    const client = rig.open();
    client.sendRaw(text);
    assertEquals(client.code, 4002, text.slice(0, 40));
    assertFalse(JSON.stringify([rig.events, ...rig.closed.values()]).includes(token));
    assert(rig.closed.get(client.id)!.reason.length <= 123);
  }
});

test("VoiceServer ignores binary frames of every size", () => {
  const client = new Rig().open();
  for (let size = 0; size <= 100; size++) client.sendRaw(new Uint8Array(size).fill(size));
  client.sendRaw(
    Uint8Array.from(JSON.stringify({ op: 0, d: identity("1") }), (c) => c.charCodeAt(0)),
  );
  assertEquals([client.code, client.messages.length], [undefined, 1]);
});

function ignoredBy(rig: Rig): number[] {
  return rig.events.flatMap((event) => event.type === "ignored" ? [event.opcode] : []);
}

/** Opcodes on which the server acts. */
const ACTED = [0, 1, 3, 5, 7];
/** Opcodes that clients send and on which it does not act. */
const PASSIVE = [12, 14, 15, 16, 32];

test("VoiceServer reports an unknown opcode once for each WebSocket, those of DAVE too", () => {
  const rig = new Rig();
  const unknown = [...Array(256).keys()].filter((op) => ![...ACTED, ...PASSIVE].includes(op));
  assertEquals([10, 23, 26, 28, 31].every((op) => unknown.includes(op)), true);
  for (const [index, client] of [rig.identify("10"), rig.identify("20")].entries()) {
    for (let round = 0; round < 2; round++) {
      for (const op of [...unknown, ...PASSIVE]) client.send(op, { anything: op });
    }
    assertEquals([client.code, ignoredBy(rig).slice(index * unknown.length)], [undefined, unknown]);
  }
});

test("VoiceServer reports at most 256 unknown opcodes of a WebSocket", () => {
  const rig = new Rig();
  const client = rig.identify("10");
  const opcodes = Array.from({ length: 300 }, (_, i) => 2 ** 53 - 1 - i);
  for (let round = 0; round < 2; round++) for (const op of opcodes) client.send(op, null);
  assertEquals([client.code, ignoredBy(rig)], [undefined, opcodes.slice(0, 256)]);
  rig.identify("20").send(33, null);
  assertEquals(ignoredBy(rig).slice(256), [33]);
  client.send(3, { t: 7 });
  assertEquals(client.last(6).d, { t: 7 });
});

test("VoiceServer looks at no payload of an opcode on which it does not act", () => {
  const unknown = [10, 23, 26, 28, 31, 200, 256];
  for (const d of [undefined, ...JSON_KINDS]) {
    const rig = new Rig();
    const client = rig.identify("10");
    const before = [rig.events.length, client.messages.length];
    for (const op of PASSIVE) client.send(op, d);
    assertEquals([rig.events.length, client.messages.length], before);
    for (const op of unknown) client.send(op, d);
    assertEquals([client.code, ignoredBy(rig), client.messages.length], [
      undefined,
      unknown,
      before[1],
    ]);
  }
});

test("VoiceServer looks at the order of messages before it looks at their payloads", () => {
  for (const d of [undefined, ...JSON_KINDS]) {
    for (const op of [0, 7]) {
      const twice = new Rig().identify("10");
      twice.send(op, d);
      assertEquals(twice.code, 4005, `op ${op} again`);
      const first = new Rig().open();
      first.send(op, d);
      assertEquals(first.code, 4002, `op ${op} first`);
    }
    for (const op of [1, 5, ...PASSIVE, 10, 23, 26, 28, 31, 200, 256, 2 ** 53 - 1]) {
      const rig = new Rig();
      const early = rig.open();
      early.send(op, d);
      assertEquals([early.code, ignoredBy(rig)], [4003, []], `op ${op}`);
    }
  }
});

test("VoiceServer looks at the protocol before it looks at its data", () => {
  for (const data of [undefined, "sdp", ...JSON_KINDS]) {
    for (const protocol of ["webrtc", "tcp", ""]) {
      const client = new Rig().identify("10");
      client.send(1, { protocol, data });
      assertEquals(client.code, 4012, `${protocol} ${JSON.stringify(data)}`);
    }
  }
});

test("VoiceServer bounds ids and addresses", () => {
  const sizes = [[128, undefined], [129, 4002]] as const;
  for (const [size, code] of sizes) {
    for (const field of ["server_id", "channel_id", "user_id", "session_id"]) {
      assertEquals(new Rig().identify("10", { [field]: "x".repeat(size) }).code, code, field);
    }
    const rig = new Rig();
    const session_id = "x".repeat(size);
    rig.identify("10", { session_id: session_id.slice(0, 128) }).close(1006);
    assertEquals(resume(rig, "10", { session_id }).code, code);
  }
  for (const [size, code] of [[64, undefined], [65, 4002]] as const) {
    const client = new Rig().identify("10");
    const data = { address: "x".repeat(size), port: 9, mode: GCM };
    client.send(1, { protocol: "udp", data });
    assertEquals(client.code, code, `address of ${size}`);
  }
});

test("VoiceServer closes a flood of messages with 4021", () => {
  const rig = new Rig();
  const client = rig.open();
  for (let i = 0; i < 1000; i++) client.send(3, { t: i });
  assertEquals(client.code, undefined);
  client.send(3, { t: 0 });
  assertEquals(client.code, 4021);
  const calm = rig.open();
  for (let i = 0; i < 3000; i++, rig.now += 10) calm.send(3, { t: i });
  assertEquals(calm.code, undefined);
});

test("VoiceServer bounds the WebSockets, and retires a closed id", () => {
  const rig = new Rig();
  for (let i = 0; i < WEBSOCKET_LIMIT; i++) rig.open();
  const late = rig.open();
  assertEquals(late.code, 4021);
  late.send(3, { t: 1 });
  late.close(1000);
  assertEquals(late.messages, []);
  assertEquals(rig.server.stats().websockets, WEBSOCKET_LIMIT);
  rig.feed({ type: "websocketClose", id: 12345, code: 1000 });
  rig.feed({ type: "websocketMessage", id: 12345, data: "{}" });
});

test("VoiceServer bounds its sessions, those without a WebSocket included", () => {
  const rig = new Rig();
  for (let i = 0; i < SESSION_LIMIT; i++) {
    rig.identify(`${i}`, { server_id: `${i}` }).close(1006);
  }
  assertEquals(rig.identify("x").code, 4021);
  assertEquals(rig.identify("0", { server_id: "0" }).code, undefined);
  assertEquals(rig.server.stats().sessions, SESSION_LIMIT);
});

test("VoiceServer bounds its grants: the oldest gives way", () => {
  const rig = new Rig({ token: "other" });
  for (let i = 0; i <= GRANT_LIMIT; i++) {
    const ids = { guildId: "1", channelId: "2", userId: `${i}`, sessionId: `session-${i}` };
    rig.feed({ type: "grant", grant: { token: `t${i}`, ...ids } });
  }
  assertEquals(rig.identify("0", { token: "t0" }).code, 4006);
  assertEquals(rig.identify("1", { token: "t1" }).code, undefined);
});

// Heartbeats and Resume

test("VoiceServer closes a silent WebSocket with 4009 and keeps the session", () => {
  const rig = new Rig({ heartbeatInterval: 100 });
  const alice = rig.identify("10");
  rig.run(249);
  assertEquals(alice.code, undefined);
  alice.send(3, { t: 1 });
  rig.run(249);
  assertEquals(alice.code, undefined);
  rig.run(1);
  assertEquals(alice.code, 4009);
  assertEquals(rig.server.stats().sessions, 1);
  assertEquals(resume(rig, "10").ops, [8, 9]);
});

test("VoiceServer replays after Resumed what the client has missed", () => {
  const { rig, alice, bob } = pair();
  alice.close(1006);
  bob.speak();
  rig.identify("30");
  assertEquals(bob.ops.includes(13), false);
  const again = resume(rig, "10", { seq_ack: 4 });
  assertEquals(again.ops, [8, 9, 5, 11, 18, 20]);
  assertEquals(again.seqs.slice(2), [5, 6, 7, 8]);
  assertEquals(again.last(9).d, null);
  bob.speak(4);
  assertEquals(again.last(5), { op: 5, d: { user_id: "20", ssrc: 2, speaking: 4 }, seq: 9 });
  alice.send(3, { t: 1 });
  assertEquals(alice.ops.includes(6), false);
});

test("VoiceServer replays all without seq_ack and refuses what it never sent", () => {
  for (const seq_ack of [undefined, null, -1, 0]) {
    const { rig, alice } = pair();
    alice.close(1006);
    assertEquals(resume(rig, "10", { seq_ack }).seqs, [undefined, undefined, 1, 2, 3, 4]);
  }
  for (const seq_ack of [5, 100, 40_000, 65_535]) {
    const { rig, alice, bob } = pair();
    alice.close(1006);
    assertEquals(resume(rig, "10", { seq_ack }).code, 4006);
    assertEquals(bob.last(13).d, { user_id: "10" });
  }
});

test("VoiceServer refuses a Resume whose gap is no longer buffered with 4006", () => {
  const { rig, alice, bob } = pair({ replayLimit: 3 });
  alice.close(1006);
  for (const flags of [1, 2, 3, 4]) bob.speak(flags);
  assertEquals(resume(rig, "10", { seq_ack: 4 }).code, 4006);
  const other = pair({ replayLimit: 3 });
  other.alice.close(1006);
  for (const flags of [1, 2, 3]) other.bob.speak(flags);
  assertEquals(resume(other.rig, "10", { seq_ack: 4 }).seqs.slice(2), [5, 6, 7]);
});

test("VoiceServer refuses unknown sessions with 4006 and wrong tokens with 4004", () => {
  const { rig, alice } = pair();
  alice.close(1006);
  assertEquals(resume(rig, "99").code, 4006);
  assertEquals(resume(rig, "10", { server_id: "2" }).code, 4006);
  assertEquals(resume(rig, "10", { token: "x" }).code, 4004);
  assertEquals(resume(rig, "10", { seq_ack: 4 }).ops, [8, 9]);
});

test("VoiceServer: a Resume takes over from a WebSocket that is still open", () => {
  const { rig, alice, bob } = pair();
  const again = resume(rig, "10", { seq_ack: 4 });
  assertEquals(alice.code, 4006);
  alice.close(1006);
  assertEquals(again.ops, [8, 9]);
  again.speak();
  assertEquals(bob.last(5).d, { user_id: "10", ssrc: 1, speaking: 1 });
  alice.sendDatagram(sealGcm(alice.key, 1, rtpHeader(1), 12, OPUS));
  assertEquals(bob.heard.length, 1);
});

test("VoiceServer ends a session on 1000, 1001 and after the resume window", () => {
  for (const code of [1000, 1001]) {
    const { alice, bob } = pair();
    alice.close(code);
    assertEquals(bob.last(13).d, { user_id: "10" });
  }
  const { rig, alice, bob } = pair({ heartbeatInterval: 1e6, resumeWindow: 5000 });
  alice.close(1005);
  rig.run(4999);
  assertFalse(bob.ops.includes(13));
  rig.run(1);
  assertEquals(bob.last(13).d, { user_id: "10" });
  assertEquals(resume(rig, "10").code, 4006);
});

test("VoiceServer lets no Resume through that comes after the window, timer or not", () => {
  const { rig, alice } = pair({ heartbeatInterval: 1e6, resumeWindow: 5000 });
  alice.close(1006);
  rig.now = 5000;
  assertEquals(resume(rig, "10").code, 4006);
});

test("ReplayBuffer numbers from 1, wraps to 0 and replays over the wrap", () => {
  const buffer = new ReplayBuffer(4, 0x10000, 65_533);
  const seqs = Array.from({ length: 5 }, () => buffer.push(String));
  assertEquals(seqs, ["65534", "65535", "0", "1", "2"]);
  assertEquals(buffer.since(65_534), ["65535", "0", "1", "2"]);
  assertEquals(buffer.since(65_535), ["0", "1", "2"]);
  assertEquals(buffer.since(0), ["1", "2"]);
  assertEquals(buffer.since(2), []);
  assertEquals([buffer.since(65_533), buffer.since(3), buffer.since(undefined)], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(buffer.size, 4);
  assertEquals(new ReplayBuffer(4).push(String), "1");
  assertThrows(() => new ReplayBuffer(32_768), RangeError, "Cannot keep 32768 messages");
});

test("VoiceServer resumes over the wrap of seq", () => {
  const { rig, alice, bob } = pair();
  for (let seq = 5; seq <= 65_534; seq++) {
    bob.speak(1 + seq % 2);
    rig.now += 12;
    bob.send(3, { t: seq });
    alice.send(3, { t: seq });
    bob.messages.length = alice.messages.length = 0;
  }
  alice.close(1006);
  for (const flags of [8, 9, 10]) bob.speak(flags);
  const again = resume(rig, "10", { seq_ack: 65_534 });
  assertEquals(again.messages.slice(2).map(({ seq, d }) => [seq, d.speaking]), [
    [65_535, 8],
    [0, 9],
    [1, 10],
  ]);
});

// Commands

test("VoiceServer closeClient keeps a session after resumable codes only", () => {
  for (const [code, kept] of [[4009, 2], [4015, 2], [4000, 2], [4006, 1], [4014, 1], [1000, 1]]) {
    const { rig, alice } = pair();
    rig.feed({ type: "closeClient", userId: "10", code: code!, reason: "why" });
    assertEquals(rig.closed.get(alice.id), { code, reason: "why" });
    assertEquals(rig.server.stats().sessions, kept, `${code}`);
  }
});

test("VoiceServer closeClient throws for nobody and for a wrong code, and changes nothing", () => {
  const { rig } = pair();
  const close = (fields: object, code = 4000) => () =>
    rig.feed({ type: "closeClient", ...fields, code });
  assertThrows(close({}), LocalProtocolError, "Cannot close a client");
  assertThrows(close({ userId: "99" }), LocalProtocolError, '"userId":"99"');
  assertThrows(close({ userId: "10", guildId: "2" }), LocalProtocolError);
  for (const code of [1006, 999, 5000, NaN, 4000.5]) {
    assertThrows(close({ userId: "10" }, code), RangeError, "it must be 1000 or 3000 to 4999");
  }
  const reason = "x".repeat(42);
  assertThrows(
    () => rig.feed({ type: "closeClient", userId: "10", code: 4000, reason }),
    RangeError,
    "at most 41",
  );
  assertEquals(rig.closed.size, 0);
});

// UDP

test("VoiceServer answers discovery with the observed address", () => {
  const { rig, alice } = pair();
  alice.sendDatagram(discovery(alice.ssrc), 50_123);
  const { port, datagram } = rig.datagrams.at(-1)!;
  const view = new DataView(datagram.buffer);
  assertEquals([port, datagram.length, view.getUint16(0), view.getUint16(2)], [50_123, 74, 2, 70]);
  assertEquals([view.getUint32(4), view.getUint16(72)], [1, 50_123]);
  assertEquals(String.fromCharCode(...datagram.subarray(8, 18)), "127.0.0.1\0");
});

test("VoiceServer drops discovery for an unknown SSRC and every truncation of it", () => {
  const { rig, alice } = pair();
  const before = rig.datagrams.length;
  alice.sendDatagram(discovery(77));
  for (let size = 0; size < 74; size++) {
    // Cut to 70 bytes it is a request of an older form.
    if (size !== 70) alice.sendDatagram(discovery(1).subarray(0, size));
  }
  assertEquals(rig.datagrams.length, before);
  assertEquals(rig.server.stats().dropped["unknown-ssrc"], 1);
});

test("VoiceServer answers the official keepalive and ignores the others", () => {
  const { rig, alice } = pair();
  const before = rig.datagrams.length;
  alice.sendDatagram(Uint8Array.of(0x13, 0x37, 0xca, 0xfe, 1, 2, 3, 4));
  assertEquals([...rig.datagrams.at(-1)!.datagram], [0x13, 0x37, 0xf0, 0x0d, 1, 2, 3, 4]);
  alice.sendDatagram(Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0));
  alice.sendDatagram(Uint8Array.of(0, 0, 0, 1));
  alice.sendDatagram(Uint8Array.of(0xc9, 0, 0, 0, 0, 0, 0, 0, 0));
  assertEquals(rig.datagrams.length, before + 1);
  const { keepalivesAnswered, keepalivesIgnored, dropped } = rig.server.stats();
  assertEquals([keepalivesAnswered, keepalivesIgnored, dropped], [1, 3, {}]);
});

test("VoiceServer relays speaking and audio with the receiver's key and own nonces", () => {
  const { rig, alice, bob } = pair();
  alice.send(5, { speaking: 1, delay: 0, ssrc: 999 });
  assertEquals(bob.last(5), { op: 5, d: { user_id: "10", ssrc: 1, speaking: 1 }, seq: 5 });
  for (const sequence of [7, 8]) {
    alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
  }
  assertEquals(bob.heard.length, 2);
  for (const [index, packet] of bob.heard.entries()) {
    assertEquals(packet.subarray(0, 12), rtpHeader(1, 7 + index));
    assertEquals(openGcm(bob.key, packet), OPUS);
    // The lower half of the nonces is the client's own.
    assertEquals([...packet.subarray(-4)], [128, 0, 0, index]);
  }
  assertEquals(alice.heard, []);
  const { accepted, relayed } = rig.server.stats();
  assertEquals([accepted, relayed], [2, 2]);
});

test("VoiceServer keeps extension, CSRC, padding and marker as they are", () => {
  const { alice, bob } = pair();
  alice.speak();
  const header = concat(
    Uint8Array.of(0xb1, 0xf8),
    rtpHeader(1).subarray(2),
    Uint8Array.of(1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0),
  );
  const payload = concat(OPUS, Uint8Array.of(0, 0, 3));
  alice.sendDatagram(alice.rtp(payload, header, 20));
  const [packet] = bob.heard;
  assertEquals(packet!.subarray(0, 20), header.subarray(0, 20));
  assertEquals(openGcm(bob.key, packet!, 20), concat(header.subarray(20), payload));
});

test("VoiceServer relays between modes", () => {
  const rig = new Rig();
  const alice = rig.join("10", 40001);
  const bob = rig.identify("20");
  bob.select(XCHACHA, 40002);
  alice.speak();
  alice.sendDatagram(alice.rtp(OPUS));
  assertEquals(bob.heard[0]!.length, 12 + 3 + 20);
});

test("VoiceServer moves CSRC list and extension in and out of the ciphertext", () => {
  const random = (into: Uint8Array) => into.fill(9);
  for (const from of SEALING_MODES) {
    const rig = new Rig();
    const alice = rig.identify("10");
    alice.select(from, 40001);
    alice.speak();
    const receivers = SEALING_MODES.map((mode, index) => {
      const client = rig.identify(String(20 + index));
      client.select(mode, 40002 + index);
      return { mode, client };
    });
    const cipher = new PacketCipher(from, alice.key, nobleCiphers, new NonceCounter(), random);
    const header = concat(
      Uint8Array.of(0xb2, 0xf8),
      rtpHeader(alice.ssrc).subarray(2),
      Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0),
    );
    const whole = concat(header, OPUS, Uint8Array.of(0, 2));
    const clearOf = (mode: EncryptionMode) => mode.endsWith("_rtpsize") ? 24 : 12;
    const datagram = concat(whole, new Uint8Array(cipher.overhead));
    cipher.seal(datagram, clearOf(from), whole.length - clearOf(from));
    alice.sendDatagram(datagram);
    alice.sendDatagram(datagram);
    for (const { mode, client } of receivers) {
      assertEquals(client.heard.length, 1, `${from} to ${mode}`);
      const [packet] = client.heard;
      const into = new Uint8Array(packet!.length);
      const opener = new PacketCipher(mode, client.key, nobleCiphers);
      const size = opener.open(packet!, clearOf(mode), into);
      assertEquals(size + clearOf(mode), whole.length, `${from} to ${mode}`);
      const opened = concat(packet!.subarray(0, clearOf(mode)), into.subarray(0, size));
      assertEquals(opened, whole, `${from} to ${mode}`);
    }
    assertEquals(rig.server.stats().dropped, { replay: 1 });
  }
});

test("VoiceServer keeps the extension of a packet that has waited for Speaking", () => {
  const { rig, alice, bob } = pair();
  const carol = rig.join("30", 40003);
  bob.speak();
  const extension = Uint8Array.of(0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0);
  const header = concat(rtpHeader(alice.ssrc), extension);
  header[0] = 0x90;
  alice.sendDatagram(alice.rtp(OPUS, header, 16));
  bob.sendDatagram(bob.rtp(OPUS));
  alice.speak();
  const packet = carol.heard[1]!;
  assertEquals(packet.subarray(0, 16), header.subarray(0, 16));
  assertEquals(openGcm(carol.key, packet, 16), concat(header.subarray(16), OPUS));
});

test("VoiceServer drops a packet whose encrypted header is cut short", () => {
  const rig = new Rig({ modes: ["xsalsa20_poly1305_lite"] });
  const alice = rig.identify("10");
  alice.select("xsalsa20_poly1305_lite", 40001);
  alice.speak();
  const cipher = new PacketCipher("xsalsa20_poly1305_lite", alice.key, nobleCiphers);
  const packet = concat(rtpHeader(alice.ssrc), OPUS, new Uint8Array(cipher.overhead));
  packet[0] = 0x90;
  cipher.seal(packet, 12, OPUS.length);
  alice.sendDatagram(packet);
  assertEquals(rig.server.stats().dropped, { "bad-extension": 1 });
});

test("VoiceServer does not offer plain", () => {
  assertThrows(() => new Rig({ modes: ["plain"] }), RangeError, "Cannot use modes plain: ");
  assertThrows(() => new Rig({ modes: [GCM, "plain"] }), RangeError, "Cannot use modes plain: ");
});

test("VoiceServer takes every choice of its modes and its discovery, and nothing else", () => {
  const make = (options: object) => new Rig(options as Partial<VoiceServerOptions>);
  for (const mode of SEALING_MODES) make({ modes: [mode] });
  for (const discovery of ["74", "70be", "70le", undefined]) make({ discovery });
  assertThrows(() => make({ modes: [] }), RangeError, "Cannot use modes: the list is empty");
  for (const mode of ["", "aes", "constructor", null, undefined, 1]) {
    const message = `Cannot use modes ${mode}: it is one of ${SEALING_MODES.join(", ")}`;
    assertEquals(assertThrows(() => make({ modes: [GCM, mode] }), RangeError).message, message);
  }
  for (const discovery of ["", "70", "70hybrid", 74, null]) {
    const message = `Cannot use discovery ${discovery}: it is one of 74, 70be, 70le`;
    assertEquals(assertThrows(() => make({ discovery }), RangeError).message, message);
  }
});

test("VoiceServer relays only to clients that have selected and have an address", () => {
  const rig = new Rig();
  const alice = rig.join("10", 40001);
  const bob = rig.identify("20");
  bob.port = 40002;
  bob.sendDatagram(discovery(bob.ssrc));
  const carol = rig.identify("30");
  carol.send(1, { protocol: "udp", data: { address: "127.0.0.1", port: 40003, mode: GCM } });
  alice.speak();
  alice.sendDatagram(alice.rtp(OPUS));
  assertEquals(rig.server.stats().relayed, 0);
});

test("VoiceServer learns an address by a packet that opens, never by a claim", () => {
  const rig = new Rig();
  const alice = rig.identify("10");
  alice.send(1, { protocol: "udp", data: { address: "127.0.0.1", port: 1, mode: GCM } });
  alice.speak();
  const bob = rig.join("20", 40002);
  bob.speak();
  alice.sendDatagram(sealGcm(bob.key, 1, rtpHeader(alice.ssrc), 12, OPUS), 40_666);
  assertEquals(rig.server.stats().dropped, { "bad-tag": 1 });
  bob.sendDatagram(bob.rtp(OPUS));
  assertEquals(rig.server.stats().relayed, 0);
  alice.sendDatagram(alice.rtp(OPUS), 40_777);
  bob.sendDatagram(bob.rtp(OPUS));
  assertEquals(rig.datagrams.at(-1)!.port, 40_777);
});

test("VoiceServer drops hostile RTP and counts the reason", () => {
  const { rig, alice, bob } = pair();
  alice.speak();
  bob.speak();
  const packet = alice.rtp(OPUS);
  const dropped = () => rig.server.stats().dropped;
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const broken = packet.slice();
    broken[bit >> 3]! ^= 1 << (bit & 7);
    alice.sendDatagram(broken);
  }
  for (let size = 0; size < packet.length; size++) alice.sendDatagram(packet.subarray(0, size));
  assertEquals([bob.heard.length, rig.server.stats().accepted], [0, 0]);
  alice.sendDatagram(packet);
  alice.sendDatagram(packet);
  alice.sendDatagram(packet, 40_999);
  assertEquals([bob.heard.length, dropped().replay], [1, 2]);
  alice.sendDatagram(alice.rtp(OPUS, rtpHeader(bob.ssrc)));
  alice.sendDatagram(alice.rtp(OPUS, rtpHeader(77)));
  assertEquals(dropped()["wrong-ssrc"], 2);
  alice.sendDatagram(alice.rtp(OPUS, rtpHeader(77)), 40_999);
  assertEquals(dropped()["unknown-source"], 1);
  assertEquals([alice.heard.length, bob.heard.length], [0, 1]);
});

test("VoiceServer survives garbage of every size from known and unknown addresses", () => {
  const { rig, alice } = pair();
  let seed = 1;
  for (let size = 0; size <= 100; size++) {
    for (let round = 0; round < 20; round++) {
      const garbage = Uint8Array.from({ length: size }, () => {
        seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0;
        return seed >>> 16;
      });
      if (size > 0 && round % 2 === 0) garbage[0] = 0x80 | garbage[0]! & 0x3f;
      alice.sendDatagram(garbage, round % 3 === 0 ? 40_001 : 41_000 + round);
    }
  }
  const { datagrams, accepted, keepalivesIgnored, keepalivesAnswered, rtcp, dropped, discoveries } =
    rig.server.stats();
  const drops = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  assertEquals(accepted, 0);
  assertEquals(datagrams, discoveries + keepalivesAnswered + keepalivesIgnored + rtcp + drops);
});

test("VoiceServer drops RTP and RTCP before Select Protocol", () => {
  const rig = new Rig();
  const alice = rig.identify("10");
  alice.port = 40001;
  alice.sendDatagram(discovery(1));
  alice.sendDatagram(sealGcm(new Uint8Array(32), 1, rtpHeader(1), 12, OPUS));
  alice.sendDatagram(concat(Uint8Array.of(0x80, 200), new Uint8Array(30)));
  assertEquals(rig.server.stats().dropped, { "not-selected": 2 });
  assertEquals(rig.server.stats().rtcp, 0);
});

test("VoiceServer holds packets that overtake Speaking for 250 ms, in order", () => {
  const { rig, alice, bob } = pair({ heartbeatInterval: 1e6 });
  for (const sequence of [1, 2]) alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
  rig.run(249);
  assertEquals(bob.heard.length, 0);
  alice.speak(0);
  assertEquals(bob.heard.map((packet) => packet[3]), [1, 2]);
  bob.sendDatagram(bob.rtp(OPUS, rtpHeader(2)));
  rig.run(250);
  bob.speak();
  assertEquals(alice.heard.length, 0);
  assertEquals(rig.server.stats().dropped, { "no-speaking": 1 });
});

test("VoiceServer bounds what it holds, and forgets it with the session", () => {
  const { rig, alice, bob } = pair({ heartbeatInterval: 1e6 });
  for (let i = 0; i < SPEAKING_HOLD_LIMIT + 10; i++) alice.sendDatagram(alice.rtp(OPUS));
  assertEquals(rig.server.stats().dropped, { "no-speaking": 10 });
  alice.speak();
  assertEquals(bob.heard.length, SPEAKING_HOLD_LIMIT);
  bob.sendDatagram(bob.rtp(OPUS, rtpHeader(2)));
  bob.close(1000);
  rig.run(1000);
  assertEquals(rig.server.stats().dropped, { "no-speaking": 10 });
});

test("VoiceServer reports drops at once and then once a second", () => {
  const { rig, alice } = pair({ heartbeatInterval: 1e6 });
  const flood = (count: number) => {
    for (let i = 0; i < count; i++) alice.sendDatagram(new Uint8Array(40).fill(0x80));
  };
  const reports = () =>
    rig.events.flatMap((event) => event.type === "packet-dropped" ? [event.count] : []);
  flood(500);
  assertEquals(reports(), [1]);
  rig.run(1000);
  assertEquals(reports(), [1, 499]);
  flood(2);
  rig.run(1000);
  assertEquals(reports(), [1, 499, 2]);
  rig.run(3000);
  flood(1);
  assertEquals(reports(), [1, 499, 2, 1]);
});

test("VoiceServer rests once all is done: no timer, no session, no room", () => {
  const { rig, alice, bob } = pair();
  alice.sendDatagram(alice.rtp(OPUS));
  alice.close(1006);
  bob.close(1000);
  rig.run(70_000);
  assertEquals(rig.server.pollTimeout(), undefined);
  const { websockets, sessions, rooms } = rig.server.stats();
  assertEquals([websockets, sessions, rooms], [0, 0, 0]);
});

test("VoiceServer events name no token and no key", () => {
  const { rig, alice } = pair({ token: "secret-token" });
  alice.close(1006);
  resume(rig, "10", { seq_ack: 1 });
  const text = JSON.stringify(rig.events);
  assertFalse(text.includes("secret-token"));
  assertFalse(text.includes([...alice.key].slice(0, 8).join(",")));
  for (const { at, userId } of rig.events.filter(({ type }) => type === "ready")) {
    assert(at >= 0 && userId !== undefined);
  }
});

test("NonceWindow.add() knows the last nonces only", () => {
  const window = new NonceWindow();
  for (let i = 0; i < NONCE_WINDOW; i++) assert(window.add(`${i}`));
  assertFalse(window.add("0"));
  assert(window.add(`${NONCE_WINDOW}`));
  assert(window.add("0"));
  assertFalse(window.add("2"));
});

test("VoiceServer refuses options that are out of range", () => {
  const wrong = [
    { heartbeatInterval: 0 },
    { heartbeatInterval: NaN },
    { heartbeatInterval: Infinity },
    { resumeWindow: -1 },
    { resumeWindow: NaN },
    { replayLimit: 32_768 },
    { replayLimit: 1.5 },
  ];
  for (const options of wrong) {
    assertThrows(() => new Rig(options), RangeError, "Cannot start a server with");
  }
});

test("VoiceServer resumes who is cut off, not a neighbour with the same session id and token", () => {
  const rig = new Rig();
  const shared = { session_id: "shared" };
  const alice = rig.join("10", 40001, shared);
  const bob = rig.join("20", 40002, shared);
  alice.close(1006);
  const again = rig.open();
  again.send(7, { server_id: "1", session_id: "shared", token: "secret-token" });
  assertEquals(again.ops.includes(9), true);
  assertEquals([bob.code, again.code], [undefined, undefined]);
  const resumed = rig.events.findLast(({ type }) => type === "resumed");
  assertEquals(resumed?.userId, "10");
});

test("VoiceServer knows no nonce of an earlier key as a replay", () => {
  const { rig, alice, bob } = pair();
  alice.speak();
  const nonce = 1;
  const send = () => alice.sendDatagram(sealGcm(alice.key, nonce, rtpHeader(alice.ssrc), 12, OPUS));
  send();
  alice.select(GCM, 40001);
  send();
  send();
  assertEquals([bob.heard.length, rig.server.stats().dropped], [2, { replay: 1 }]);
});
