import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { Driver } from "../../adapters/driver.ts";
import type {
  DatagramHandlers,
  SocketAddress,
  Transport,
  WebSocketHandlers,
} from "../../adapters/transport.ts";
import { nobleAead } from "../../lib/aead.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import type { VoiceStatePayload } from "../../lib/gateway.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { discoveryResponse, parseDiscoveryRequest } from "../../lib/ip_discovery.ts";
import { PacketCipher } from "../../lib/packet.ts";
import type { ReceivedFrame } from "../../lib/receiver.ts";
import { writeRtpHeader } from "../../lib/rtp_header.ts";
import { VoiceSession } from "../../lib/session.ts";

const [GUILD, CHANNEL, USER, SPEAKER] = ["10", "20", "30", "40"];
const MODE = "aead_aes256_gcm_rtpsize";
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const [SSRC, SPEAKER_SSRC] = [7, 9];
const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);
const CLIENT = { address: "203.0.113.9", port: 50000 };

class FakeWebSocket {
  readonly url: string;
  readonly handlers: WebSocketHandlers;
  readonly sent: { op: number; d: unknown }[] = [];
  readonly closedWith: number[] = [];

  constructor(url: string, handlers: WebSocketHandlers) {
    this.url = url;
    this.handlers = handlers;
  }

  receive(op: number, d: unknown): void {
    this.handlers.message(JSON.stringify({ op, d }));
  }
}

class FakeUdp {
  readonly remote: SocketAddress;
  readonly handlers: DatagramHandlers;
  readonly sent: Uint8Array[] = [];
  closed = 0;
  dropped = 0;

  constructor(remote: SocketAddress, handlers: DatagramHandlers) {
    this.remote = remote;
    this.handlers = handlers;
  }
}

/** A timer that was set; `cleared` or `fired` where it is no longer. */
interface FakeTimer {
  readonly run: () => void;
  readonly delay: number;
  state: "armed" | "cleared" | "fired";
}

/** A driver on sockets whose callbacks the test makes. */
class Bench {
  readonly websockets: FakeWebSocket[] = [];
  readonly udps: FakeUdp[] = [];
  readonly events: SessionEvent[] = [];
  readonly frames: ReceivedFrame[] = [];
  readonly payloads: VoiceStatePayload[] = [];
  /** What was done, in order. */
  readonly log: string[] = [];
  readonly session: VoiceSession;
  readonly driver: Driver;
  onEvent: (event: SessionEvent) => void = () => {};

  constructor() {
    this.session = new VoiceSession({ guildId: GUILD, userId: USER, random: (it) => it.fill(1) });
    const transport: Transport = {
      runtime: "node",
      aead: nobleAead,
      openWebSocket: (url, handlers) => {
        const socket = new FakeWebSocket(url, handlers);
        this.log.push(`open websocket ${this.websockets.push(socket)}`);
        return {
          send: (data) => {
            const message = JSON.parse(data as string);
            socket.sent.push(message);
            this.log.push(`send ${message.op}`);
          },
          close: (code) => {
            socket.closedWith.push(code);
            this.log.push(`close websocket ${this.websockets.indexOf(socket) + 1}`);
          },
        };
      },
      openDatagram: (remote, handlers) => {
        const socket = new FakeUdp(remote, handlers);
        this.log.push(`open udp ${this.udps.push(socket)}`);
        return {
          send: (datagram) => void socket.sent.push(datagram.slice()),
          get dropped() {
            return socket.dropped;
          },
          close: () => {
            socket.closed++;
            this.log.push(`close udp ${this.udps.indexOf(socket) + 1}`);
          },
        };
      },
    };
    this.driver = new Driver(this.session, transport, {
      gateway: (payload) => {
        this.payloads.push(payload);
        this.log.push(`gateway ${payload.d.channel_id}`);
      },
      event: (event) => {
        this.events.push(event);
        if (event.type !== "message") this.log.push(`event ${event.type}`);
        this.onEvent(event);
      },
      frame: (frame) => void this.frames.push(frame),
    });
  }

  get websocket(): FakeWebSocket {
    return this.websockets.at(-1)!;
  }

