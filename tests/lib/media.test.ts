import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { LocalProtocolError } from "../../lib/errors.ts";
import { MediaPlane } from "../../lib/media.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import {
  ALL_ENCRYPTION_MODES,
  ENCRYPTION_MODES,
  type EncryptionMode,
  PacketCipher,
  packetOverhead,
  SEALING_MODES,
} from "../../lib/packet.ts";
import { Participants } from "../../lib/participants.ts";
import { buildReceiverReport, sealRtcp } from "../../lib/rtp/rtcp.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../lib/rtp_header.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVectors,
  truncations,
} from "../tools/vectors.ts";

const { vectors, negative } = loadVectors<TransportVectors>("transport.json");
const KEY = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const SSRC = 0xdeadbeef;
const SILENCE = hex("f8fffe");

function planeOf(
  mode: string = "aead_aes256_gcm_rtpsize",
  { sequence = 0, timestamp = 0, nonce = 0 } = {},
): MediaPlane {
  const plane = new MediaPlane(sequence, timestamp);
  const counter = new NonceCounter(nonce);
  const random = (into: Uint8Array) => into.fill(7);
  plane.start(SSRC, new PacketCipher(mode as EncryptionMode, KEY, nobleCiphers, counter, random));
  plane.setSending(true);
  return plane;
}

function packetize(plane: MediaPlane, frame = SILENCE, timestamp?: number): Uint8Array {
  const into = new Uint8Array(frame.length + 32);
  return into.subarray(0, plane.packetize(frame, into, timestamp));
}

function depacketize(plane: MediaPlane, datagram: Uint8Array): string | number {
  const into = new Uint8Array(datagram.length);
  const size = plane.depacketize(datagram, into);
  return size > 0 ? toHex(into.subarray(0, size)) : size;
}

function drops(plane: MediaPlane): Record<string, number> {
  return { ...plane.counters.dropped } as Record<string, number>;
}

test("MediaPlane.packetize() builds V21 and V22: both RTP counters wrap, the nonce does not", () => {
  const plane = planeOf("aead_xchacha20_poly1305_rtpsize", {
    sequence: 65535,
    timestamp: 2 ** 32 - 960,
    nonce: 8,
  });
  assertEquals(toHex(packetize(plane)), byId(vectors, "V21").packet);
  assertEquals(plane.timestamp, 0);
  assertEquals(toHex(packetize(plane)), byId(vectors, "V22").packet);
  assertEquals(plane.timestamp, 960);
  assertEquals(plane.counters.sent, 2);
});

test("MediaPlane.packetize() steps sequence, timestamp and nonce by one frame, twice", () => {
  const plane = planeOf();
  const header = new RtpHeader();
  const seen = [0, 1, 2].map(() => {
    const datagram = packetize(plane);
    parseRtpHeader(datagram, header);
    return [header.sequence, header.timestamp, readU32(datagram, datagram.length - 4)];
  });
  assertEquals(seen, [[0, 0, 0], [1, 960, 1], [2, 1920, 2]]);
});

test("MediaPlane.sequence is that of the next packet, over a new key too; 65535 wraps", () => {
  const plane = planeOf(undefined, { sequence: 65534 });
  const numbers = [65534, 65535, 0].map((expected) => {
    assertEquals(plane.sequence, expected);
    const header = new RtpHeader();
    parseRtpHeader(packetize(plane), header);
    return header.sequence;
  });
  assertEquals(numbers, [65534, 65535, 0]);
  plane.stop();
  assertEquals([packetize(plane).length, plane.sequence], [0, 1]);
});

test("MediaPlane.packetize() takes the timestamp it is given and goes on from there", () => {
  const plane = planeOf();
  const header = new RtpHeader();
  for (const [given, expected, next] of [[5000, 5000, 5960], [2 ** 32 - 1, 2 ** 32 - 1, 959]]) {
    parseRtpHeader(packetize(plane, SILENCE, given), header);
    assertEquals([header.timestamp, plane.timestamp], [expected, next]);
  }
  parseRtpHeader(packetize(plane), header);
  assertEquals(header.timestamp, 959);
});

test("MediaPlane.packetize() counts the duration of the frame", () => {
  const plane = planeOf();
  for (const [frame, next] of [["08", 960], ["19", 960 + 5760], ["e0", 6840]] as const) {
    packetize(plane, hex(frame));
    assertEquals(plane.timestamp, next, frame);
  }
});

