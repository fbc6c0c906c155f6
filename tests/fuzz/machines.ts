/**
 * The machines as parsers: sessions, the voice server and the gateway stub take whatever
 * comes, in every state.
 *
 * A machine has a memory, so a row of inputs is long here, and the machine is taken back to its
 * state where an input has moved it.
 *
 * @module
 */

import type { Output } from "../../lib/io.ts";
import {
  DISCOVERY_FORMS,
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
} from "../../lib/ip_discovery.ts";
import { keepalive, keepaliveReply } from "../../lib/keepalive.ts";
import {
  COUNTER_KEEPALIVES,
  counterKeepalive,
  parseCounterKeepalive,
} from "../../lib/keepalive_counter.ts";
import type { DropReason } from "../../lib/media.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher, SEALING_MODES } from "../../lib/packet.ts";
import { sealRtcp } from "../../lib/rtp/rtcp.ts";
import type { RtpHeader } from "../../lib/rtp_header.ts";
import type { SessionOptions } from "../../lib/session.ts";
import { STATES } from "../../lib/state.ts";
import type { GatewayVersion } from "../../lib/gateway_version.ts";
import type { GatewayInput } from "../../lib/testing/gateway_io.ts";
import { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import type { ServerInput, ServerOutput } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";
import {
  ADDRESS,
  CHANNEL,
  DESCRIPTION,
  DIRECT,
  Driver,
  driveTo,
  GUILD,
  helloOf,
  JOIN,
  READY,
  SSRC,
  type Step,
  STEPS,
  TOKEN,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { hex } from "../tools/vectors.ts";
import { DOCUMENTED } from "./message_parsers.ts";
import type { Json } from "./mutate.ts";
import { LOOSE_AEAD, OPEN_FAULTS, packetsOf, RTP_FAULTS } from "./packet_parsers.ts";
import { type AnyParser, BYTES, check, checkInteger, checkU32, TEXT, VALUE } from "./parser.ts";

const ROW = 32;
const MEBIBYTE = 2 ** 20;
const OUTPUT_LIMIT = 20_000;
const SESSION_KEY = new Uint8Array(32);

// VoiceSession

/** A session in a state; `take` brings it back there where an input has moved it. */
class SessionUnderTest {
  readonly #make: () => Driver;
  readonly #state: string;
  driver: Driver;

  constructor(make: () => Driver) {
    this.#make = make;
    this.driver = make();
    this.#state = this.driver.session.state;
  }

  /** Feeds the session; the name of what came of it. */
  take(secretive: boolean, action: (driver: Driver) => Output[]): string {
    const { driver } = this;
    const outputs = action(driver);
    const { state } = driver.session;
    check(STATES.includes(state), () => `the state is ${state}`);
    checkInteger("outputs", outputs.length, 0, OUTPUT_LIMIT);
    for (const output of outputs) checkSessionOutput(output, secretive);
    const timeout = driver.session.pollTimeout();
    const rests = ["idle", "closed", "connected"].includes(state);
    check(rests || timeout !== undefined, () => `asleep while ${state}`);
    check(timeout === undefined || Number.isFinite(timeout), () => `the timeout is ${timeout}`);
    const malformed = outputs.some((output) =>
      output.type === "event" && output.event.type === "malformed"
    );
    if (state !== this.#state) this.driver = this.#make();
    if (state !== this.#state) return "moved";
    return malformed ? "malformed" : outputs.length > 0 ? "taken" : "ignored";
  }
}

function checkSessionOutput(output: Output, secretive: boolean): void {
  switch (output.type) {
    case "sendWebSocket": {
      const { op } = JSON.parse(String(output.data)) as { op: unknown };
      return checkInteger("op", op, 0, 32);
    }
    case "openWebSocket":
      return check(/^wss?:\/\/[^\s/?#@]+\/\?v=\d$/.test(output.url), () => output.url);
    case "closeWebSocket":
      return check(
        output.code === 1000 || output.code === 4900,
        () => `closes with ${output.code}`,
      );
    case "openUdp":
      check(output.address !== "", () => "a UDP address is empty");
      return checkInteger("port", output.port, 1, 65_535);
    case "transmit":
      return checkInteger("the size of a datagram", output.datagram.length, 8, 74);
    case "event": {
      const text = JSON.stringify(output.event);
      check(!secretive || !text.includes(TOKEN), () => `a token is shown: ${text}`);
      return check(text.length < 2000, () => `an event of ${text.length} characters`);
    }
  }
}

const SERVER_TEXTS: readonly string[] = [
  ...([
    [2, READY],
    [4, DESCRIPTION],
    [5, { user_id: "1", ssrc: 7, speaking: 1 }],
    [6, { t: 1 }],
    [8, { v: 8, heartbeat_interval: 13_750.5 }],
    [9, null],
    [3, 5],
    [11, { user_ids: ["1", "2", USER] }],
    [12, { user_id: "1", audio_ssrc: 7, video_ssrc: 8, streams: [{ ssrc: 9, rtx_ssrc: 10 }] }],
    [13, { user_id: "1" }],
    [18, { user_id: "3", flags: 2 }],
    [20, { user_id: "3", platform: 0 }],
    [21, { protocol_version: 0, transition_id: 0 }],
    [99, {}],
    [2 ** 53 - 1, {}],
  ] as const).map(([op, d]) => JSON.stringify({ op, d, seq: 10 })),
  ...[1, 8].map((version) => helloOf(version as GatewayVersion, 1000)),
  ...DOCUMENTED.map((message) => JSON.stringify(message)),
];

/** States in which a text can move a session. */
const MOVED_BY_TEXT: readonly Step[] = [
  "identifying",
  "selecting",
  "connected",
  "resuming",
];

/** The same states, where a wrong mode or key closes the session, or the state stays. */
function textParser(step: Step, version: GatewayVersion, share: number): AnyParser {
  return {
    name: `VoiceSession version ${version} text while ${step}`,
    covers: [],
    domain: TEXT,
    seeds: SERVER_TEXTS,
    outcomes: ["malformed", "taken", ...(MOVED_BY_TEXT.includes(step) ? ["moved"] : [])],
    share,
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() =>
        driveTo(step, new Driver({ gatewayVersion: version }))
      );
      return (text) => session.take(!text.includes(TOKEN), (driver) => driver.text(text));
    },
    large: {
      "1 MiB of opening brackets": ["malformed", () => "[".repeat(MEBIBYTE)],
      "more than 1 MiB": ["malformed", () => " ".repeat(MEBIBYTE + 1)],
      "a payload nested 30000 deep": [
        "malformed",
        () => `{"op":8,"d":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
      ],
      "4000 users in one message": ["taken", () => usersText(4000)],
      "as many users as fit 1 MiB": ["taken", () => usersText(120_000)],
    },
  };
}

function usersText(count: number): string {
  return JSON.stringify({
    op: 11,
    d: { user_ids: Array.from({ length: count }, (_, i) => `${i}`) },
  });
}

function binaryParser(step: Step): AnyParser {
  return {
    name: `VoiceSession binary while ${step}`,
    covers: [],
    domain: BYTES,
    seeds: ["00011b0102", "000119aabb", "000215", "ffff1eff", "000209", "000363"].map(hex),
    // Opcodes of JSON messages are not seen here, Resumed neither.
    outcomes: ["malformed", "taken"],
    share: 1 / STEPS.length,
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() => driveTo(step));
      return (frame) => session.take(true, (driver) => driver.text(frame));
    },
    large: {
      "1 MiB": ["taken", () => new Uint8Array(MEBIBYTE)],
      "more than 1 MiB": ["malformed", () => new Uint8Array(MEBIBYTE + 1)],
    },
  };
}

/** A receiver report about a client's SSRC, a sender report of it, and one that is malformed. */
function rtcpOf(ssrc: number, mode: EncryptionMode): Uint8Array[] {
  const counter = new NonceCounter(99);
  const random = (into: Uint8Array) => into.fill(0x42);
  const cipher = new PacketCipher(mode, SESSION_KEY, LOOSE_AEAD, counter, random);
  const id = ssrc.toString(16).padStart(8, "0");
  return [
    `81c90007${id}${id}40000001000000090000000a0000000000000000`,
    `80c80006${id}83aa7e8080000000000003c00000000100000003`,
    `81c900ff${id}`,
  ].map((compound) => sealRtcp(cipher, hex(compound)));
}

type CounterForm = "counter-le" | "counter-be";

/** Datagrams that a server sends, and those that it should not. */
function datagramSeeds(
  form: DiscoveryForm,
  mode: EncryptionMode,
  echo?: CounterForm,
): Uint8Array[] {
  return [
    ...packetsOf(mode, LOOSE_AEAD, SESSION_KEY),
    ...["203.0.113.7", "2001:db8::1"].map((address) =>
      discoveryResponse(SSRC, { address, port: 50_004 }, form)
    ),
    discoveryRequest(SSRC, form),
    ...[keepalive(1), keepaliveReply(1), keepaliveReply(2)],
    ...[1, 2, 0x80].map((counter) => counterKeepalive(counter, echo)),
    ...rtcpOf(SSRC, mode),
    ...["8065000100000001000000ff", "8066000100000001000000ff", "8178"].map(hex),
  ];
}

/** Feeds a datagram as adapters do: the media plane first. */
function feedDatagram(
  session: SessionUnderTest,
  datagram: Uint8Array,
  echo?: CounterForm,
): string {
  const { driver } = session;
  const before = driver.session.counters;
  const into = new Uint8Array(datagram.length);
  const size = driver.session.depacketize(datagram, into);
  checkInteger("the size", size, -1, into.length);
  if (size > 0) {
    checkReceived(driver.session.received);
    return "frame";
  }
  const isEcho = echo !== undefined && parseCounterKeepalive(datagram, echo) !== undefined;
  check(size < 0 || !isEcho, () => "a keepalive's echo is taken for RTP");
  const outcome = size < 0 ? session.take(true, (fed) => fed.datagram(datagram)) : "dropped";
  const { dropped } = driver.session.counters;
  const reason = Object.keys(dropped).find((name) =>
    dropped[name as DropReason] !== before.dropped[name as DropReason]
  );
  check(outcome !== "dropped" || reason !== undefined, () => "dropped, and not counted");
  return reason ?? outcome;
}

function checkReceived(header: Readonly<RtpHeader>): void {
  check(header.payloadType === 120, () => `payload type ${header.payloadType}`);
  checkInteger("sequence", header.sequence, 0, 0xffff);
  checkU32("timestamp", header.timestamp);
  checkU32("ssrc", header.ssrc);
}

/** What is told of RTP without opening it; of another version it is no RTP. */
const UNOPENED: readonly string[] = ["too-short", "payload-type", "video", "rtx"];
/** What is told of other datagrams once there is a UDP socket. */
const UNKNOWN: readonly string[] = [
  "unknown-datagram",
  "stale-keepalive",
  "discovery-rejected",
];

function datagramParser(step: Step, form: DiscoveryForm, echo?: CounterForm): AnyParser {
  const [mode] = SEALING_MODES;
  const awaits = step === "discovering";
  const open = ["discovering", "selecting", "connected", "reconnecting", "resuming"].includes(step);
  const keyed = ["connected", "reconnecting", "resuming"].includes(step);
  return {
    name: `VoiceSession datagram ${echo ?? form} while ${step}`,
    covers: [],
    domain: BYTES,
    seeds: datagramSeeds(form, mode, echo),
    outcomes: [
      ...UNOPENED,
      ...(open ? UNKNOWN : ["ignored"]),
      ...(keyed ? ["frame", "duplicate", "padding-only", ...OPEN_FAULTS] : ["not-connected"]),
      ...(keyed ? ["ignored", "taken", "bad-rtcp"] : []),
      ...(awaits ? ["moved"] : []),
    ],
    share: 1 / STEPS.length,
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() =>
        driveTo(
          step,
          new Driver({
            aead: LOOSE_AEAD,
            discovery: form,
            keepalive: echo && COUNTER_KEEPALIVES[echo],
          }),
        )
      );
      return (datagram) => feedDatagram(session, datagram, echo);
    },
    large: {
      "65536 bytes of RTP": [
        keyed ? "frame" : "not-connected",
        () => {
          const datagram = new Uint8Array(65_536);
          datagram.set(hex("807812340a0b0c0d00000d09"));
          return datagram;
        },
      ],
    },
  };
}

/** A session that is connected with one mode, and lets mutated packets through. */
function connect(options: Partial<SessionOptions> & { modes: EncryptionMode[] }): Driver {
  const { modes } = options;
  const driver = new Driver({ aead: LOOSE_AEAD, ...options });
  driver.feed(DIRECT);
  driver.open();
  driver.message(8, { v: 8, heartbeat_interval: 13_750 });
  driver.message(2, { ...READY, modes });
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(SSRC, ADDRESS, options.discovery));
  driver.message(4, { ...DESCRIPTION, mode: modes[0] });
  check(driver.session.state === "connected", () => `the session is ${driver.session.state}`);
  return driver;
}

function modeParser(mode: EncryptionMode): AnyParser {
  return {
    name: `VoiceSession datagram in mode ${mode}`,
    covers: [],
    domain: BYTES,
    seeds: datagramSeeds("74", mode),
    outcomes: [
      ...[...UNOPENED, ...UNKNOWN, "frame", "duplicate", "padding-only"],
      ...["ignored", "taken", "bad-rtcp"],
      ...OPEN_FAULTS,
    ],
    share: 1 / SEALING_MODES.length,
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() => connect({ modes: [mode] }));
      return (datagram) => feedDatagram(session, datagram);
    },
  };
}

const UPDATES: readonly Json[] = [
  voiceState(),
  voiceState(null),
  voiceState("5"),
  voiceState(CHANNEL, "somebody else"),
  voiceServer(),
  voiceServer("another token"),
  voiceServer(TOKEN, null),
  voiceServer(TOKEN, "http://x"),
] as unknown as readonly Json[];

function updateParser(state: Step | "idle" | "signalling"): AnyParser {
  return {
    name: `VoiceSession gateway update while ${state}`,
    covers: [],
    domain: VALUE,
    seeds: UPDATES,
    outcomes: [
      ...["malformed", "ignored", "other"],
      ...(state === "idle" ? [] : ["taken", "moved"]),
    ],
    share: 1 / (STEPS.length + 2),
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() => {
        if (state !== "idle" && state !== "signalling") return driveTo(state);
        const driver = new Driver();
        if (state === "signalling") driver.feed(JOIN);
        return driver;
      });
      return (value) => {
        const { type, data } = Object(value) as { type: unknown; data: never };
        if (type !== "voiceState" && type !== "voiceServer") return "other";
        return session.take(false, (driver) => driver.feed({ type, data }));
      };
    },
  };
}

function closeParser(step: Step): AnyParser {
  // A WebSocket that opens is tried again; the second close is of an id that is retired.
  const opens = step === "connecting" || step === "reconnecting";
  return {
    name: `VoiceSession close while ${step}`,
    covers: [],
    domain: VALUE,
    seeds: [1000, 1006, 4004, 4006, 4009, 4014, 4015, 4022, 9999].map((code) => ({
      code,
      reason: `the token ${TOKEN}`,
    })),
    outcomes: ["moved", "other", ...(opens ? ["taken", "ignored"] : [])],
    share: 1 / STEPS.length,
    row: ROW,
    start: () => {
      const session = new SessionUnderTest(() => driveTo(step));
      return (value) => {
        const { code, reason } = Object(value) as { code: unknown; reason: unknown };
        if (typeof code !== "number" || typeof reason !== "string") return "other";
        const whole = reason.includes(TOKEN) || !reason.includes(TOKEN.slice(0, 8));
        return session.take(whole, (driver) => driver.close(code, reason));
      };
    },
  };
}

// VoiceServer

const CLIENT_STEPS = ["open", "identified", "selected"] as const;
type ClientStep = typeof CLIENT_STEPS[number];

const CLIENT_TOKEN = "T0KEN-of-the-client";
const FROM = { address: "192.0.2.1", port: 40_001 };
const OTHER = { address: "192.0.2.2", port: 40_002 };

function identity(userId: string): Record<string, string> {
  return { server_id: GUILD, user_id: userId, session_id: `s${userId}`, token: CLIENT_TOKEN };
}

/** A server with two clients in a room; the first one is fuzzed. */
class ServerUnderTest {
  readonly server: VoiceServer;
  readonly #step: ClientStep;
  readonly #mode: EncryptionMode;
  readonly #version: GatewayVersion;
  #lastId = 0;
  /** WebSocket of the client that is fuzzed. */
  #id = 0;
  #closed = 0;
  #now = 0;
  /** Whether the token came as nothing else but a token. */
  #secretive = true;

  constructor(step: ClientStep, version: GatewayVersion, mode: EncryptionMode) {
    this.#step = step;
    this.#mode = mode;
    this.#version = version;
    const random = (into: Uint8Array) => into.fill(7);
    this.server = new VoiceServer({ random, port: 5000, aead: LOOSE_AEAD, modes: [mode] });
    this.#id = this.#join("1", step);
    this.#join("2", "selected");
  }

  /** Feeds an input and checks what comes out. */
  feed(input: ServerInput): ServerOutput[] {
    this.server.handleInput(input, this.#now += 10);
    const outputs: ServerOutput[] = [];
    for (let output; (output = this.server.pollOutput()) !== undefined;) outputs.push(output);
    checkInteger("outputs", outputs.length, 0, OUTPUT_LIMIT);
    for (const output of outputs) {
      checkServerOutput(output, this.#secretive);
      if (output.type === "closeWebSocket" && output.id === this.#id) this.#closed = output.code;
    }
    const timeout = this.server.pollTimeout();
    check(timeout === undefined || Number.isFinite(timeout), () => `the timeout is ${timeout}`);
    return outputs;
  }

  /** Feeds a frame of the client, which comes back where it is closed. */
  frame(data: string | Uint8Array): string {
    this.#closed = 0;
    this.#secretive &&= isSecretive(String(data), CLIENT_TOKEN);
    const outputs = this.feed({ type: "websocketMessage", id: this.#id, data });
    if (this.#closed === 0) return outputs.length > 0 ? "taken" : "ignored";
    const code = this.#closed;
    this.#id = this.#join("1", this.#step);
    return `closed ${code}`;
  }

  #join(userId: string, step: ClientStep): number {
    const id = ++this.#lastId;
    const send = (op: number, d: unknown) =>
      this.feed({ type: "websocketMessage", id, data: JSON.stringify({ op, d }) });
    this.feed({ type: "websocketOpen", id, path: `/?v=${this.#version}` });
    if (step === "open") return id;
    send(0, identity(userId));
    if (step === "identified") return id;
    const from = userId === "1" ? FROM : OTHER;
    const ssrc = Number(userId);
    this.feed({ type: "datagram", from, data: discoveryRequest(ssrc) });
    send(1, { protocol: "udp", data: { ...from, mode: this.#mode } });
    send(5, { speaking: 1, delay: 0, ssrc });
    return id;
  }
}

/** Whether a text has the token in no other place than where it belongs. */
function isSecretive(text: string, token: string): boolean {
  return !text.replaceAll(`"token":"${token}"`, "").includes(token);
}

/** Checks what a server puts out. */
export function checkServerOutput(output: ServerOutput, secretive: boolean): void {
  switch (output.type) {
    case "sendWebSocket": {
      const { data } = output;
      // From version 8 on the opcode of a binary frame stands behind its number.
      if (typeof data !== "string") {
        return check([data[0], data[2]].some((op) => op >= 25 && op <= 30), () => "no opcode");
      }
      const { op = 8 } = JSON.parse(data) as { op?: unknown };
      return checkInteger("op", op, 0, 32);
    }
    case "closeWebSocket":
      checkInteger("the close code", output.code, 4000, 4999);
      return checkReason(output.reason);
    case "transmit":
      return checkInteger("the size of a datagram", output.datagram.length, 8, 66_000);
    case "event": {
      const text = JSON.stringify(output.event);
      check(!secretive || !text.includes(CLIENT_TOKEN), () => `a token is shown: ${text}`);
      return check(text.length < 4000, () => `an event of ${text.length} characters`);
    }
  }
}

function checkReason(reason: string): void {
  checkInteger("bytes of the reason", new TextEncoder().encode(reason).length, 0, 123);
}

function clientTexts(mode: EncryptionMode): readonly string[] {
  const { user_id: _, ...resume } = identity("1");
  return ([
    [0, identity("1")],
    [0, { ...identity("3"), max_dave_protocol_version: 1, video: true, streams: [] }],
    [1, { protocol: "udp", data: { ...FROM, mode } }],
    [1, { protocol: "webrtc", data: "v=0" }],
    [3, { t: 1, seq_ack: 1 }],
    [3, 1],
    [5, { speaking: 1, delay: 0, ssrc: 1 }],
    [5, { speaking: 0, delay: 0, ssrc: 1 }],
    [7, { ...resume, seq_ack: 1 }],
    [7, resume],
    [7, { ...resume, session_id: "s2", token: "of somebody else" }],
    [12, { audio_ssrc: 1, video_ssrc: 0, rtx_ssrc: 0, streams: [] }],
    [15, { any: 100 }],
    [99, {}],
    [2 ** 53 - 1, {}],
  ] as const).map(([op, d]) => JSON.stringify({ op, d }));
}

/** What becomes of a client without a session; Identify gives it one. */
const ANONYMOUS: readonly string[] = ["closed 4003", "closed 4004", "closed 4006"];

function serverTextParser(step: ClientStep, version: GatewayVersion): AnyParser {
  const [mode] = SEALING_MODES;
  const anonymous = step === "open";
  return {
    name: `VoiceServer version ${version} text of a client that is ${step}`,
    covers: [],
    domain: TEXT,
    seeds: clientTexts(mode),
    outcomes: [
      ...["taken", "ignored", "closed 4002", "closed 4005", "closed 4020"],
      ...(anonymous ? ANONYMOUS : ["closed 4012", "closed 4016"]),
    ],
    share: 1 / (2 * CLIENT_STEPS.length),
    row: ROW,
    start: () => {
      const server = new ServerUnderTest(step, version, mode);
      return (text) => server.frame(text);
    },
    large: {
      "1 MiB of opening brackets": ["closed 4002", () => "[".repeat(MEBIBYTE)],
      "65536 opening brackets": ["closed 4002", () => "[".repeat(65_536)],
    },
  };
}

const PATHS: readonly string[] = [
  "/?v=8",
  "/?v=4&encoding=json",
  "/",
  "/?v=10",
  "?encoding=json&v=1",
];

const serverPath: AnyParser = {
  name: "VoiceServer path of a WebSocket",
  covers: [],
  domain: TEXT,
  seeds: PATHS,
  outcomes: ["open", "closed 4012"],
  row: ROW,
  start: () => {
    const server = new ServerUnderTest("open", 8, SEALING_MODES[0]);
    let id = 1000;
    return (path: string) => {
      const outputs = server.feed({ type: "websocketOpen", id: ++id, path });
      const closed = outputs.find((output) => output.type === "closeWebSocket");
      if (closed !== undefined) return `closed ${closed.code}`;
      server.feed({ type: "websocketClose", id, code: 1000 });
      return "open";
    };
  },
  large: { "1 MiB of question marks": ["open", () => "?".repeat(MEBIBYTE)] },
};

/** Datagrams of the client whose SSRC is 1. */
function clientDatagrams(mode: EncryptionMode): Uint8Array[] {
  const packets = packetsOf(mode, LOOSE_AEAD, SESSION_KEY).map((packet) => {
    packet.set([0, 0, 0, 1], 8);
    return packet;
  });
  return [
    ...packets,
    ...[2, 9].map((ssrc) => packets[0].map((byte, i) => i === 11 ? ssrc : byte)),
    ...DISCOVERY_FORMS.map((form) => discoveryRequest(1, form)),
    discoveryRequest(9),
    ...[keepalive(1), counterKeepalive(1), hex("00000001"), hex(`c9${"00".repeat(8)}`)],
    ...rtcpOf(1, mode),
  ];
}

function serverDatagramParser(mode: EncryptionMode): AnyParser {
  // Without a nonce of its own on the wire the clear header is it.
  const counted = mode !== "xsalsa20_poly1305";
  return {
    name: `VoiceServer datagram in mode ${mode}`,
    covers: [],
    domain: BYTES,
    seeds: clientDatagrams(mode),
    outcomes: [
      ...[
        "relayed",
        "accepted",
        "answered",
        "keepalive",
        "rtcp",
        "bad-rtcp",
        ...RTP_FAULTS,
        "bad-tag",
        "replay",
      ],
      ...["bad-discovery", "unknown-ssrc", "wrong-ssrc"],
      ...(mode.endsWith("rtpsize") ? [] : ["bad-extension"]),
    ],
    share: 1 / SEALING_MODES.length,
    row: ROW,
    start: () => {
      const rig = new ServerUnderTest("selected", 8, mode);
      let count = 0;
      return (input) => {
        const data = input.slice();
        // Every other packet has a fresh nonce, or all but the first would be replays.
        if (++count % 2 === 0 && counted && data.length > 60) data[data.length - 1] = count;
        return serverDatagram(rig, data);
      };
    },
    large: {
      "65536 bytes of RTP": ["relayed", () => {
        const datagram = new Uint8Array(65_536);
        datagram.set(hex("807812340a0b0c0d00000001"));
        return datagram;
      }],
    },
  };
}

function serverDatagram(rig: ServerUnderTest, data: Uint8Array): string {
  const before = rig.server.stats();
  rig.feed({ type: "datagram", from: FROM, data });
  const after = rig.server.stats();
  check(after.datagrams === before.datagrams + 1, () => "a datagram is not counted");
  if (after.discoveries > before.discoveries) return "answered";
  if (after.keepalivesAnswered > before.keepalivesAnswered) return "keepalive";
  if (after.keepalivesIgnored > before.keepalivesIgnored) return "keepalive";
  if (after.rtcp > before.rtcp) return "rtcp";
  if (after.accepted > before.accepted) {
    // Whoever claims the other's SSRC gets the other's address, as any key opens any packet here.
    checkInteger("packets relayed", after.relayed - before.relayed, 0, 1);
    return after.relayed > before.relayed ? "relayed" : "accepted";
  }
  const reason = Object.entries(after.dropped).find(([name, count]) =>
    count !== before.dropped[name as keyof typeof before.dropped]
  );
  check(reason !== undefined, () => "neither taken nor dropped");
  return reason[0];
}

// GatewayStub

const STUB_STEPS = ["open", "identified", "joined"] as const;
const BOT_TOKEN = "MTA0Njk0MzE5MzA2MjQ4MTky.T0KEN.of-the-bot";

/** A stub with a client; it comes back where it is closed. */
class StubUnderTest {
  readonly #stub: GatewayStub;
  readonly #step: typeof STUB_STEPS[number];
  #id = 0;
  #now = 0;
  #secretive = true;

  constructor(step: typeof STUB_STEPS[number]) {
    this.#step = step;
    const random = (into: Uint8Array) => into.fill(++this.#now);
    this.#stub = new GatewayStub({ random, endpoint: "ws://127.0.0.1:1", url: "ws://127.0.0.1:2" });
    this.#open();
  }

  frame(data: string): string {
    this.#secretive &&= isSecretive(data, BOT_TOKEN);
    const outputs = this.#feed({ type: "websocketMessage", id: this.#id, data });
    const closed = outputs.find((output) => output.type === "closeWebSocket");
    if (closed === undefined) return outputs.length > 0 ? "taken" : "ignored";
    this.#open();
    return `closed ${closed.code}`;
  }

  #open(): void {
    const id = ++this.#id;
    const send = (op: number, d: unknown) =>
      this.#feed({ type: "websocketMessage", id, data: JSON.stringify({ op, d }) });
    this.#feed({ type: "websocketOpen", id });
    if (this.#step === "open") return;
    send(2, { token: BOT_TOKEN, intents: 128 });
    if (this.#step === "joined") send(4, { guild_id: GUILD, channel_id: CHANNEL });
  }

  #feed(input: GatewayInput) {
    this.#stub.handleInput(input, this.#now += 1000);
    const outputs = [];
    for (let output; (output = this.#stub.pollOutput()) !== undefined;) outputs.push(output);
    checkInteger("outputs", outputs.length, 0, OUTPUT_LIMIT);
    for (const output of outputs) {
      if (output.type === "sendWebSocket") JSON.parse(output.data);
      if (output.type === "closeWebSocket") checkReason(output.reason);
      if (output.type !== "event" || !this.#secretive) continue;
      check(!JSON.stringify(output.event).includes(BOT_TOKEN), () => "a token is shown");
    }
    const timeout = this.#stub.pollTimeout();
    check(timeout === undefined || Number.isFinite(timeout), () => `the timeout is ${timeout}`);
    return outputs;
  }
}

function stubParser(step: typeof STUB_STEPS[number]): AnyParser {
  return {
    name: `GatewayStub text of a client that is ${step}`,
    covers: [],
    domain: TEXT,
    seeds: ([
      [1, 5],
      [2, { token: BOT_TOKEN, intents: 128 }],
      [4, { guild_id: GUILD, channel_id: CHANNEL, self_mute: false, self_deaf: false }],
      [4, { guild_id: GUILD, channel_id: null }],
      [6, { session_id: "x", token: BOT_TOKEN, seq: 3 }],
      [3, {}],
    ] as const).map(([op, d]) => JSON.stringify({ op, d })),
    outcomes: [
      ...["taken", "ignored", "closed 4002", "closed 4005"],
      ...(step === "open" ? ["closed 4003"] : []),
    ],
    share: 1 / STUB_STEPS.length,
    row: ROW,
    start: () => {
      const stub = new StubUnderTest(step);
      return (text) => stub.frame(text);
    },
    large: { "1 MiB of opening brackets": ["closed 4002", () => "[".repeat(MEBIBYTE)] },
  };
}

/** The machines. */
export const MACHINES: readonly AnyParser[] = [
  ...STEPS.map((step) => textParser(step, 8, 1 / STEPS.length)),
  ...([1, 4, 9] as const).map((version) => textParser("connected", version, 1 / STEPS.length)),
  ...STEPS.map(binaryParser),
  ...STEPS.map((step) => datagramParser(step, "74")),
  ...DISCOVERY_FORMS.slice(1).map((form) => datagramParser("discovering", form)),
  datagramParser("reconnecting", "74", "counter-be"),
  datagramParser("reconnecting", "74", "counter-le"),
  ...SEALING_MODES.map(modeParser),
  ...(["idle", "signalling", ...STEPS] as const).map(updateParser),
  ...STEPS.map(closeParser),
  ...CLIENT_STEPS.map((step) => serverTextParser(step, 8)),
  ...CLIENT_STEPS.map((step) => serverTextParser(step, 4)),
  serverPath,
  ...SEALING_MODES.map(serverDatagramParser),
  ...STUB_STEPS.map(stubParser),
];
