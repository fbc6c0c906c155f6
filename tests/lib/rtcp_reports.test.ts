import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import test from "node:test";
import { MediaPlane } from "../../lib/media.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { PacketCipher } from "../../lib/packet.ts";
import { REPORT_INTERVAL, RtcpReports } from "../../lib/rtcp_reports.ts";
import {
  buildReceiverReport,
  buildSenderReport,
  compactNtp,
  openRtcp,
  parseRtcp,
  REPORT_BLOCK_LIMIT,
  type ReportBlock,
  type RtcpPacket,
  sealRtcp,
} from "../../lib/rtp/rtcp.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";

const MODE = "aead_xchacha20_poly1305_rtpsize";
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const SSRC = 5;
const OPUS = Uint8Array.of(0x78, 1, 2);

/** A client's reports, and the server at the other end of its key. */
function setup(start = 1000) {
  const media = new MediaPlane(0, 700);
  let seed = 0;
  const reports = new RtcpReports(media, (into) => into.fill(seed++));
  media.start(SSRC, new PacketCipher(MODE, KEY, nobleCiphers));
  media.setSending(true);
  reports.start(start);
  const server = new PacketCipher(MODE, KEY, nobleCiphers, new NonceCounter(2 ** 31));
  const send = (count = 1) => {
    for (let i = 0; i < count; i++) media.packetize(OPUS, new Uint8Array(60));
  };
  const hear = (ssrc: number, sequence: number, now: number) => {
    const sender = new MediaPlane(sequence, 960 * sequence);
    sender.start(ssrc, new PacketCipher(MODE, KEY, nobleCiphers));
    sender.setSending(true);
    const datagram = new Uint8Array(60);
    const size = sender.packetize(OPUS, datagram);
    assertEquals(media.depacketize(datagram.subarray(0, size), new Uint8Array(60), now), 3);
  };
  /** The packets of the client's next report, of which there must be one. */
  const next = (now: number): RtcpPacket[] => {
    const compound = openRtcp(server, reports.next(now)!);
    assert(typeof compound !== "string");
    return parseRtcp(compound);
  };
  const receive = (compound: Uint8Array, now: number) =>
    reports.receive(sealRtcp(server, compound), now);
  return { media, reports, send, hear, next, receive };
}

function blockOf(fields: Partial<ReportBlock>): ReportBlock {
  return {
    ssrc: SSRC,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
    ...fields,
  };
}

test("RtcpReports.next() says nothing where nothing was sent or heard", () => {
  const { reports, send, hear, next } = setup();
  assertEquals(reports.next(3000), undefined);
  send();
  assertEquals(next(4000).length, 2);
  assertEquals(reports.next(5000), undefined);
  hear(9, 1, 5000);
  assertEquals(next(6000).length, 2);
  assertEquals(reports.next(7000), undefined);
});

test("RtcpReports.next() is a sender report where something was sent, and a CNAME behind it", () => {
  const { send, next } = setup(1000);
  send(3);
  const [report, description] = next(3500);
  assert(report.type === "senderReport" && description.type === "sourceDescription");
  const { ssrc, ntpTimestamp, rtpTimestamp, packetCount, octetCount, blocks } = report;
  assertEquals([ssrc, rtpTimestamp, packetCount, octetCount], [SSRC, 700 + 3 * 960, 3, 9]);
  // 2.5 s since the start: no wall clock shows.
  assertEquals([ntpTimestamp, blocks], [5n << 31n, []]);
  const [{ ssrc: source, items }] = description.chunks;
  assertEquals([source, items.length, items[0].type], [SSRC, 1, 1]);
  assertEquals(/^[0-9a-f]{24}$/.test(items[0].text), true);
  send();
  const [again, named] = next(6000);
  assert(again.type === "senderReport" && named.type === "sourceDescription");
  assertEquals([again.packetCount, again.octetCount], [4, 12]);
  assertEquals(named.chunks[0].items[0].text, items[0].text);
});

test("RtcpReports.next() tells of what was heard: a receiver report where nothing was sent", () => {
  const { hear, next, receive } = setup();
  for (const sequence of [10, 11, 14]) hear(9, sequence, 20 * sequence);
  hear(8, 65_535, 0);
  const wallClock = 0x83aa7e80_80000000n;
  const sent = { rtpTimestamp: 0, packetCount: 0, octetCount: 0, blocks: [] };
  receive(buildSenderReport({ ssrc: 9, ntpTimestamp: wallClock, ...sent }), 1500);
  const [report] = next(2000);
  assert(report.type === "receiverReport");
  assertEquals(report.ssrc, SSRC);
  assertEquals(report.blocks, [
    blockOf({
      ssrc: 9,
      fractionLost: 102,
      cumulativeLost: 2,
      highestSequence: 14,
      lastSenderReport: compactNtp(wallClock),
      delaySinceLastSenderReport: 32_768,
    }),
    blockOf({ ssrc: 8, highestSequence: 65_535 }),
  ]);
});

