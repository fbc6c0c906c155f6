// End-to-end encryption in a session: it begins with Identify, sees every message, outlives a
// Resume, and what is sent goes through it. The encryption itself is played here.

import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import type { DaveOutput, EndToEnd, EndToEndCall, OpenFrameFault } from "../../lib/end_to_end.ts";
import { MAX_FRAME_OVERHEAD } from "../../lib/end_to_end.ts";
import { nobleAead } from "../../lib/aead.ts";
import { decodeClientBinary } from "../../lib/messages.ts";
import { MAX_PACKET_OVERHEAD, PacketCipher } from "../../lib/packet.ts";
import { parseRtpHeader, RTP_HEADER_SIZE, RtpHeader } from "../../lib/rtp_header.ts";
import type { VoiceReceivePayload } from "../../lib/payloads.ts";
import type { SessionOptions } from "../../lib/session.ts";
import {
  CHANNEL,
  DIRECT,
  Driver,
  driveTo,
  eventsOf,
  JOIN,
  KEY,
  MODES,
  READY,
  sentBy,
  shakeHands,
  type Step,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";

const OPUS = Uint8Array.of(0xfc, 1, 2, 3);

/** Encryption that turns bytes over and adds one, and takes note of all else. */
class PlayedDave implements EndToEnd {
  readonly call: EndToEndCall;
  readonly ops: number[] = [];
  readonly outputs: DaveOutput[] = [];
  readonly expired: number[] = [];
  protocolVersion = 1;
  keyCount = 0;
  openFault: OpenFrameFault = "no-key";
  ready = true;
  closed = false;
  timeout: number | undefined;

  constructor(call: EndToEndCall) {
    this.call = call;
  }

  handle({ op }: VoiceReceivePayload): void {
    this.ops.push(op);
  }

  poll(): DaveOutput | undefined {
    return this.outputs.shift();
  }

  pollTimeout(): number | undefined {
    return this.timeout;
  }

  expire(now: number): void {
    this.expired.push(now);
    this.timeout = undefined;
  }

  seal(frame: Uint8Array, into: Uint8Array): number {
    assertEquals(into.length >= frame.length + MAX_FRAME_OVERHEAD, true);
    if (!this.ready) return -1;
    into.set(frame.map((byte) => ~byte));
    into[frame.length] = 0xee;
    return frame.length + 1;
  }

  open(): number {
    return -1;
  }

  close(): void {
    this.closed = true;
  }
}

/** A driver, and the encryptions that its session has begun. */
function setup(options: Partial<SessionOptions> = {}) {
  const calls: PlayedDave[] = [];
  const dave = (call: EndToEndCall) => {
    calls.push(new PlayedDave(call));
    return calls.at(-1)!;
  };
  return { driver: new Driver({ dave, ...options }), calls };
}

/** The same, taken to a step. */
function setupAt(step: Step) {
  const all = setup();
  driveTo(step, all.driver);
  return all;
}

function packetize(driver: Driver): Uint8Array {
  const into = new Uint8Array(RTP_HEADER_SIZE + OPUS.length + MAX_PACKET_OVERHEAD + 16);
  return into.subarray(0, driver.session.packetize(OPUS, into));
}

test("Identify offers DAVE version 1 and names the channel where a session has it, else neither", () => {
  const { driver, calls } = setupAt("identifying");
  const [{ op, d }] = driver.sent();
  assertEquals([op, d.max_dave_protocol_version, d.channel_id], [0, 1, CHANNEL]);
  assertEquals([calls.length, calls[0].call.userId, calls[0].call.channelId], [1, USER, CHANNEL]);
  const random = new Uint8Array(8);
  calls[0].call.random(random);
  assert(random.some((byte) => byte !== 0));
  const [plain] = driveTo("identifying").sent();
  assertEquals([plain.d.max_dave_protocol_version, plain.d.channel_id], [0, undefined]);
});

test("a session with DAVE demands snowflakes, one without does not", () => {
  const { driver } = setup();
  for (const channelId of ["", "general", "-1", "1.5", "18446744073709551616"]) {
    assertThrows(() => driver.feed({ ...JOIN, channelId }), RangeError, "snowflake");
  }
  assertEquals(driver.session.state, "idle");
  driver.feed({ ...JOIN, channelId: "18446744073709551615" });
  assertThrows(() => setup({ userId: "me" }), RangeError, "userId");
  new Driver({ userId: "me" }).feed({ ...JOIN, channelId: "general" });
});

test("a move into a channel whose id is no snowflake is a call without DAVE", () => {
  const { driver, calls } = setupAt("connected");
  driver.feed(voiceState("general"));
  driver.feed(voiceServer("other token"));
  driver.open();
  assertEquals(driver.sent().at(-1)!.d.max_dave_protocol_version, 0);
  assertEquals([calls.length, calls[0].closed, driver.session.dave], [1, true, undefined]);
});

test("DAVE sees Session Description and whatever follows, not what comes out of turn", () => {
  const { driver, calls: [call] } = setupAt("discovering");
  driver.message(4, { mode: MODES[0], secret_key: KEY, dave_protocol_version: 1 });
  assertEquals(call.ops, []);
  driver.message(11, { user_ids: ["5"] });
  driver.text(Uint8Array.of(0, 1, 25, 1, 2, 3));
  assertEquals(call.ops, [11, 25]);
  assertEquals(driver.session.seqAck, 1);
  const connected = setupAt("connected");
  assertEquals(connected.calls[0].ops, [4]);
  connected.driver.message(13, { user_id: "5" }, 3);
  connected.driver.message(22, { transition_id: 1 }, 4);
  assertEquals(connected.calls[0].ops, [4, 13, 22]);
});

test("what DAVE puts out goes to the WebSocket and to the events, in its order", () => {
  const { driver, calls } = setupAt("connected");
  calls[0].outputs.push(
    { type: "send", message: { op: 26, d: Uint8Array.of(7, 8) } },
    { type: "event", event: { type: "davePrivacyCode", code: "123" } },
    { type: "send", message: { op: 23, d: { transition_id: 9 } } },
  );
  const outputs = driver.message(21, { protocol_version: 1, transition_id: 9 });
  assertEquals(eventsOf(outputs), [{ type: "davePrivacyCode", code: "123" }]);
  assertEquals(sentBy(outputs), [{ op: 23, d: { transition_id: 9 } }]);
  const binary = outputs.flatMap((output) =>
    output.type === "sendWebSocket" && output.data instanceof Uint8Array ? [output.data] : []
  );
  assertEquals(binary.map((frame) => decodeClientBinary(frame)), [
    { op: 26, d: Uint8Array.of(7, 8) },
  ]);
});

test("DAVE is woken when it wants to be, also where opening a frame has changed that", () => {
  const { driver, calls: [call] } = setupAt("connected");
  call.timeout = driver.now + 100;
  driver.message(11, { user_ids: [] });
  driver.wait(99);
  assertEquals(call.expired, []);
  driver.wait(1);
  assertEquals(call.expired, [driver.now]);
  call.timeout = driver.now + 5;
  assertEquals(driver.session.pollTimeout(), driver.now + 5);
  driver.wait(5);
  assertEquals(call.expired.length, 2);
});

test("DAVE is not woken while there is no connection, and sends nothing where it is not open", () => {
  const { driver, calls: [call] } = setupAt("connected");
  call.timeout = driver.now + 10;
  driver.close(1006);
  call.outputs.push({ type: "send", message: { op: 23, d: { transition_id: 9 } } });
  driver.wait(500);
  assertEquals([driver.session.state, call.expired], ["reconnecting", []]);
  assertEquals(driver.sent().filter(({ op }) => op === 23), []);
  driver.open();
  driver.message(9, null);
  driver.wait(0);
  assertEquals(call.expired, [driver.now]);
});

test("DAVE outlives a Resume and sees what was missed", () => {
  const { driver, calls } = setupAt("resuming");
  driver.text(Uint8Array.of(0, 9, 30, 0, 1, 2));
  driver.message(9, null);
  driver.text(Uint8Array.of(0, 10, 29, 0, 1, 2));
  assertEquals([driver.session.state, calls.length, calls[0].closed], ["connected", 1, false]);
  assertEquals(calls[0].ops, [4, 30, 9, 29]);
  assertEquals(packetize(driver).length, RTP_HEADER_SIZE + OPUS.length + 1 + 20);
});

test("the end of a call is told: no code and not ready any more", () => {
  const { driver, calls: [call] } = setupAt("connected");
  assertEquals(driver.events.filter(({ type }) => type === "daveReady").length, 1);
  call.close = () => {
    call.ready = false;
    call.outputs.push({ type: "event", event: { type: "davePrivacyCode", code: undefined } });
  };
  const events = eventsOf(driver.feed(voiceServer("other token")));
  assertEquals(events.filter(({ type }) => type.startsWith("dave")), [
    { type: "davePrivacyCode", code: undefined },
    { type: "daveReady", ready: false },
  ]);
  shakeHands(driver);
  assertEquals(driver.events.filter(({ type }) => type === "daveReady").length, 3);
});

test("DAVE begins anew with a Ready in answer to Resume, and with every Identify", () => {
  const { driver, calls } = setupAt("resuming");
  driver.message(2, READY);
  assertEquals(calls.map(({ closed }) => closed), [true, false]);
  const again = setupAt("connected");
  again.driver.feed(voiceServer("other token"));
  assertEquals([again.calls[0].closed, again.driver.session.dave], [true, undefined]);
  shakeHands(again.driver);
  assertEquals(again.calls.map(({ closed }) => closed), [true, false]);
  again.driver.feed({ type: "leave" });
  assertEquals(again.calls.map(({ closed }) => closed), [true, true]);
  assertEquals(again.driver.session.pollTimeout(), undefined);
});

test("a server of the caller's own is joined with DAVE too", () => {
  const { driver, calls } = setup();
  driver.feed(DIRECT);
  shakeHands(driver);
  assertEquals([calls[0].call.channelId, calls[0].ops], [CHANNEL, [4]]);
});

test("packetize() seals the frame before the packet, and spends nothing while it cannot", () => {
  const { driver, calls: [call] } = setupAt("connected");
  const { sequence, nonce, timestamp } = driver.session;
  call.ready = false;
  assertEquals(packetize(driver).length, 0);
  assertEquals(
    [driver.session.sequence, driver.session.nonce, driver.session.timestamp],
    [sequence, nonce, timestamp],
  );
  call.ready = true;
  const datagram = packetize(driver);
  const header = new RtpHeader();
  parseRtpHeader(datagram, header);
  assertEquals([header.sequence, header.timestamp], [sequence, timestamp]);
  const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", Uint8Array.from(KEY), nobleAead);
  const opened = new Uint8Array(datagram.length);
  const size = cipher.openRtp(datagram, header, opened);
  assertEquals(opened.slice(0, size), Uint8Array.of(0x03, 254, 253, 252, 0xee));
  assertEquals(driver.session.timestamp, (timestamp + 960) >>> 0);
});

test("packetize() demands room for what DAVE adds", () => {
  const { driver } = setup();
  driveTo("connected", driver);
  const { length } = OPUS;
  assertThrows(() => driver.session.packetize(OPUS, new Uint8Array(length + 47)), RangeError);
  assertEquals(driver.session.packetize(OPUS, new Uint8Array(length + 48)), length + 33);
});

test("a session without DAVE leaves its messages alone", () => {
  const driver = driveTo("connected");
  const outputs = driver.text(Uint8Array.of(0, 1, 25, 1, 2, 3));
  assertEquals([eventsOf(outputs), sentBy(outputs), driver.session.dave], [[], [], undefined]);
});
