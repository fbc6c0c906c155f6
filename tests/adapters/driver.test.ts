import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { Driver } from "../../adapters/driver.ts";
import { nobleAead } from "../../lib/aead.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import type { VoiceStatePayload } from "../../lib/gateway.ts";
import type { Input, SessionEvent } from "../../lib/io.ts";
import { discoveryResponse, parseDiscoveryRequest } from "../../lib/ip_discovery.ts";
import { PacketCipher } from "../../lib/packet.ts";
import { copyFrame, type ReceivedFrame } from "../../lib/received_frame.ts";
import { writeRtpHeader } from "../../lib/rtp_header.ts";
import { VoiceSession } from "../../lib/session.ts";
import {
  type FakeTime,
  FakeTransport,
  type FakeUdp,
  type FakeWebSocket,
  inFakeTime,
} from "./fake_sockets.ts";
import { thrownLater } from "./thrown_later.ts";

const [GUILD, CHANNEL, USER, SPEAKER] = ["10", "20", "30", "40"];
const MODE = "aead_aes256_gcm_rtpsize";
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const [SSRC, SPEAKER_SSRC] = [7, 9];
const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);
const CLIENT = { address: "203.0.113.9", port: 50000 };

/** A driver on sockets whose callbacks the test makes. */
class Bench {
  readonly transport = new FakeTransport();
  readonly events: SessionEvent[] = [];
  readonly frames: ReceivedFrame[] = [];
  readonly payloads: VoiceStatePayload[] = [];
  readonly messages: (string | Uint8Array)[] = [];
  readonly packets: { ssrc: number; sequence: number; opus: Uint8Array }[] = [];
  readonly session: VoiceSession;
  readonly driver: Driver;
  onEvent: (event: SessionEvent) => void = () => {};
  onPacket: () => void = () => {};
  onFrame: (frame: ReceivedFrame) => void = () => {};

  constructor() {
    this.session = new VoiceSession({ guildId: GUILD, userId: USER, random: (it) => it.fill(1) });
    this.driver = new Driver(this.session, this.transport, {
      gateway: (payload) => {
        this.payloads.push(payload);
        this.log.push(`gateway ${payload.d.channel_id}`);
      },
      event: (event) => {
        this.events.push(event);
        if (event.type !== "message") this.log.push(`event ${event.type}`);
        this.onEvent(event);
      },
      frame: (frame) => {
        this.onFrame(frame);
        this.frames.push(copyFrame(frame));
      },
      message: (data) => void this.messages.push(data),
      packet: ({ ssrc, sequence }, opus) => {
        this.onPacket();
        this.packets.push({ ssrc, sequence, opus: opus.slice() });
      },
    });
  }

  get log(): string[] {
    return this.transport.log;
  }

  get websockets(): FakeWebSocket[] {
    return this.transport.websockets;
  }

  get udps(): FakeUdp[] {
    return this.transport.udps;
  }

  get websocket(): FakeWebSocket {
    return this.transport.websocket;
  }

  get udp(): FakeUdp {
    return this.transport.udp;
  }

  /** Both updates of the main gateway; a token of its own makes it another voice server. */
  update(token: string): void {
    const state = { guild_id: GUILD, channel_id: CHANNEL, user_id: USER, session_id: "session" };
    this.driver.feed({ type: "voiceState", data: state });
    const server = { guild_id: GUILD, token, endpoint: "voice.example:443" };
    this.driver.feed({ type: "voiceServer", data: server });
  }

  /** From the open WebSocket to the open UDP socket. */
  identify(): void {
    this.websocket.handlers.open();
    this.websocket.receive(8, { heartbeat_interval: 5000 });
    this.websocket.receive(2, { ssrc: SSRC, ip: "192.0.2.1", port: 4000, modes: [MODE] });
  }

  /** From the open UDP socket to the key. */
  select(): void {
    this.udp.handlers.open();
    assertEquals(parseDiscoveryRequest(this.udp.sent[0]), { ssrc: SSRC, form: "74" });
    this.udp.handlers.message(discoveryResponse(SSRC, CLIENT));
    this.websocket.receive(4, { mode: MODE, secret_key: [...KEY] });
  }

  /** From nothing to a connection. */
  connect(): this {
    this.driver.feed({ type: "join", channelId: CHANNEL });
    this.update("token 1");
    this.identify();
    this.select();
    assertEquals(this.session.state, "connected");
    return this;
  }
}

