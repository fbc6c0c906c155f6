import { assert, assertEquals, assertFalse, assertMatch, assertThrows } from "@std/assert";
import test from "node:test";

import { LocalProtocolError } from "../../../lib/errors.ts";
import type { GatewayInput, GatewayOutput } from "../../../lib/testing/gateway_io.ts";
import { userIdOf } from "../../../lib/testing/gateway_messages.ts";
import { GATEWAY_SESSION_LIMIT, GatewayStub } from "../../../lib/testing/gateway_stub.ts";

const TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.x.y"; // 100000000000000001
const USER = "100000000000000001";

/** A stub and what it has put out. */
class Rig {
  readonly outputs: GatewayOutput[] = [];
  now = 0;
  #random = 0;
  readonly stub: GatewayStub = new GatewayStub({
    random: (into) => {
      for (let i = 0; i < into.length; i++) into[i] = this.#random++;
    },
    endpoint: "ws://127.0.0.1:1",
    url: "ws://127.0.0.1:2",
  });

  feed(input: GatewayInput): void {
    this.stub.handleInput(input, this.now);
    for (let output; (output = this.stub.pollOutput()) !== undefined;) this.outputs.push(output);
  }

  send(id: number, op: number, d: unknown): void {
    this.feed({ type: "websocketMessage", id, data: JSON.stringify({ op, d }) });
  }

  /** A client with a session. */
  identify(id: number, token: string = TOKEN): string {
    this.feed({ type: "websocketOpen", id });
    this.send(id, 2, { token, intents: 0, properties: {} });
    return this.messages(id).at(-1)!.d.session_id;
  }

  // deno-lint-ignore no-explicit-any
  messages(id: number): any[] {
    return this.outputs.flatMap((output) =>
      output.type === "sendWebSocket" && output.id === id ? [JSON.parse(output.data)] : []
    );
  }

  /** Names of dispatches, and the voice server's inputs, in order, and forgets them. */
  take(): string[] {
    return this.outputs.splice(0).flatMap((output) => {
      switch (output.type) {
        case "sendWebSocket": {
          const { op, t } = JSON.parse(output.data);
          return [`${output.id} ${t ?? op}`];
        }
        case "dispatch":
          return [`${output.userId} ${output.dispatch.name}`];
        case "voice":
          return [output.input.type];
        case "closeWebSocket":
          return [`${output.id} close ${output.code}`];
        case "destroy":
          return [`${output.userId} destroy`];
        case "event":
          return [];
      }
    });
  }

  closeCode(id: number): number | undefined {
    for (const output of this.outputs) {
      if (output.type === "closeWebSocket" && output.id === id) return output.code;
    }
    return undefined;
  }
}

function join(channelId: string | null, guildId = "1"): Record<string, unknown> {
  return { guild_id: guildId, channel_id: channelId, self_mute: false, self_deaf: true };
}

test("userIdOf() reads the user id of a bot token", () => {
  assertEquals(userIdOf(TOKEN), USER);
  assertEquals(userIdOf(`Bot ${TOKEN}`), USER);
  assertEquals(userIdOf("MTIz"), "123");
  assertEquals(userIdOf("MTI="), "12");
  for (const token of ["", ".", "x", "abc.def", "MTIz!", "YWJj.x", `${"MTIz".repeat(99)}.x`]) {
    assertEquals(userIdOf(token), undefined, token);
  }
});

test("GatewayStub says Hello, READY and acknowledges heartbeats", () => {
  const rig = new Rig();
  const sessionId = rig.identify(1);
  rig.send(1, 1, null);
  const [hello, ready, ack] = rig.messages(1);
  assertEquals(hello, { op: 10, d: { heartbeat_interval: 41250 } });
  assertEquals([ready.op, ready.t, ready.s, ready.d.v], [0, "READY", 1, 10]);
  assertEquals([ready.d.user.id, ready.d.guilds], [USER, []]);
  assertEquals(ready.d.application, { id: USER, flags: 0 });
  assertEquals(ready.d.resume_gateway_url, "ws://127.0.0.1:2");
  assertMatch(sessionId, /^[0-9a-f]{32}$/);
  assertEquals(ack, { op: 11, d: null });
  rig.identify(2, "no-id");
  assertMatch(rig.messages(2)[1].d.user.id, /^1\d{17}$/);
});

test("GatewayStub answers op 4 with state and server, and grants the token", () => {
  const rig = new Rig();
  const sessionId = rig.identify(1);
  rig.send(1, 4, join("5"));
  const [, , state, server] = rig.messages(1);
  assertEquals([state.t, state.s, server.t, server.s], [
    "VOICE_STATE_UPDATE",
    2,
    "VOICE_SERVER_UPDATE",
    3,
  ]);
  const { guild_id, channel_id, user_id, session_id, self_deaf, self_mute } = state.d;
  assertEquals([guild_id, channel_id, user_id, session_id, self_deaf, self_mute], [
    "1",
    "5",
    USER,
    sessionId,
    true,
    false,
  ]);
  assertMatch(server.d.token, /^[0-9a-f]{16}$/);
  assertEquals([server.d.guild_id, server.d.endpoint], ["1", "ws://127.0.0.1:1"]);
  const inputs = rig.outputs.flatMap((output) => output.type === "voice" ? [output.input] : []);
  const grant = { token: server.d.token, guildId: "1", channelId: "5", userId: USER, sessionId };
  assertEquals(inputs, [{ type: "grant", grant }]);
});

