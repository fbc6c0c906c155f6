// Reports of quality (RTCP) of a session: when they are sent, and what is made of those that come.
import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { nobleAead } from "../../lib/aead.ts";
import type { Output } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { isRtcp } from "../../lib/demux.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher } from "../../lib/packet.ts";
import {
  buildReceiverReport,
  openRtcp,
  parseRtcp,
  type RtcpPacket,
  sealRtcp,
} from "../../lib/rtp/rtcp.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import {
  ADDRESS,
  answerHeartbeats,
  DESCRIPTION,
  DIRECT,
  Driver,
  driveTo,
  KEY,
  MODES,
  READY,
  shakeHands,
  SSRC,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { bitFlips, truncations } from "../tools/vectors.ts";

const OPUS = Uint8Array.of(0x78, 1, 2);

function cipherOf(nonce = 2 ** 31): PacketCipher {
  const counter = new NonceCounter(nonce);
  return new PacketCipher(MODES[0] as EncryptionMode, Uint8Array.from(KEY), nobleAead, counter);
}

function connected(): Driver {
  const driver = driveTo("connected");
  answerHeartbeats(driver);
  return driver;
}

function send(driver: Driver): boolean {
  return driver.session.packetize(OPUS, new Uint8Array(60)) > 0;
}

/** Reports that outputs send, opened; each has its nonce behind it. */
function reportsOf(outputs: readonly Output[]): { packets: RtcpPacket[]; nonce: number }[] {
  const cipher = cipherOf();
  return outputs.flatMap((output) => {
    if (output.type !== "transmit" || !isRtcp(output.datagram)) return [];
    const compound = openRtcp(cipher, output.datagram);
    assert(typeof compound !== "string", `${compound}`);
    const [a, b, c, d] = cipher.openedNonce;
    return [{ packets: parseRtcp(compound), nonce: (a << 24 | b << 16 | c << 8 | d) >>> 0 }];
  });
}

function reportAbout(ssrc: number, lost: number): Uint8Array {
  const block = {
    ssrc,
    fractionLost: 128,
    cumulativeLost: lost,
    highestSequence: 1,
    jitter: 96,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  };
  return sealRtcp(cipherOf(), buildReceiverReport(0, [block]));
}

test("VoiceSession reports every 2.5 to 7.5 s while it sends, and no nonce comes twice", () => {
  const driver = connected();
  const start = driver.log.length;
  let packets = 0;
  for (let i = 0; i < 600; i++) {
    packets += Number(send(driver));
    driver.wait(100);
  }
  const log = driver.log.slice(start);
  const times = log.filter(({ output }) => output.type === "transmit" && isRtcp(output.datagram))
    .map(({ at }) => at);
  const gaps = times.map((at, i) => at - (times[i - 1] ?? 1000));
  assert(gaps.length >= 8 && gaps.every((gap) => gap >= 2500 && gap <= 7500), `${gaps}`);
  assert(new Set(gaps.map(Math.round)).size > 4, "they are random");
  const sent = reportsOf(log.map(({ output }) => output));
  assertEquals(sent.map(({ packets }) => packets.map(({ type }) => type).join()), [
    ...gaps.map(() => "senderReport,sourceDescription"),
  ]);
  assertEquals(driver.session.nonce, packets + gaps.length);
  assertEquals(new Set(sent.map(({ nonce }) => nonce)).size, gaps.length);
});

test("VoiceSession that neither sends nor hears sends no report", () => {
  assertEquals(reportsOf(connected().wait(60_000)), []);
});

test("VoiceSession sends no report before it is connected, while it resumes, nor after the end", () => {
  const driver = connected();
  assert(send(driver));
  driver.close(1006);
  driver.wait(0);
  assertEquals(driver.session.state, "reconnecting");
  assertEquals(reportsOf(driver.wait(9000)), []);
  driver.open();
  assertEquals(driver.session.state, "resuming");
  assertEquals(reportsOf(driver.wait(9000)), []);
  driver.message(9, null);
  assertEquals(driver.session.state, "connected");
  assertEquals(reportsOf(driver.wait(7500)).length, 1);
  assert(send(driver));
  driver.feed({ type: "leave" });
  assertEquals([reportsOf(driver.wait(60_000)), driver.session.pollTimeout()], [[], undefined]);
});

test("VoiceSession sends no report in a mode that is out of service", () => {
  const modes: EncryptionMode[] = ["xsalsa20_poly1305_lite"];
  const driver = new Driver({ modes, aead: nobleCiphers });
  driver.feed(DIRECT);
  driver.open();
  driver.message(8, { v: 8, heartbeat_interval: 13_750 });
  driver.message(2, { ...READY, modes });
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(SSRC, ADDRESS));
  driver.message(4, { ...DESCRIPTION, mode: modes[0] });
  answerHeartbeats(driver);
  assertEquals([driver.session.mode, send(driver)], [modes[0], true]);
  const transmitted = driver.wait(30_000).filter((output) =>
    output.type === "transmit" && isRtcp(output.datagram)
  );
  assertEquals(transmitted, []);
});