/** A packet of the other user, under the session's key. */
function packet(sequence: number, payload: Uint8Array = OPUS): Uint8Array {
  const datagram = new Uint8Array(12 + payload.length + 20);
  writeRtpHeader(datagram, sequence, 960 * sequence, SPEAKER_SSRC);
  datagram.set(payload, 12);
  new PacketCipher(MODE, KEY, nobleAead).seal(datagram, 12, payload.length);
  return datagram;
}

/** Runs with timers that only the test fires; none of them outlives it. */
function withTimers(
  run: (bench: Bench, time: FakeTime) => void | Promise<void>,
): () => Promise<void> {
  return inFakeTime((time) => run(new Bench(), time));
}

test(
  "Driver does the outputs in order, from join to leave",
  withTimers((bench) => {
    bench.connect();
    bench.driver.feed({ type: "speak", flags: 1 });
    bench.driver.feed({ type: "leave" });
    assertEquals(bench.log, [
      "event state",
      "gateway 20",
      "event state",
      "open websocket 1",
      "event state",
      "event connected",
      "send 0",
      "event state",
      "open udp 1",
      "event state",
      "send 1",
      "event state",
      "event ready",
      "send 3",
      "send 5",
      "gateway null",
      "close websocket 1",
      "event disconnected",
      "close udp 1",
      "event state",
      "event closed",
    ]);
  }),
);

test(
  "Driver opens what it is told to",
  withTimers((bench) => {
    bench.connect();
    assertEquals(bench.websockets.map(({ url }) => url), ["wss://voice.example:443/?v=8"]);
    assertEquals(bench.udps.map(({ remote }) => remote), [{ address: "192.0.2.1", port: 4000 }]);
  }),
);

test(
  "Driver.feed from inside a handler is taken at once; what it puts out waits its turn",
  withTimers((bench, time) => {
    bench.onEvent = ({ type }) => {
      if (type !== "ready") return;
      bench.driver.feed({ type: "speak", flags: 1 });
      bench.driver.feed({ type: "leave" });
      bench.log.push(`fed ${bench.session.state} ${time.armed.length}`);
    };
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    bench.identify();
    bench.select();
    const from = bench.log.indexOf("event ready");
    assertEquals(bench.log.slice(from, from + 5), [
      "event ready",
      "fed closed 0",
      "send 3",
      "send 5",
      "gateway null",
    ]);
    assertEquals(bench.session.state, "closed");
  }),
);

test(
  "Driver.feed from inside a handler of what was fed there waits its turn, too",
  withTimers((bench) => {
    bench.connect();
    const { length } = bench.log;
    let depth = 0;
    bench.onEvent = (event) => {
      if (event.type !== "malformed" || depth === 3) return;
      depth++;
      bench.websocket.handlers.message("{");
      bench.log.push(`fed ${depth}`);
    };
    bench.websocket.handlers.message("{");
    assertEquals(bench.log.slice(length), [
      "event malformed",
      "fed 1",
      "event malformed",
      "fed 2",
      "event malformed",
      "fed 3",
      "event malformed",
    ]);
  }),
);

test(
  "Driver.feed does all outputs again after a handler has thrown",
  withTimers((bench) => {
    bench.connect();
    const { length } = bench.log;
    bench.onEvent = () => {
      bench.onEvent = () => {};
      throw new Error("a handler's");
    };
    assertThrows(() => bench.driver.feed({ type: "reconnect" }), Error, "a handler's");
    bench.driver.feed({ type: "leave" });
    assertEquals(bench.log.slice(length), [
      "close websocket 1",
      "event disconnected",
      "event state",
      "gateway null",
      "close udp 1",
      "event state",
      "event closed",
    ]);
  }),
);

test(
  "Driver.feed throws what is illegal, and goes on",
  withTimers((bench, time) => {
    bench.connect();
    const { length } = bench.log;
    assertThrows(() => bench.driver.feed({ type: "speak", flags: -1 }), RangeError);
    assertEquals([bench.log.length, time.armed.length], [length, 1]);
    bench.driver.feed({ type: "leave" });
    assertThrows(() => bench.driver.feed({ type: "leave" }), LocalProtocolError);
    assertThrows(() => bench.driver.feed({ type: "join", channelId: "2" }), LocalProtocolError);
  }),
);