test("GatewayStub sends no server for the channel in which the session is", () => {
  const rig = new Rig();
  rig.identify(1);
  rig.send(1, 4, join("5"));
  rig.take();
  rig.send(1, 4, join("5"));
  assertEquals(rig.take(), ["1 VOICE_STATE_UPDATE"]);
});

test("GatewayStub closes the old voice session on a move and on leaving", () => {
  const rig = new Rig();
  rig.identify(1);
  rig.send(1, 4, join("5"));
  rig.take();
  rig.send(1, 4, join("6"));
  assertEquals(rig.take(), ["1 VOICE_STATE_UPDATE", "revoke", "grant", "1 VOICE_SERVER_UPDATE"]);
  rig.send(1, 4, join(null));
  assertEquals(rig.take(), ["1 VOICE_STATE_UPDATE", "revoke"]);
  rig.send(1, 4, join(null));
  assertEquals(rig.take(), []);
});

test("GatewayStub tells other clients of a state, but no token", () => {
  const rig = new Rig();
  rig.identify(1);
  rig.identify(2, "MTIz.x");
  rig.feed({ type: "attach", userId: "7" });
  rig.take();
  rig.send(1, 4, join("5"));
  assertEquals(rig.take(), [
    "1 VOICE_STATE_UPDATE",
    "2 VOICE_STATE_UPDATE",
    "7 VOICE_STATE_UPDATE",
    "grant",
    "1 VOICE_SERVER_UPDATE",
  ]);
});

test("GatewayStub serves attached users without a WebSocket", () => {
  const rig = new Rig();
  rig.feed({ type: "attach", userId: "7" });
  const data = { guild_id: "1", channel_id: "5", self_mute: false, self_deaf: false };
  rig.feed({ type: "voiceState", userId: "7", data });
  assertEquals(rig.take(), ["7 VOICE_STATE_UPDATE", "grant", "7 VOICE_SERVER_UPDATE"]);
  rig.feed({ type: "detach", userId: "7" });
  assertEquals(rig.take(), ["revoke"]);
  assertThrows(() => rig.feed({ type: "detach", userId: "7" }), LocalProtocolError, "not attached");
  assertThrows(() => rig.feed({ type: "voiceState", userId: "7", data }), LocalProtocolError);
  rig.feed({ type: "attach", userId: "7" });
  assertThrows(() => rig.feed({ type: "attach", userId: "7" }), LocalProtocolError, "already");
});

test("GatewayStub moves and disconnects users, and replaces a voice server", () => {
  const rig = new Rig();
  rig.identify(1);
  const move = { type: "moveUser", guildId: "1", userId: USER, channelId: "6" } as const;
  const disconnect = { type: "disconnectUser", guildId: "1", userId: USER } as const;
  assertThrows(() => rig.feed(move), LocalProtocolError, "Cannot move or disconnect");
  rig.send(1, 4, join("5"));
  rig.take();
  rig.feed(move);
  assertEquals(rig.take(), ["1 VOICE_STATE_UPDATE", "revoke", "grant", "1 VOICE_SERVER_UPDATE"]);
  rig.feed({ type: "reallocate", guildId: "2" });
  assertEquals(rig.take(), []);
  rig.feed({ type: "reallocate", guildId: "1" });
  const endpoints = rig.messages(1).map(({ d }) => d.endpoint);
  assertEquals(endpoints, [null, "ws://127.0.0.1:1"]);
  rig.take();
  rig.feed(disconnect);
  assertEquals(rig.take(), ["1 VOICE_STATE_UPDATE", "revoke"]);
  assertThrows(() => rig.feed(disconnect), LocalProtocolError);
});

test("GatewayStub resumes a lost WebSocket and sends what it has missed", () => {
  const rig = new Rig();
  const sessionId = rig.identify(1);
  rig.send(1, 4, join("5"));
  rig.feed({ type: "websocketClose", id: 1, code: 1006 });
  rig.feed({ type: "moveUser", guildId: "1", userId: USER, channelId: "6" });
  rig.feed({ type: "websocketOpen", id: 2 });
  rig.take();
  rig.send(2, 6, { token: TOKEN, session_id: sessionId, seq: 3 });
  assertEquals(rig.messages(2).map(({ s, t }) => [s, t]), [
    [4, "VOICE_STATE_UPDATE"],
    [5, "VOICE_SERVER_UPDATE"],
    [6, "RESUMED"],
  ]);
  rig.feed({ type: "websocketOpen", id: 3 });
  rig.send(3, 6, { token: TOKEN, session_id: sessionId, seq: 6 });
  assertEquals(rig.closeCode(2), 4009);
  assertEquals(rig.messages(3).at(-1).t, "RESUMED");
});