test("MediaPlane.packetize() makes nothing unless it has a key and sends", () => {
  const plane = new MediaPlane(5, 7);
  const into = new Uint8Array(40).fill(0xee);
  const untouched = () => {
    assertEquals(plane.packetize(SILENCE, into), 0);
    assert(into.every((byte) => byte === 0xee));
    assertEquals([plane.timestamp, plane.counters.sent], [7, 0]);
  };
  plane.setSending(true);
  untouched();
  const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", KEY, nobleCiphers);
  plane.start(SSRC, cipher);
  plane.setSending(false);
  untouched();
  assertEquals(cipher.nonce, 0);
  plane.setSending(true);
  plane.stop();
  untouched();
});

test("MediaPlane.packetize() refuses a frame that is no Opus and a buffer that is too small", () => {
  const plane = planeOf();
  for (const frame of ["", "ff", "ff00"]) assertThrows(() => packetize(plane, hex(frame)), frame);
  const error = assertThrows(() => plane.packetize(SILENCE, new Uint8Array(34)), RangeError);
  assertEquals(
    error.message,
    "Cannot packetize a frame of 3 bytes: the buffer has 34 bytes, 35 are needed",
  );
  assertEquals([plane.timestamp, plane.counters.sent, plane.cipher?.nonce], [0, 0, 0]);
});

for (const mode of ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain")) {
  test(`MediaPlane asks for as much room as ${mode} needs, and hears what it sends`, () => {
    const [sender, receiver] = [planeOf(mode), planeOf(mode)];
    const size = 12 + SILENCE.length + packetOverhead(mode);
    const short = new Uint8Array(size - 1);
    assertThrows(() => sender.packetize(SILENCE, short), RangeError, `${size} are needed`);
    for (let sequence = 0; sequence < 3; sequence++) {
      const datagram = new Uint8Array(size);
      assertEquals(sender.packetize(SILENCE, datagram), size);
      assertEquals(depacketize(receiver, datagram), toHex(SILENCE));
      assertEquals(receiver.header.sequence, sequence);
      assertEquals(depacketize(receiver, datagram), 0);
    }
    assertEquals(drops(receiver), { duplicate: 3 });
  });

  test(`MediaPlane tells the extension of a packet, ${mode}`, () => {
    const receiver = planeOf(mode);
    const cipher = new PacketCipher(mode, KEY, nobleCiphers, undefined, (into) => into.fill(1));
    const whole = hex("90780001000003c000000001bede0001109002fff8fffe");
    const packet = new Uint8Array(whole.length + cipher.overhead);
    packet.set(whole);
    const header = new RtpHeader();
    parseRtpHeader(packet, header);
    const clearSize = cipher.clearSize(header);
    cipher.seal(packet, clearSize, whole.length - clearSize);
    assertEquals(depacketize(receiver, packet), toHex(SILENCE));
    const { extension, extensionWords, ssrc } = receiver.header;
    assertEquals([extension, extensionWords, ssrc], [true, 1, 1]);
  });
}

test("MediaPlane.packetize() refuses when all nonces are spent, and changes nothing", () => {
  const plane = planeOf(undefined, { nonce: 2 ** 32 - 1 });
  assertEquals(packetize(plane).length, 35);
  for (let i = 0; i < 2; i++) {
    assertThrows(() => packetize(plane), LocalProtocolError, "nonces of this key are spent");
    assertEquals([plane.timestamp, plane.counters.sent], [960, 1]);
  }
});

for (const { id, mode, packet, fields } of vectors) {
  if (!/^V(1\d|2[12])-/.test(id)) continue;
  test(`MediaPlane.depacketize() takes the frame out of ${id}`, () => {
    const plane = planeOf(mode);
    assertEquals(depacketize(plane, hex(packet)), fields.opus);
    const { sequence, timestamp, ssrc } = plane.header;
    assertEquals([sequence, timestamp, ssrc], [fields.seq, fields.timestamp, fields.ssrc]);
    assertEquals([plane.counters.received, drops(plane)], [1, {}]);
  });
}

test("MediaPlane.depacketize() drops V20, whose sequence number counts", () => {
  const plane = planeOf("aead_xchacha20_poly1305_rtpsize");
  assertEquals(depacketize(plane, hex(byId(vectors, "V20").packet)), 0);
  assertEquals(drops(plane), { "padding-only": 1 });
  assertEquals(plane.counters.streams[0].received, 1);
});