test(
  "Driver.feed from inside a handler throws what is illegal at who has fed it",
  withTimers(async (bench) => {
    bench.connect();
    const server = { endpoint: "two words", token: "x", sessionId: "x" };
    const wrong: Input[] = [
      { type: "speak", flags: -1 },
      { type: "join", channelId: CHANNEL, server },
      { type: "leave" },
      { type: "leave" },
      { type: "send", data: "late" },
    ];
    const told: string[] = [];
    bench.onEvent = ({ type }) => {
      if (type !== "clientConnect") return;
      for (const input of wrong) {
        try {
          bench.driver.feed(input);
          told.push("taken");
        } catch (error) {
          told.push((error as Error).name);
        }
      }
    };
    const errors = await thrownLater(() => {
      bench.websocket.receive(18, { user_id: SPEAKER, flags: 0 });
    });
    const local = LocalProtocolError.name;
    assertEquals(told, ["RangeError", "RangeError", "taken", local, local]);
    assertEquals([errors, bench.session.state], [[], "closed"]);
  }),
);

// The end at once

test(
  "Driver.force ends all before it returns, from inside every handler",
  withTimers((bench, time) => {
    bench.connect();
    const open: number[][] = [];
    const end = () => {
      bench.onEvent = () => {};
      bench.driver.force({ type: "leave", code: 3000 });
      open.push([bench.transport.openCount, time.armed.length]);
    };
    bench.onEvent = end;
    bench.websocket.receive(18, { user_id: SPEAKER, flags: 0 });
    assertEquals(open, [[0, 0]]);
    assertEquals([bench.websocket.closedWith, bench.udp.closed], [[3000], 1]);
    assertEquals([bench.session.state, bench.payloads.at(-1)?.d.channel_id], ["closed", null]);
    assertEquals(time.armed, []);
  }),
);

test(
  "Driver.force does what was waiting first: no socket that is to be opened is left open",
  withTimers((bench, time) => {
    bench.onEvent = (event) => {
      if (event.type !== "state" || event.to !== "connecting") return;
      bench.driver.force({ type: "leave" });
      bench.log.push("forced");
    };
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    assertEquals(bench.log.slice(2), [
      "event state",
      "open websocket 1",
      "gateway null",
      "close websocket 1",
      "event state",
      "event closed",
      "forced",
    ]);
    assertEquals([bench.transport.openCount, time.armed], [0, []]);
  }),
);

test(
  "Driver.force does what was fed before it first, in order",
  withTimers((bench) => {
    bench.connect();
    bench.onEvent = ({ type }) => {
      if (type !== "clientConnect") return;
      bench.driver.feed({ type: "speak", flags: 1 });
      bench.log.push("fed");
      bench.driver.force({ type: "leave" });
      bench.log.push("forced");
    };
    const { length } = bench.log;
    bench.websocket.receive(18, { user_id: SPEAKER, flags: 0 });
    assertEquals(bench.log.slice(length), [
      "event clientConnect",
      "fed",
      "send 5",
      "gateway null",
      "close websocket 1",
      "event disconnected",
      "close udp 1",
      "event clientDisconnect",
      "event state",
      "event closed",
      "forced",
    ]);
  }),
);

test(
  "Driver.force after a feed that has left is refused, and its outputs are still done in turn",
  withTimers((bench) => {
    bench.connect();
    const { length } = bench.log;
    bench.onEvent = ({ type }) => {
      if (type !== "clientConnect") return;
      bench.driver.feed({ type: "leave" });
      assertThrows(() => bench.driver.force({ type: "leave" }), LocalProtocolError);
      bench.log.push("refused");
    };
    bench.websocket.receive(18, { user_id: SPEAKER, flags: 0 });
    assertEquals(bench.log.slice(length, length + 3), [
      "event clientConnect",
      "refused",
      "gateway null",
    ]);
    assertEquals([bench.log.at(-1), bench.transport.openCount], ["event closed", 0]);
  }),
);

test(
  "Driver.force throws what is illegal, and changes nothing",
  withTimers((bench, time) => {
    bench.connect();
    const { length } = bench.log;
    assertThrows(() => bench.driver.force({ type: "speak", flags: -1 }), RangeError);
    assertEquals([bench.log.length, time.armed.length], [length, 1]);
    bench.driver.force({ type: "leave" });
    assertThrows(() => bench.driver.force({ type: "leave" }), LocalProtocolError);
  }),
);

// Timer