test("GatewayStub invalidates sessions that it does not know", () => {
  const rig = new Rig();
  const sessionId = rig.identify(1);
  rig.feed({ type: "websocketClose", id: 1, code: 1006 });
  rig.feed({ type: "websocketOpen", id: 2 });
  const resumes = [
    { token: TOKEN, session_id: "x", seq: 1 },
    { token: "x", session_id: sessionId, seq: 1 },
    { token: TOKEN, session_id: sessionId, seq: 2 },
  ];
  for (const resume of resumes) {
    rig.outputs.length = 0;
    rig.send(2, 6, resume);
    assertEquals(rig.messages(2), [{ op: 9, d: false }]);
  }
  assertEquals(rig.stub.pollTimeout(), 60_000);
  rig.now = 60_000;
  rig.send(2, 6, { token: TOKEN, session_id: sessionId, seq: 1 });
  assertEquals(rig.messages(2).at(-1), { op: 9, d: false });
  assertEquals(rig.stub.pollTimeout(), undefined);
});

test("GatewayStub ends voice states with their session", () => {
  for (const code of [1000, 1001]) {
    const rig = new Rig();
    rig.identify(1);
    rig.send(1, 4, join("5"));
    rig.take();
    rig.feed({ type: "websocketClose", id: 1, code });
    assertEquals(rig.take(), ["revoke"]);
  }
  const rig = new Rig();
  rig.identify(1);
  rig.send(1, 4, join("5"));
  rig.feed({ type: "websocketClose", id: 1, code: 1006 });
  rig.take();
  rig.now = 60_000;
  rig.feed({ type: "timeout" });
  assertEquals(rig.take(), ["revoke"]);
});

test("GatewayStub closes every truncation and every wrong field with 4002", () => {
  const valid: [number, Record<string, unknown>][] = [
    [2, { token: TOKEN }],
    [6, { token: TOKEN, session_id: "x", seq: 1 }],
    [4, join("5")],
  ];
  const prepare = (op: number) => {
    const rig = new Rig();
    if (op === 4) rig.identify(1);
    else rig.feed({ type: "websocketOpen", id: 1 });
    return rig;
  };
  for (const [op, d] of valid) {
    const text = JSON.stringify({ op, d });
    for (let size = 0; size < text.length; size++) {
      const rig = prepare(op);
      rig.feed({ type: "websocketMessage", id: 1, data: text.slice(0, size) });
      assertEquals(rig.closeCode(1), 4002, `op ${op}, ${size} characters`);
    }
    for (const field of Object.keys(d)) {
      for (const value of [1.5, {}, [], ...(field === "channel_id" ? [undefined] : [null])]) {
        const rig = prepare(op);
        rig.send(1, op, { ...d, [field]: value });
        assertEquals(rig.closeCode(1), 4002, `op ${op} ${field} ${value}`);
      }
    }
    const rig = prepare(op);
    rig.send(1, op, d);
    assertEquals(rig.closeCode(1), undefined);
  }
});

test("GatewayStub closes what is too long, binary, too often or out of turn", () => {
  const code = (act: (rig: Rig) => void) => {
    const rig = new Rig();
    rig.feed({ type: "websocketOpen", id: 1 });
    act(rig);
    return rig.closeCode(1);
  };
  assertEquals(code((rig) => rig.send(1, 1, "x".repeat(4096))), 4002);
  assertEquals(
    code((rig) => rig.feed({ type: "websocketMessage", id: 1, data: new Uint8Array(9) })),
    4002,
  );
  assertEquals(code((rig) => rig.send(1, 4, join("5"))), 4003);
  assertEquals(code((rig) => [1, 2].forEach(() => rig.send(1, 2, { token: "a" }))), 4005);
  assertEquals(code((rig) => [3, 5, 8, 14, 99].forEach((op) => rig.send(1, op, {}))), undefined);
  const flood = (count: number) => (rig: Rig) => {
    for (let i = 0; i < count; i++) rig.send(1, 1, null);
  };
  assertEquals([code(flood(120)), code(flood(121))], [undefined, 4008]);
});

test("GatewayStub bounds its sessions", () => {
  const rig = new Rig();
  for (let i = 0; i < GATEWAY_SESSION_LIMIT; i++) rig.feed({ type: "attach", userId: `${i}` });
  assertThrows(() => rig.feed({ type: "attach", userId: "x" }), LocalProtocolError, "the limit");
  rig.feed({ type: "websocketOpen", id: 1 });
  rig.send(1, 2, { token: TOKEN });
  assertEquals(rig.closeCode(1), 4008);
});

test("GatewayStub events name no token", () => {
  const rig = new Rig();
  rig.identify(1);
  rig.send(1, 4, join("5"));
  const { token } = rig.messages(1).at(-1).d;
  const events = rig.outputs.flatMap((output) => output.type === "event" ? [output.event] : []);
  assertEquals(events.map(({ type }) => type), ["gateway-ready", "voice-state", "voice-server"]);
  const text = JSON.stringify(events);
  assertFalse(text.includes(token) || text.includes(TOKEN));
  assert(text.includes(USER));
});