for (
  const [id, reason] of [
    ["N10", "bad-tag"],
    ["N11", "bad-tag"],
    ["N12", "bad-tag"],
    ["N13", "bad-tag"],
    ["N14", "bad-tag"],
    ["N15", "bad-tag"],
    ["N16", "bad-padding"],
    ["N17", "bad-padding"],
    ["N18", "bad-extension"],
    ["N19", "too-short"],
  ] as const
) {
  test(`MediaPlane.depacketize() counts ${id} as ${reason}, twice`, () => {
    const plane = planeOf();
    for (const count of [1, 2]) {
      assertEquals(depacketize(plane, hex(byId(negative, id).packet)), 0);
      assertEquals(drops(plane), { [reason]: count });
    }
    assertEquals([plane.counters.received, plane.counters.streams], [0, []]);
  });
}

test("MediaPlane.depacketize() leaves everything that is no RTP to handleInput", () => {
  const plane = planeOf();
  const others = [
    byId(negative, "N20").packet,
    "",
    "80",
    "1337f00d00000001",
    byId(vectors, "V23").packet,
    byId(vectors, "V27").packet,
    "0002",
  ];
  for (const packet of others) assertEquals(depacketize(plane, hex(packet)), -1, packet);
  assertEquals(drops(plane), {});
});

test("MediaPlane.depacketize() drops other payload types, and all without a key", () => {
  const plane = new MediaPlane(0, 0);
  const audio = hex(byId(vectors, "V11").packet);
  assertEquals(depacketize(plane, audio), 0);
  assertEquals(drops(plane), { "not-connected": 1 });
  const other = audio.slice();
  other[1] = 0x60;
  assertEquals(depacketize(planeOf(), other), 0);
  const connected = planeOf();
  depacketize(connected, other);
  assertEquals(drops(connected), { "payload-type": 1 });
});

test("MediaPlane.depacketize() takes each packet once", () => {
  const sender = planeOf();
  const plane = planeOf();
  const datagrams = [0, 1, 2].map(() => packetize(sender));
  const [first, second, third] = datagrams;
  const sizes = [first, third, second, first, second, third].map((datagram) =>
    depacketize(plane, datagram)
  );
  assertEquals(sizes, ["f8fffe", "f8fffe", "f8fffe", 0, 0, 0]);
  assertEquals([plane.counters.received, drops(plane)], [3, { duplicate: 3 }]);
  assertEquals(plane.counters.streams, [
    { ssrc: SSRC, received: 3, lost: 0, late: 1, duplicates: 3, jitter: 0 },
  ]);
});

test("MediaPlane.depacketize() refuses a buffer smaller than the datagram", () => {
  const datagram = packetize(planeOf());
  const error = assertThrows(() => planeOf().depacketize(datagram, new Uint8Array(34)), RangeError);
  assertEquals(
    error.message,
    "Cannot depacketize a datagram of 35 bytes: the buffer has 34 bytes",
  );
});

test("MediaPlane.depacketize() receives while it may not send", () => {
  const datagram = packetize(planeOf());
  const plane = planeOf();
  plane.setSending(false);
  assertEquals(depacketize(plane, datagram), "f8fffe");
});

test("MediaPlane.header is that of the last packet that was accepted", () => {
  const sender = planeOf(undefined, { sequence: 40 });
  const plane = planeOf();
  const [accepted, broken, foreign] = [0, 1, 2].map(() => packetize(sender));
  broken[20] ^= 1;
  foreign[1] = 0x65;
  depacketize(plane, accepted);
  for (const dropped of [broken, foreign, accepted.slice(0, 20)]) {
    assertEquals(depacketize(plane, dropped), 0);
    assertEquals([plane.header.sequence, plane.header.payloadType], [40, 120]);
  }
});

// Protocol sheet, section 2.5: a new key resets the receiver's state too. SSRCs are small
// numbers that each voice server counts anew, so another sender may have the same one.
test("MediaPlane.start() forgets the sequence numbers of the key before", () => {
  const plane = planeOf();
  assertEquals(depacketize(plane, packetize(planeOf(undefined, { sequence: 2000 }))), "f8fffe");
  const mode = "aead_aes256_gcm_rtpsize";
  const key = KEY.map((byte) => byte ^ 0xff);
  const sender = new MediaPlane(1000, 0);
  sender.start(SSRC, new PacketCipher(mode, key, nobleCiphers));
  sender.setSending(true);
  plane.start(SSRC, new PacketCipher(mode, key, nobleCiphers));
  assertEquals(depacketize(plane, packetize(sender)), "f8fffe");
});