test(
  "Driver has one timer, which follows the session's deadline",
  withTimers((bench, time) => {
    let now = 1000;
    bench.driver.feed({ type: "join", channelId: CHANNEL }, now);
    for (let i = 0; i < 4; i++) {
      now += 10;
      bench.driver.feed({ type: "voiceState", data: otherVoiceState() }, now);
      const [timer, ...more] = time.armed;
      assertEquals(more, []);
      assertEquals(timer.at, bench.session.pollTimeout());
    }
  }),
);

function otherVoiceState() {
  return { guild_id: GUILD, channel_id: CHANNEL, user_id: SPEAKER, session_id: "other" };
}

test(
  "Driver survives a timer that fires early: the session is told its deadline",
  withTimers((bench, time) => {
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    for (const channelId of [CHANNEL, CHANNEL, null]) {
      time.now = bench.session.pollTimeout()! - 0.4;
      time.fire();
      assertEquals(bench.payloads.at(-1)?.d.channel_id, channelId);
    }
    const last = bench.events.at(-1);
    assertEquals(last?.type === "closed" && last.error?.code, "timeout");
    assertEquals(time.armed, []);
  }),
);

/** A connection whose timer is due, and by how much later than that it fires. */
function late(bench: Bench, time: FakeTime, delay: number): void {
  bench.connect();
  time.now = Math.ceil(bench.session.pollTimeout()!) + delay;
}

const timersSet = ({ armed }: FakeTime) => armed.map(({ delay }) => delay);

for (const delay of [0, 499, 500]) {
  test(
    `Driver tells the session at once where a timer fires ${delay} ms late`,
    withTimers((bench, time) => {
      late(bench, time, delay);
      const due = bench.session.pollTimeout()!;
      time.fire();
      assertEquals(bench.session.pollTimeout()! > due, true);
    }),
  );
}

test(
  "Driver lets what the server sent come first where a timer fires more than 500 ms late, once",
  withTimers((bench, time) => {
    late(bench, time, 501);
    const due = bench.session.pollTimeout()!;
    time.fire();
    assertEquals([timersSet(time), bench.session.pollTimeout()], [[0], due]);
    // Still later: there is no third turn.
    time.now += 10_000;
    time.fire();
    assertEquals(bench.session.pollTimeout()! > due, true);
  }),
);

test(
  "Driver has one timer where the server speaks in the turn that a late timer waits",
  withTimers((bench, time) => {
    late(bench, time, 501);
    time.fire();
    bench.websocket.receive(18, { user_id: SPEAKER, flags: 0 });
    assertEquals(time.armed.length, 1);
    bench.driver.feed({ type: "leave" });
    assertEquals(time.armed, []);
  }),
);

for (
  const [name, end] of [
    ["leave", (bench: Bench) => bench.driver.feed({ type: "leave" })],
    ["a fatal close", (bench: Bench) => bench.websocket.handlers.close(4017, "")],
  ] as const
) {
  test(
    `Driver has no timer after ${name}, and wants none from late callbacks`,
    withTimers((bench, time) => {
      bench.connect();
      assertEquals(time.armed.length, 1);
      end(bench);
      assertEquals(bench.session.state, "closed");
      bench.websocket.handlers.open();
      bench.websocket.receive(8, { heartbeat_interval: 1 });
      bench.udp.handlers.open();
      bench.udp.handlers.message(discoveryResponse(SSRC, CLIENT));
      assertEquals(time.armed, []);
      assertEquals([bench.websockets.length, bench.udps.length], [1, 1]);
      assertEquals(bench.udp.closed, 1);
    }),
  );
}

test(
  "Driver comes back by its timer after a resumable close",
  withTimers((bench, time) => {
    bench.connect();
    bench.websocket.handlers.close(4015, "");
    assertEquals([bench.session.state, bench.websockets.length], ["reconnecting", 1]);
    time.fire();
    assertEquals(bench.websockets.length, 2);
    bench.websocket.handlers.open();
    assertEquals(bench.websocket.messages[0].op, 7);
    bench.websocket.receive(9, null);
    assertEquals([bench.session.state, bench.udps.length, bench.udp.closed], ["connected", 1, 0]);
  }),
);

// Retired sockets