  get udp(): FakeUdp {
    return this.udps.at(-1)!;
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
function packet(sequence: number): Uint8Array {
  const datagram = new Uint8Array(12 + OPUS.length + 20);
  writeRtpHeader(datagram, sequence, 960 * sequence, SPEAKER_SSRC);
  datagram.set(OPUS, 12);
  new PacketCipher(MODE, KEY, nobleAead).seal(datagram, 12, OPUS.length);
  return datagram;
}

/** Runs with timers that only the test fires; none of them outlives it. */
function withTimers(run: (bench: Bench, timers: FakeTimer[]) => void): () => void {
  return () => {
    const timers: FakeTimer[] = [];
    const { setTimeout, clearTimeout } = globalThis;
    const fakes = {
      setTimeout: (run: () => void, delay: number) => {
        timers.push({ run, delay, state: "armed" });
        return timers.length;
      },
      clearTimeout: (id: number | undefined) => {
        const timer = timers[(id ?? 0) - 1];
        if (timer?.state === "armed") timer.state = "cleared";
      },
    };
    Object.assign(globalThis, fakes);
    try {
      run(new Bench(), timers);
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    }
  };
}

function armed(timers: readonly FakeTimer[]): FakeTimer[] {
  return timers.filter(({ state }) => state === "armed");
}

function fire(timers: readonly FakeTimer[]): void {
  const [timer] = armed(timers);
  timer.state = "fired";
  timer.run();
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
  "Driver.feed from inside a handler waits its turn",
  withTimers((bench) => {
    bench.onEvent = ({ type }) => {
      if (type !== "ready") return;
      bench.driver.feed({ type: "speak", flags: 1 });
      bench.driver.feed({ type: "leave" });
      bench.log.push("fed");
    };
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    bench.update("token 1");
    bench.identify();
    bench.select();
    const from = bench.log.indexOf("event ready");
    assertEquals(bench.log.slice(from, from + 5), [
      "event ready",
      "fed",
      "send 3",
      "send 5",
      "gateway null",
    ]);
    assertEquals(bench.session.state, "closed");
  }),
);

test(
  "Driver.feed throws what is illegal, and goes on",
  withTimers((bench, timers) => {
    bench.connect();
    const { length } = bench.log;
    assertThrows(() => bench.driver.feed({ type: "speak", flags: -1 }), RangeError);
    assertEquals([bench.log.length, armed(timers).length], [length, 1]);
    bench.driver.feed({ type: "leave" });
    assertThrows(() => bench.driver.feed({ type: "leave" }), LocalProtocolError);
    assertThrows(() => bench.driver.feed({ type: "join", channelId: "2" }), LocalProtocolError);
  }),
);

// Timer

test(
  "Driver has one timer, which follows the session's deadline",
  withTimers((bench, timers) => {
    let now = 1000;
    bench.driver.feed({ type: "join", channelId: CHANNEL }, now);
    for (let i = 0; i < 4; i++) {
      now += 10;
      bench.driver.feed({ type: "voiceState", data: otherVoiceState() }, now);
      const [timer, ...more] = armed(timers);
      assertEquals(more, []);
      assertEquals(timer.delay, bench.session.pollTimeout()! - now);
    }
  }),
);

function otherVoiceState() {
  return { guild_id: GUILD, channel_id: CHANNEL, user_id: SPEAKER, session_id: "other" };
}

test(
  "Driver survives a timer that fires early: the session is told its deadline",
  withTimers((bench, timers) => {
    bench.driver.feed({ type: "join", channelId: CHANNEL });
    fire(timers); // 15 seconds early
    const last = bench.events.at(-1);
    assertEquals(last?.type === "closed" && last.error?.code, "timeout");
    assertEquals(armed(timers), []);
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
    withTimers((bench, timers) => {
      bench.connect();
      assertEquals(armed(timers).length, 1);
      end(bench);
      assertEquals(bench.session.state, "closed");
      bench.websocket.handlers.open();
      bench.websocket.receive(8, { heartbeat_interval: 1 });
      bench.udp.handlers.open();
      bench.udp.handlers.message(discoveryResponse(SSRC, CLIENT));
      assertEquals(armed(timers), []);
      assertEquals([bench.websockets.length, bench.udps.length], [1, 1]);
      assertEquals(bench.udp.closed, 1);
    }),
  );
}

test(
  "Driver comes back by its timer after a resumable close",
  withTimers((bench, timers) => {
    bench.connect();
    bench.websocket.handlers.close(4015, "");
    assertEquals([bench.session.state, bench.websockets.length], ["reconnecting", 1]);
    fire(timers);
    assertEquals(bench.websockets.length, 2);
    bench.websocket.handlers.open();
    assertEquals(bench.websocket.sent[0].op, 7);
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

// Failures of sockets

test(
  "Driver ends the session where the datagram socket cannot be opened",
  withTimers((bench, timers) => {
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
    assertEquals(armed(timers), []);
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
    bench.update("token 2");
    assertEquals(bench.driver.unsent, 3);
    bench.identify();
    bench.udp.dropped = 4;
    assertEquals(bench.driver.unsent, 7);
  }),
);