test("RtcpReports.next() has 31 blocks at most; the others come next", () => {
  const { hear, next } = setup();
  for (let ssrc = 100; ssrc < 140; ssrc++) hear(ssrc, 1, 0);
  const blocks = [2000, 3000].map((now) => {
    const [report] = next(now);
    assert(report.type === "receiverReport");
    return report.blocks.map(({ ssrc }) => ssrc);
  });
  assertEquals(blocks.map(({ length }) => length), [REPORT_BLOCK_LIMIT, 40 - REPORT_BLOCK_LIMIT]);
  assertEquals(new Set(blocks.flat()).size, 40);
});

test("RtcpReports.next() makes none while the plane may not send, and spends no nonce", () => {
  const { media, reports, send } = setup();
  send();
  media.setSending(false);
  assertEquals([reports.next(2000), media.cipher?.nonce], [undefined, 1]);
  media.setSending(true);
  assert(reports.next(3000) !== undefined);
  assertEquals(media.cipher?.nonce, 2);
});

test("RtcpReports.delay() is half of the interval to one and a half", () => {
  const { media } = setup();
  const delays = [0, 51, 255].map((byte) =>
    new RtcpReports(media, (into) => into.fill(byte)).delay()
  );
  assertEquals(delays, [0.5, 0.7, 1.5].map((share) => share * REPORT_INTERVAL));
});

test("RtcpReports.receive() tells what the server received, and how long the way was", () => {
  const { reports, send, next, receive } = setup(1000);
  assertEquals(reports.remote, undefined);
  send();
  const [report] = next(3000);
  assert(report.type === "senderReport");
  const block = blockOf({
    fractionLost: 64,
    cumulativeLost: 3,
    jitter: 480,
    lastSenderReport: compactNtp(report.ntpTimestamp),
    delaySinceLastSenderReport: 65_536,
  });
  const received = receive(buildReceiverReport(0, [blockOf({ ssrc: 99 }), block]), 4050)!;
  const { roundTrip, ...figures } = received;
  assertEquals(figures, { fractionLost: 0.25, lost: 3, jitter: 10, at: 4050 });
  assertAlmostEquals(roundTrip!, 50, 0.05);
  assertEquals(reports.remote, received);
});

test("RtcpReports.receive() takes a block in a sender report, and one behind other packets", () => {
  const { receive } = setup();
  const fields = { ssrc: 0, ntpTimestamp: 1n, rtpTimestamp: 0, packetCount: 0, octetCount: 0 };
  const sender = buildSenderReport({ ...fields, blocks: [blockOf({ cumulativeLost: 1 })] });
  const other = buildReceiverReport(0, [blockOf({ ssrc: 77 })]);
  assertEquals(receive(sender, 1)?.lost, 1);
  const last = buildReceiverReport(0, [blockOf({ cumulativeLost: -2 })]);
  assertEquals(receive(Uint8Array.of(...other, ...last), 2)?.lost, -2);
  assertEquals(receive(other, 3), undefined);
});

test("RtcpReports.receive() leaves a report aside that came twice: the way is no longer for it", () => {
  const { reports, receive } = setup();
  const report = buildReceiverReport(0, [blockOf({ jitter: 48 })]);
  assertEquals(receive(report, 10)?.at, 10);
  assertEquals([receive(report, 9000), reports.remote?.at], [undefined, 10]);
});

test("RtcpReports.receive() believes no answer to a report that was not sent, or long ago", () => {
  const { reports, send, next, receive } = setup();
  const sent: number[] = [];
  for (let i = 0; i < 6; i++) {
    send();
    const [report] = next(2000 + 1000 * i);
    assert(report.type === "senderReport");
    sent.push(compactNtp(report.ntpTimestamp));
  }
  const measured = [0, 1, 0xffffffff, ...sent].map((lastSenderReport) =>
    receive(buildReceiverReport(0, [blockOf({ lastSenderReport })]), 7100)?.roundTrip
  );
  assertEquals(measured.map((roundTrip) => roundTrip === undefined ? 0 : 1), [
    ...[0, 0, 0],
    ...[0, 0, 1, 1, 1, 1],
  ]);
  assertAlmostEquals(reports.remote!.roundTrip!, 100, 0.05);
});

test("RtcpReports.start() forgets all that was under the key before", () => {
  const { media, reports, send, next, receive } = setup();
  send();
  const [report] = next(2000);
  assert(report.type === "senderReport");
  const block = blockOf({ lastSenderReport: compactNtp(report.ntpTimestamp) });
  receive(buildReceiverReport(0, [block]), 2100);
  media.start(SSRC, new PacketCipher(MODE, KEY, nobleCiphers));
  reports.start(10_000);
  assertEquals([reports.remote, reports.next(11_000)], [undefined, undefined]);
  assertEquals(receive(buildReceiverReport(0, [block]), 12_000)?.roundTrip, undefined);
  send();
  const [fresh] = next(12_000);
  assert(fresh.type === "senderReport");
  assertEquals([fresh.packetCount, fresh.ntpTimestamp], [1, 2n << 32n]);
});