test("MediaPlane.depacketize() drops every truncation and every flipped bit, with a reason", () => {
  const datagram = hex(byId(vectors, "V14").packet);
  const plane = planeOf();
  let given = 0;
  for (const broken of [...truncations(datagram), ...bitFlips(datagram)]) {
    const result = depacketize(plane, broken);
    assert(result === 0 || result === -1, `${result}: ${toHex(broken)}`);
    if (result === 0) given++;
  }
  const counted = Object.values(drops(plane)).reduce((sum, count) => sum + count, 0);
  assertEquals([counted, plane.counters.received], [given, 0]);
  assertEquals(depacketize(plane, datagram), byId(vectors, "V14").fields.opus);
});

test("MediaPlane.depacketize() drops garbage of every length, with a reason", () => {
  const random = seededRandom(9);
  const plane = planeOf();
  let given = 0;
  for (let size = 0; size <= 100; size++) {
    for (let i = 0; i < 40; i++) {
      const garbage = randomBytes(random, size);
      if (size > 0 && i % 2 === 0) garbage[0] = 0x80 | garbage[0] & 0x3f;
      if (size > 1 && i % 4 === 0) garbage[1] = 0x78;
      const before = garbage.slice();
      const result = depacketize(plane, garbage);
      assertEquals(garbage, before);
      assert(result === 0 || result === -1);
      if (result === 0) given++;
    }
  }
  const counted = Object.values(drops(plane)).reduce((sum, count) => sum + count, 0);
  assertEquals(counted, given);
});

test("MediaPlane.counters are a copy", () => {
  const plane = planeOf();
  const before = plane.counters;
  plane.drop("bad-rtcp");
  packetize(plane);
  assertEquals([before.sent, before.dropped], [0, {}]);
  assertEquals([plane.counters.sent, plane.counters.dropped], [1, { "bad-rtcp": 1 }]);
});

// Video

test("MediaPlane.depacketize() sets video aside by payload type, and disturbs no voice", () => {
  const sender = planeOf(undefined, { sequence: 50 });
  const plane = planeOf();
  for (let type = 96; type <= 112; type++) {
    const datagram = packetize(planeOf(undefined, { sequence: 60_000 + type }));
    datagram[1] = type % 3 === 0 ? 0x80 | type : type;
    assertEquals(depacketize(plane, datagram), 0, `${type}`);
  }
  assertEquals(drops(plane), { "payload-type": 9, video: 4, rtx: 4 });
  assertEquals(plane.counters.streams, []);
  assertEquals(depacketize(plane, packetize(sender)), "f8fffe");
  assertEquals(plane.counters.streams.map(({ received, lost }) => [received, lost]), [[1, 0]]);
});

test("MediaPlane.depacketize() sets aside what the server told to be video, whatever its type", () => {
  const participants = new Participants();
  const cipher = () => new PacketCipher("aead_aes256_gcm_rtpsize", KEY, nobleCiphers);
  const plane = new MediaPlane(0, 0, participants);
  plane.start(1, cipher());
  const packetFrom = (ssrc: number, type: number) => {
    const sender = new MediaPlane(7, 0);
    sender.start(ssrc, cipher());
    sender.setSending(true);
    const datagram = packetize(sender);
    datagram[1] = type;
    return datagram;
  };
  participants.map(10, "a");
  participants.mapVideo([11, 12], "a", [12]);
  for (const type of [120, 96, 101]) {
    for (const ssrc of [11, 12]) assertEquals(depacketize(plane, packetFrom(ssrc, type)), 0);
  }
  assertEquals(drops(plane), { video: 3, rtx: 3 });
  assertEquals(depacketize(plane, packetFrom(10, 120)), "f8fffe");
  assertEquals(plane.counters.users.map(({ userId, ssrcs }) => [userId, ssrcs]), [["a", [10]]]);
  participants.map(11, "b");
  assertEquals(depacketize(plane, packetFrom(11, 120)), "f8fffe");
});

// Figures