test(
  "Driver ignores late callbacks of a retired WebSocket",
  withTimers((bench) => {
    bench.connect();
    const old = bench.websocket;
    bench.update("token 2");
    assertEquals([old.closedWith, bench.session.state], [[1000], "connecting"]);
    const { length } = bench.log;
    old.handlers.open();
    old.receive(8, { heartbeat_interval: 1 });
    old.receive(2, { ssrc: 1, ip: "192.0.2.2", port: 1, modes: [MODE] });
    old.handlers.message("no JSON");
    old.handlers.close(4017, "");
    assertEquals(bench.log.slice(length), []);
    assertEquals(bench.session.state, "connecting");
    bench.identify();
    bench.select();
    assertEquals(bench.session.state, "connected");
  }),
);

test(
  "Driver ignores late callbacks of a retired datagram socket",
  withTimers((bench) => {
    bench.connect();
    const old = bench.udp;
    bench.update("token 2");
    assertEquals(old.closed, 1);
    bench.identify();
    old.handlers.open();
    old.handlers.message(discoveryResponse(SSRC, { ...CLIENT, port: 1 }));
    old.handlers.close(new Error("broken"));
    assertEquals([bench.session.state, bench.udp.sent], ["discovering", []]);
    bench.select();
    assertEquals(bench.session.state, "connected");
    bench.websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
    bench.udp.handlers.message(packet(1));
    assertEquals(bench.frames.map(({ sequence }) => sequence), [1]);
  }),
);

test(
  "Driver takes and counts nothing that comes late on a retired datagram socket",
  withTimers((bench) => {
    bench.connect();
    const old = bench.udp;
    bench.update("token 2");
    bench.identify();
    bench.select();
    bench.websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
    old.handlers.message(packet(1));
    old.handlers.message(packet(2).subarray(0, 16));
    old.handlers.error(new Error("port unreachable"));
    assertEquals(bench.frames, []);
    assertEquals(bench.session.counters.received, 0);
    assertEquals(bench.session.counters.dropped, {});
    assertEquals(bench.driver.socketErrors, 0);
  }),
);

// Media

test(
  "Driver.send says no without a connection, and spends nothing",
  withTimers((bench) => {
    assertEquals(bench.driver.send(OPUS), false);
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    bench.identify();
    assertEquals(bench.driver.send(OPUS), false);
    bench.select();
    const { length } = bench.udp.sent;
    assertEquals([bench.driver.send(OPUS), bench.driver.send(OPUS)], [true, true]);
    assertEquals(bench.session.counters.sent, 2);
    const sequences = bench.udp.sent.slice(length).map((it) => it[2] << 8 | it[3]);
    assertEquals(sequences[1] - sequences[0], 1);
    bench.websocket.handlers.close(4015, "");
    assertEquals(bench.driver.send(OPUS), false);
    bench.driver.feed({ type: "leave" });
    assertEquals(bench.driver.send(OPUS), false);
    assertEquals(bench.session.counters.sent, 2);
  }),
);

test(
  "Driver.send takes a packet of any size and timestamp, and no other bytes",
  withTimers((bench) => {
    bench.connect();
    for (const size of [1, 2016, 2017, 5000]) {
      assertEquals(bench.driver.send(new Uint8Array(size).fill(0xf8), 0xffff_ffff), true);
      const datagram = bench.udp.sent.at(-1)!;
      assertEquals(datagram.length, size + 32);
      assertEquals([...datagram.subarray(4, 8)], [255, 255, 255, 255]);
    }
    assertThrows(() => bench.driver.send(new Uint8Array(0)), SyntaxError);
  }),
);

test(
  "Driver holds frames of an unknown SSRC until its user is known",
  withTimers((bench) => {
    bench.connect();
    for (const sequence of [1, 2]) bench.udp.handlers.message(packet(sequence));
    assertEquals([bench.driver.held, bench.frames.length], [2, 0]);
    bench.websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
    bench.udp.handlers.message(packet(3));
    assertEquals(bench.frames.map(({ sequence, userId }) => [sequence, userId]), [
      [1, SPEAKER],
      [2, SPEAKER],
      [3, SPEAKER],
    ]);
    assertEquals(bench.frames[0].opus, OPUS);
    assertEquals([bench.driver.held, bench.driver.expired], [0, 0]);
  }),
);

test(
  "Driver takes datagrams that are larger than its buffer",
  withTimers((bench) => {
    bench.connect();
    for (const size of [2049, 9000]) bench.udp.handlers.message(new Uint8Array(size).fill(0x80));
    assertEquals(bench.frames, []);
    assertEquals(Object.values(bench.session.counters.dropped), [2]);
  }),
);

