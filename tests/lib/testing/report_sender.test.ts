import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { isRtcp } from "../../../lib/demux.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher, SEALING_MODES } from "../../../lib/packet.ts";
import {
  buildSenderReport,
  compactNtp,
  openRtcp,
  parseRtcp,
  type ReportBlock,
  sealRtcp,
} from "../../../lib/rtp/rtcp.ts";
import { nobleCiphers } from "../../../lib/secretbox.ts";
import { GCM, type RawClient, Rig, rtpHeader } from "./rig.ts";

const OPUS = Uint8Array.of(0x78, 1, 2);
const PORT = 40_001;

function setup(options: ConstructorParameters<typeof Rig>[0] = {}) {
  const rig = new Rig({ heartbeatInterval: 1e6, ...options });
  return { rig, alice: rig.join("10", PORT) };
}

/** The blocks of the reports that a client has got. */
function reportsTo(client: RawClient): ReportBlock[] {
  const cipher = new PacketCipher(GCM, client.key, nobleCiphers);
  return client.heard.filter(isRtcp).flatMap((datagram) => {
    const compound = openRtcp(cipher, datagram);
    assert(typeof compound !== "string", `${compound}`);
    return parseRtcp(compound).flatMap((packet) =>
      packet.type === "receiverReport" ? packet.blocks : []
    );
  });
}

test("ReportSender tells a sender what came of its packets, every five seconds", () => {
  const { rig, alice } = setup();
  for (const sequence of [1, 2, 5]) alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
  rig.run(4999);
  assertEquals(reportsTo(alice), []);
  rig.run(1);
  const [first] = reportsTo(alice);
  const { ssrc, fractionLost, cumulativeLost, highestSequence } = first;
  assertEquals([ssrc, fractionLost, cumulativeLost, highestSequence], [1, 102, 2, 5]);
  alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, 6)));
  rig.run(5000);
  assertEquals(reportsTo(alice).map(({ fractionLost }) => fractionLost), [102, 0]);
});

test("ReportSender tells those nothing who send nothing, and sleeps", () => {
  const { rig, alice } = setup();
  const bob = rig.join("20", PORT + 1);
  alice.sendDatagram(alice.rtp(OPUS));
  rig.run(60_000);
  assertEquals([reportsTo(alice).length, reportsTo(bob).length], [1, 0]);
});

test("ReportSender answers a client's sender report", () => {
  const { rig, alice } = setup();
  const ntpTimestamp = 5n << 32n;
  const fields = { ssrc: 1, ntpTimestamp, rtpTimestamp: 0, packetCount: 1, octetCount: 3 };
  const counter = new NonceCounter(900);
  const cipher = new PacketCipher(GCM, alice.key, nobleCiphers, counter);
  alice.sendDatagram(alice.rtp(OPUS));
  rig.run(3000);
  alice.sendDatagram(sealRtcp(cipher, buildSenderReport({ ...fields, blocks: [] })));
  rig.run(2000);
  const [{ lastSenderReport, delaySinceLastSenderReport }] = reportsTo(alice);
  assertEquals([lastSenderReport, delaySinceLastSenderReport], [compactNtp(ntpTimestamp), 131_072]);
});

test("ReportSender reports at the interval that is wanted, or never", () => {
  for (const [reportInterval, count] of [[100, 10], [Infinity, 0]]) {
    const { rig, alice } = setup({ reportInterval });
    for (let sequence = 1; sequence <= 11; sequence++) {
      alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
      rig.run(100);
    }
    assertEquals(reportsTo(alice).length >= count, true, `${reportInterval}`);
    assertEquals(rig.server.pollTimeout()! > rig.now, true);
  }
  for (const reportInterval of [0, -1, NaN]) {
    assertThrows(
      () => new Rig({ reportInterval }),
      RangeError,
      `Cannot start a server with reportInterval ${reportInterval}: it must be at least 1`,
    );
  }
});

test("ReportSender sends nothing in the modes that are out of service, nor to who has left", () => {
  for (const mode of SEALING_MODES as readonly EncryptionMode[]) {
    const rig = new Rig({ heartbeatInterval: 1e6 });
    const alice = rig.identify("10");
    alice.select(mode, PORT);
    const cipher = new PacketCipher(
      mode,
      alice.key,
      nobleCiphers,
      undefined,
      (into) => into.fill(1),
    );
    const packet = new Uint8Array(12 + OPUS.length + cipher.overhead);
    packet.set(rtpHeader(1));
    packet.set(OPUS, 12);
    cipher.seal(packet, 12, OPUS.length);
    alice.sendDatagram(packet);
    assertEquals(rig.server.stats().accepted, 1, mode);
    rig.run(6000);
    assertEquals(alice.heard.length, mode.startsWith("aead") && mode.endsWith("rtpsize") ? 1 : 0);
  }
  const { rig, alice } = setup();
  alice.sendDatagram(alice.rtp(OPUS));
  alice.close(1000);
  rig.run(6000);
  assertEquals(alice.heard, []);
});

test("ReportSender begins anew with a new key", () => {
  const { rig, alice } = setup();
  for (const sequence of [1, 5]) alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
  alice.select(GCM, PORT);
  alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, 900)));
  rig.run(6000);
  assertEquals(reportsTo(alice).map(({ cumulativeLost }) => cumulativeLost), [0]);
});