test("VoiceSession tells what the server reports of its audio", () => {
  const driver = connected();
  const into = new Uint8Array(200);
  const report = reportAbout(SSRC, 9);
  assertEquals(driver.session.depacketize(report, into), -1);
  const outputs = driver.datagram(report);
  const figures = { fractionLost: 0.5, lost: 9, jitter: 2, roundTrip: undefined, at: driver.now };
  assertEquals(outputs, [
    {
      type: "event",
      event: { type: "message", direction: "received", channel: "udp", name: "RTCP" },
    },
    { type: "event", event: { type: "receptionReport", ...figures } },
  ]);
  assertEquals(driver.session.remote, figures);
  assertEquals(driver.datagram(report), []);
  assertEquals(driver.datagram(reportAbout(SSRC + 1, 1)), []);
  assertEquals(driver.session.counters.dropped, {});
});

test("VoiceSession drops RTCP of another key or malformed with a reason, and goes on", () => {
  const driver = connected();
  const report = reportAbout(SSRC, 9);
  const broken = [...truncations(report), ...bitFlips(report)].filter(isRtcp);
  for (const datagram of broken) assertEquals(driver.datagram(datagram), []);
  driver.datagram(sealRtcp(cipherOf(), Uint8Array.of(0x80, 201, 0, 9, 0, 0, 0, 1)));
  const { dropped } = driver.session.counters;
  const count = (dropped["bad-tag"] ?? 0) + (dropped["too-short"] ?? 0);
  assertEquals([count, dropped["bad-rtcp"]], [broken.length, 1]);
  assertEquals(driver.session.remote, undefined);
});

test("VoiceSession drops RTCP while there is no key", () => {
  const driver = driveTo("selecting");
  assertEquals(driver.datagram(reportAbout(SSRC, 9)), []);
  assertEquals(driver.session.counters.dropped, { "not-connected": 1 });
});

test("VoiceSession forgets the server's report with the key", () => {
  const driver = connected();
  driver.datagram(reportAbout(SSRC, 9));
  assertEquals(driver.session.remote?.lost, 9);
  driver.message(4, DESCRIPTION);
  assertEquals(driver.session.remote, undefined);
});

test("VoiceSession sends no report when its nonces are spent, and does not throw", () => {
  const driver = connected();
  assert(send(driver));
  const original = Object.getOwnPropertyDescriptor(NonceCounter.prototype, "value")!;
  try {
    Object.defineProperty(NonceCounter.prototype, "value", { get: () => 2 ** 32 });
    assertEquals(
      driver.wait(30_000).filter((output) => output.type === "transmit" && isRtcp(output.datagram)),
      [],
    );
  } finally {
    Object.defineProperty(NonceCounter.prototype, "value", original);
  }
  assertEquals(reportsOf(driver.wait(7500)).length, 1);
});

/** A packet comes; what `depacketize` says. */
function hear(driver: Driver, ssrc: number, sequence: number): number {
  const packet = new Uint8Array(35);
  packet.set([0x80, 0x78, 0, sequence, 0, 0, 0, 0, 0, 0, 0, ssrc]);
  packet.set(OPUS, 12);
  cipherOf(sequence).seal(packet, 12, OPUS.length);
  return driver.session.depacketize(packet, new Uint8Array(40), driver.now);
}

test("VoiceSession adds up the figures of a user whose SSRC is another one after a rejoin", () => {
  const driver = connected();
  driver.message(5, { user_id: "1", ssrc: 7, speaking: 1 });
  assertEquals([hear(driver, 7, 1), hear(driver, 7, 3)], [3, 3]);
  driver.close(4006);
  driver.wait(3000);
  driver.feed(voiceState());
  driver.feed(voiceServer("another token"));
  shakeHands(driver);
  const figures = () =>
    driver.session.counters.users.map(({ userId, ssrcs, received, lost }) =>
      `${userId} [${ssrcs}] ${received} ${lost}`
    );
  assertEquals(figures(), ["1 [] 2 1"]);
  driver.message(5, { user_id: "1", ssrc: 8, speaking: 1 });
  assertEquals(hear(driver, 8, 3), 3);
  assertEquals(figures(), ["1 [8] 3 1"]);
});

test("VoiceSession keeps the figures of who has left apart from those of who has his SSRC now", () => {
  const driver = connected();
  driver.message(5, { user_id: "1", ssrc: 7, speaking: 1 });
  assertEquals([1, 2, 2].map((sequence) => hear(driver, 7, sequence)), [3, 3, 0]);
  driver.message(13, { user_id: "1" });
  // The newcomer's packets come before the message that says whose they are.
  assertEquals(hear(driver, 7, 2), 3);
  driver.message(5, { user_id: "2", ssrc: 7, speaking: 1 });
  const { users, totals } = driver.session.counters;
  assertEquals(users.map(({ userId, received, duplicates }) => [userId, received, duplicates]), [
    ["1", 2, 1],
    ["2", 1, 0],
  ]);
  assertEquals(totals, { received: 3, lost: 0, late: 0, duplicates: 1 });
});

test("VoiceSession sets video aside that op 12 has told of, also under the type of Opus", () => {
  const driver = connected();
  const streams = [{ ssrc: 8, rtx_ssrc: 9 }];
  driver.message(12, { user_id: "1", audio_ssrc: 7, video_ssrc: 8, streams });
  assertEquals([7, 8, 9].map((ssrc) => hear(driver, ssrc, 5)), [3, 0, 0]);
  const { dropped, users } = driver.session.counters;
  assertEquals(dropped, { video: 1, rtx: 1 });
  assertEquals(users.map(({ ssrcs, received, lost }) => [ssrcs, received, lost]), [[[7], 1, 0]]);
});