test(
  "Driver tells of each message before the session reads it, and shows it as it came",
  withTimers((bench) => {
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    bench.websocket.handlers.open();
    const bytes = Uint8Array.of(0, 1, 25, 7);
    for (const data of ["no JSON", bytes]) bench.websocket.handlers.message(data);
    assertEquals(bench.messages, ["no JSON", bytes]);
    assertEquals(bench.events.filter(({ type }) => type === "malformed").length, 1);
  }),
);

test(
  "Driver tells of each packet that it opened, of users unknown too, and of no other datagram",
  withTimers((bench) => {
    bench.connect();
    bench.udp.handlers.message(packet(1));
    bench.websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
    bench.udp.handlers.message(packet(2));
    bench.udp.handlers.message(packet(2));
    bench.udp.handlers.message(new Uint8Array(40).fill(0x80));
    bench.udp.handlers.message(Uint8Array.of(1, 2, 3));
    const told = [1, 2].map((sequence) => ({ ssrc: SPEAKER_SSRC, sequence, opus: OPUS }));
    assertEquals(bench.packets, told);
  }),
);

test(
  "Driver.remote is where the datagram socket leads to, while there is one",
  withTimers((bench) => {
    assertEquals(bench.driver.remote, undefined);
    bench.connect();
    assertEquals(bench.driver.remote, { address: "192.0.2.1", port: 4000 });
    bench.websocket.lose(4015);
    assertEquals(bench.driver.remote, { address: "192.0.2.1", port: 4000 });
    bench.driver.feed({ type: "leave" });
    assertEquals(bench.driver.remote, undefined);
  }),
);

// Failures of sockets

test(
  "Driver ends the session where the datagram socket cannot be opened",
  withTimers((bench, time) => {
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    bench.identify();
    bench.udp.handlers.close(new Error("no network"));
    const last = bench.events.at(-1);
    assertEquals(last?.type, "closed");
    const { error } = last as { error: VoiceConnectError };
    assertInstanceOf(error, VoiceConnectError);
    assertEquals([error.code, error.phase], ["udp-unreachable", "discovering"]);
    assertEquals(error.message.includes("no network"), true);
    assertEquals([bench.udp.closed, bench.websocket.closedWith], [1, [1000]]);
    assertEquals(time.armed, []);
  }),
);

test(
  "Driver counts errors of single datagrams and lives on",
  withTimers((bench) => {
    bench.connect();
    for (const count of [1, 2]) {
      bench.udp.handlers.error(new Error("port unreachable"));
      assertEquals([bench.driver.socketErrors, bench.session.state], [count, "connected"]);
    }
  }),
);

test(
  "Driver.unsent adds up what its datagram sockets have dropped",
  withTimers((bench) => {
    bench.connect();
    bench.udp.dropped = 3;
    assertEquals(bench.driver.unsent, 3);
    const first = bench.udp;
    bench.update("token 2");
    assertEquals(bench.driver.unsent, 3);
    first.dropped = 5; // another thread counted on
    assertEquals(bench.driver.unsent, 5);
    bench.identify();
    bench.udp.dropped = 4;
    assertEquals(bench.driver.unsent, 9);
    bench.update("token 3");
    assertEquals(bench.driver.unsent, 9);
  }),
);

test(
  "Driver.receive() and send() inside of a handler leave the frame alone that is being told of",
  withTimers((bench) => {
    bench.connect();
    bench.websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
    const payload = (value: number) => new Uint8Array(20 + value).fill(value);
    const { length: sentBefore } = bench.udp.sent;
    let last = 1;
    const nest = () => {
      if (last > 6) return;
      bench.driver.send(payload(0xf8));
      last++;
      bench.driver.receive(packet(last, payload(last)));
    };
    bench.onPacket = nest;
    bench.onFrame = nest;
    bench.driver.receive(packet(1, payload(1)));
    assertEquals(
      bench.frames.map(({ sequence, opus }) => [sequence, opus]).toSorted(),
      [1, 2, 3, 4, 5, 6, 7].map((value) => [value, payload(value)]),
    );
    assertEquals(bench.packets.length, 7);
    for (const { opus } of bench.packets) assertEquals(opus, payload(opus[0]));
    assertEquals(bench.udp.sent.length, sentBefore + 6);
  }),
);