test("MediaPlane measures jitter by the moments it is told, and none over silence", () => {
  const sender = planeOf();
  const plane = planeOf();
  const sound = hex("780102");
  const receive = (frame: Uint8Array, now: number) => {
    const datagram = packetize(sender, frame);
    assert(plane.depacketize(datagram, new Uint8Array(datagram.length), now) > 0);
    return plane.counters.streams[0].jitter;
  };
  assertEquals([receive(sound, 0), receive(sound, 36)], [0, 1]);
  const before = receive(SILENCE, 56);
  // The sender let its timestamp stand for 600 ms.
  assertEquals(receive(sound, 676), before);
});

test("MediaPlane.transmission counts under each key anew; counters.sent goes on", () => {
  const plane = planeOf(undefined, { timestamp: 500 });
  packetize(plane);
  packetize(plane, hex("780102030405"));
  const { packets, octets, ssrc, timestamp } = plane.transmission;
  assertEquals([packets, octets, ssrc], [2, 9, SSRC]);
  assertEquals(timestamp, plane.timestamp);
  plane.start(9, new PacketCipher("aead_aes256_gcm_rtpsize", KEY, nobleCiphers));
  assertEquals(plane.transmission, { packets: 0, octets: 0, ssrc: 9, timestamp: plane.timestamp });
  assertEquals(plane.counters.sent, 2);
});

test("MediaPlane.counters outlive a key by user and in total", () => {
  const participants = new Participants();
  participants.map(SSRC, "a");
  const plane = new MediaPlane(0, 0, participants);
  const cipher = () => new PacketCipher("aead_aes256_gcm_rtpsize", KEY, nobleCiphers);
  for (const round of [1, 2]) {
    plane.start(1, cipher());
    assertEquals(depacketize(plane, packetize(planeOf())), "f8fffe");
    const { users, totals, streams } = plane.counters;
    assertEquals(streams.map(({ received }) => received), [1]);
    assertEquals([users.length, users[0].received, totals.received], [1, round, round]);
  }
});

// RTCP

test("MediaPlane.openRtcp() counts what it cannot open or parse, and never throws", () => {
  const plane = new MediaPlane(0, 0);
  const capture = byId(vectors, "V27");
  const report = hex(capture.packet);
  assertEquals(plane.openRtcp(report), []);
  assertEquals(drops(plane), { "not-connected": 1 });
  const key = hex(capture.key!);
  const cipher = () => new PacketCipher("aead_aes256_gcm_rtpsize", key, nobleCiphers);
  plane.start(SSRC, cipher());
  assertEquals(plane.openRtcp(report).map(({ type }) => type), [
    "senderReport",
    "sourceDescription",
  ]);
  for (const broken of [...truncations(report), ...bitFlips(report)]) {
    assertEquals(plane.openRtcp(broken), []);
  }
  const malformed = sealRtcp(cipher(), hex("80c9000200000001"));
  assertEquals(plane.openRtcp(malformed), []);
  const { "bad-tag": tag = 0, "too-short": short = 0, "bad-rtcp": bad } = drops(plane);
  assertEquals([tag + short, bad], [report.length + 8 * report.length, 1]);
});

test("MediaPlane.sealRtcp() seals while it sends, in the modes that are in service", () => {
  const compound = buildReceiverReport(SSRC, []);
  for (const mode of SEALING_MODES) {
    const plane = planeOf(mode);
    const datagram = plane.sealRtcp(compound);
    assertEquals(datagram !== undefined, ENCRYPTION_MODES.includes(mode), mode);
    assertEquals(plane.cipher?.nonce, datagram === undefined ? 0 : 1);
    if (datagram !== undefined) assertEquals(planeOf(mode).openRtcp(datagram).length, 1);
    plane.setSending(false);
    assertEquals(plane.sealRtcp(compound), undefined);
    plane.setSending(true);
    plane.stop();
    assertEquals(plane.sealRtcp(compound), undefined);
  }
});

test("MediaPlane.sealRtcp() shares the nonces of packets, and stops with the last one", () => {
  const plane = planeOf(undefined, { nonce: 2 ** 32 - 2 });
  const compound = buildReceiverReport(SSRC, []);
  const nonces = [packetize(plane), plane.sealRtcp(compound)!].map((datagram) =>
    readU32(datagram, datagram.length - 4)
  );
  assertEquals(nonces, [2 ** 32 - 2, 2 ** 32 - 1]);
  assertEquals(plane.sealRtcp(compound), undefined);
});
