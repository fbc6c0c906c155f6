// Invariant: whatever the bytes, parseRtcp() returns packets or throws RemoteProtocolError, leaves
// the compound as it was, and keeps no part of it; openRtcp() returns a compound or why not.
import { assertEquals, assertGreater, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleCiphers } from "../../../lib/secretbox.ts";
import { LocalProtocolError, RemoteProtocolError } from "../../../lib/errors.ts";
import { isRtcp } from "../../../lib/demux.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import {
  ENCRYPTION_MODES,
  type EncryptionMode,
  PacketCipher,
  SEALING_MODES,
} from "../../../lib/packet.ts";
import {
  buildReceiverReport,
  buildSenderReport,
  buildSourceDescription,
  canSealRtcp,
  compactNtp,
  ntpTimestamp,
  openRtcp,
  parseRtcp,
  type ReportBlock,
  roundTripTime,
  RTCP_CLEAR_SIZE,
  type RtcpPacket,
  RtcpPacketType,
  sealRtcp,
} from "../../../lib/rtp/rtcp.ts";
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
} from "../../tools/vectors.ts";

const { vectors } = loadVectors<TransportVectors>("transport.json");
const NONE = new Uint8Array(0);

const BLOCK: ReportBlock = {
  ssrc: 0xdeadbeef,
  fractionLost: 5,
  cumulativeLost: 2,
  highestSequence: 0x00011234,
  jitter: 16,
  lastSenderReport: 0x89abcdef,
  delaySinceLastSenderReport: 0x1000,
};

const SERVER_REPORT: RtcpPacket = {
  type: "receiverReport",
  ssrc: 0xcafef00d,
  blocks: [BLOCK],
  extension: NONE,
};

const EXPECTED: Readonly<Record<string, RtcpPacket[]>> = {
  V23: [SERVER_REPORT],
  V24: [{
    type: "senderReport",
    ssrc: 0xdeadbeef,
    ntpTimestamp: 0xe957a59b69374bc6n,
    rtpTimestamp: 0x0a0b0c0d,
    packetCount: 8,
    octetCount: 102,
    blocks: [],
    extension: NONE,
  }],
  V25: [SERVER_REPORT],
  V26: [SERVER_REPORT],
  V27: [{
    type: "senderReport",
    ssrc: 388120,
    ntpTimestamp: 0xe957a59b69374bc6n,
    rtpTimestamp: 0x0a5b61d0,
    packetCount: 0x5b8e,
    octetCount: 0x1e661b,
    blocks: [],
    extension: NONE,
  }, {
    type: "sourceDescription",
    chunks: [{ ssrc: 388120, items: [{ type: 1, text: "" }] }],
  }],
};

/** A valid packet of every kind. None has padding, so any of them can come first. */
const SAMPLES: Readonly<Record<string, string>> = {
  senderReport: "81c8000c" + "deadbeef" + "e957a59b69374bc6" + "0a0b0c0d0000000800000066" +
    "deadbeef05000002000112340000001089abcdef00001000",
  receiverReport: "81c90007cafef00ddeadbeef05000002000112340000001089abcdef00001000",
  receiverReportWithExtension: "80c90002cafef00d11223344",
  sourceDescription: "82ca0007" + "00000001" + "0103612d62" + "0602c3a9" + "000000" +
    "00000002" + "01050102030405" + "00",
  bye: "82cb000400000001000000020568656c6c6f0000",
  byeWithoutReason: "81cb000100000001",
  application: "85cc00030000000141424344deadbeef",
  nack: "81cd0004000000010000000200070005fffe8001",
  transportCc: "8fcd00040000000100000002000100012000000a",
  pictureLoss: "81ce00020000000100000002",
  maximumBitrate: "8fce0006000000010000000052454d420211f2a90000000300000004",
  fullIntraRequest: "84ce000400000001000000000000000301000000",
  otherApplicationFeedback: "8fce0003000000010000000041424344",
  unknown: "83cf000211223344aabbccdd",
};

/** The compound of a vector, as the vector gives it. */
function compoundOf(id: string): Uint8Array {
  const { clear_prefix, encrypted_plaintext } = byId(vectors, id);
  return hex(clear_prefix + encrypted_plaintext);
}

/** Mode, key and nonce of a vector. */
function cipherOf(id: string): PacketCipher {
  const { mode, key, nonce_wire } = byId(vectors, id);
  const counter = new NonceCounter(parseInt(nonce_wire ?? "0", 16));
  return new PacketCipher(mode as EncryptionMode, hex(key!), nobleCiphers, counter);
}

/** A cipher of any mode, for both directions. */
function newCipher(mode: EncryptionMode): PacketCipher {
  const random = seededRandom(7);
  const fill = (into: Uint8Array) => into.set(randomBytes(random, into.length));
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  return new PacketCipher(mode, key, nobleCiphers, new NonceCounter(), fill);
}

function rejection(text: string): string {
  return assertThrows(() => parseRtcp(hex(text)), RemoteProtocolError).message;
}

function parseOne(text: string): RtcpPacket {
  const packets = parseRtcp(hex(text));
  assertEquals(packets.length, 1);
  return packets[0];
}

/** Parses what may be malformed; tells whether it was accepted. */
function survives(compound: Uint8Array): boolean {
  const before = compound.slice();
  try {
    assertGreater(parseRtcp(compound).length, 0);
    return true;
  } catch (error) {
    assertInstanceOf(error, RemoteProtocolError);
    return false;
  } finally {
    assertEquals(compound, before);
  }
}

for (const [id, packets] of Object.entries(EXPECTED)) {
  test(`parseRtcp() reads ${id}`, () => {
    assertEquals(isRtcp(hex(byId(vectors, id).packet)), true);
    assertEquals(parseRtcp(compoundOf(id)), packets);
  });
}

test("parseRtcp() reads a sender report with a block", () => {
  assertEquals(parseOne(SAMPLES.senderReport), {
    type: "senderReport",
    ssrc: 0xdeadbeef,
    ntpTimestamp: 0xe957a59b69374bc6n,
    rtpTimestamp: 0x0a0b0c0d,
    packetCount: 8,
    octetCount: 102,
    blocks: [BLOCK],
    extension: NONE,
  });
});

test("parseRtcp() keeps the profile-specific extension of a report", () => {
  assertEquals(parseOne(SAMPLES.receiverReportWithExtension), {
    type: "receiverReport",
    ssrc: 0xcafef00d,
    blocks: [],
    extension: hex("11223344"),
  });
});

test("parseRtcp() reads losses as 24 bits with sign and all else unsigned", () => {
  for (
    const [bytes, lost] of [["7fffff", 8388607], ["800000", -8388608], ["ffffff", -1]] as const
  ) {
    const packet = parseOne("81c90007ffffffff" + "ffffffff" + "ff" + bytes + "f".repeat(32));
    assertEquals(packet, {
      type: "receiverReport",
      ssrc: 0xffffffff,
      blocks: [{
        ssrc: 0xffffffff,
        fractionLost: 255,
        cumulativeLost: lost,
        highestSequence: 0xffffffff,
        jitter: 0xffffffff,
        lastSenderReport: 0xffffffff,
        delaySinceLastSenderReport: 0xffffffff,
      }],
      extension: NONE,
    });
  }
});

test("parseRtcp() reads chunks and items of a source description", () => {
  assertEquals(parseOne(SAMPLES.sourceDescription), {
    type: "sourceDescription",
    chunks: [
      { ssrc: 1, items: [{ type: 1, text: "a-b" }, { type: 6, text: "\u00e9" }] },
      { ssrc: 2, items: [{ type: 1, text: "\x01\x02\x03\x04\x05" }] },
    ],
  });
  assertEquals(parseOne("80ca0000"), { type: "sourceDescription", chunks: [] });
  assertEquals(parseOne("81ca00020000000100000000"), {
    type: "sourceDescription",
    chunks: [{ ssrc: 1, items: [] }],
  });
});

test("parseRtcp() keeps the ASCII of a text that is no UTF-8", () => {
  const packet = parseOne("81ca0003" + "00000001" + "010461ff62c3" + "0000");
  assertEquals(packet, {
    type: "sourceDescription",
    chunks: [{ ssrc: 1, items: [{ type: 1, text: "a\ufffdb\ufffd" }] }],
  });
});

test("parseRtcp() wants each chunk ended by a zero, and nothing behind the last", () => {
  assertEquals(
    rejection("81ca000200000001" + "01024142"),
    "Cannot parse RTCP at byte 0: a source description with its last chunk ended needs 13 bytes, " +
      "the packet has 12",
  );
  assertEquals(
    rejection("81ca000200000001" + "01034142"),
    "Cannot parse RTCP at byte 0: a source description up to the item at its byte 8 needs 13 " +
      "bytes, the packet has 12",
  );
  assertEquals(
    rejection("81ca0003" + "00000001" + "00000000" + "00000000"),
    "Cannot parse RTCP at byte 0: a source description with 1 chunks has 12 bytes, the packet 16",
  );
  assertEquals(
    rejection("82ca000200000001" + "00000000"),
    "Cannot parse RTCP at byte 0: a source description up to chunk 2 of 2 needs 16 bytes, " +
      "the packet has 12",
  );
});

test("parseRtcp() reads a bye with and without a reason", () => {
  assertEquals(parseOne(SAMPLES.bye), { type: "bye", ssrcs: [1, 2], reason: "hello" });
  assertEquals(parseOne(SAMPLES.byeWithoutReason), { type: "bye", ssrcs: [1], reason: undefined });
  assertEquals(parseOne("80cb0000"), { type: "bye", ssrcs: [], reason: undefined });
  assertEquals(parseOne("80cb000100000000"), { type: "bye", ssrcs: [], reason: "" });
  assertEquals(parseOne("80cb000103414243"), { type: "bye", ssrcs: [], reason: "ABC" });
});

test("parseRtcp() wants the reason of a bye to fit exactly", () => {
  for (const text of ["81cb0000", "80cb000104414243", "80cb00020341424300000000"]) {
    assertEquals(rejection(text).startsWith("Cannot parse RTCP at byte 0: a bye "), true, text);
  }
});

test("parseRtcp() reads a packet of an application", () => {
  assertEquals(parseOne(SAMPLES.application), {
    type: "application",
    subtype: 5,
    ssrc: 1,
    name: "ABCD",
    data: hex("deadbeef"),
  });
  assertEquals(
    rejection("80cc000100000001"),
    "Cannot parse RTCP at byte 0: a packet of an application needs 12 bytes, the packet has 8",
  );
});

test("parseRtcp() reads a NACK as sequence numbers, over the wrap", () => {
  assertEquals(parseOne(SAMPLES.nack), {
    type: "nack",
    senderSsrc: 1,
    mediaSsrc: 2,
    sequences: [7, 8, 10, 0xfffe, 0xffff, 14],
  });
  const all = parseOne("81cd000300000001000000020000ffff");
  assertEquals(all.type === "nack" && all.sequences, Array.from({ length: 17 }, (_, i) => i));
});

test("parseRtcp() wants a NACK to name at least one packet", () => {
  assertEquals(
    rejection("81cd00020000000100000002"),
    "Cannot parse RTCP at byte 0: a NACK needs 16 bytes, the packet has 12",
  );
});

test("parseRtcp() leaves transport-cc as bytes", () => {
  assertEquals(parseOne(SAMPLES.transportCc), {
    type: "transportFeedback",
    format: 15,
    senderSsrc: 1,
    mediaSsrc: 2,
    data: hex("000100012000000a"),
  });
});

test("parseRtcp() reads a picture loss indication, which has no data", () => {
  assertEquals(parseOne(SAMPLES.pictureLoss), {
    type: "pictureLoss",
    senderSsrc: 1,
    mediaSsrc: 2,
  });
  assertEquals(
    rejection("81ce0003000000010000000200000000"),
    "Cannot parse RTCP at byte 0: a picture loss indication has 12 bytes, the packet 16",
  );
});

test("parseRtcp() reads bitrate and sources of REMB", () => {
  assertEquals(parseOne(SAMPLES.maximumBitrate), {
    type: "maximumBitrate",
    senderSsrc: 1,
    mediaSsrc: 0,
    bitrate: 0x1f2a9 * 2 ** 4,
    ssrcs: [3, 4],
  });
  const most = parseOne("8fce0004000000010000000052454d4200ffffff");
  assertEquals(most.type === "maximumBitrate" && most.bitrate, 0x3ffff * 2 ** 63);
});

test("parseRtcp() wants the sources of REMB to fit exactly", () => {
  assertEquals(
    rejection("8fce0003000000010000000052454d42"),
    "Cannot parse RTCP at byte 0: a REMB needs 20 bytes, the packet has 16",
  );
  for (
    const text of [
      "8fce0004000000010000000052454d420111f2a9",
      "8fce0005000000010000000052454d420011f2a900000003",
    ]
  ) {
    assertEquals(rejection(text).startsWith("Cannot parse RTCP at byte 0: a REMB "), true, text);
  }
});

test("parseRtcp() leaves other payload feedback as bytes", () => {
  const ssrcs = { senderSsrc: 1, mediaSsrc: 0 };
  const data = (text: string, format: number): RtcpPacket => {
    return { type: "payloadFeedback", format, ...ssrcs, data: hex(text) };
  };
  assertEquals(parseOne(SAMPLES.fullIntraRequest), data("0000000301000000", 4));
  assertEquals(parseOne(SAMPLES.otherApplicationFeedback), data("41424344", 15));
  assertEquals(parseOne("8fce00020000000100000000"), data("", 15));
});

test("parseRtcp() wants both sources of any feedback", () => {
  for (const type of ["cd", "ce"]) {
    for (let format = 0; format < 32; format++) {
      rejection((0x80 | format).toString(16) + type + "000100000001");
    }
  }
});

test("parseRtcp() keeps packets of unknown types as bytes", () => {
  assertEquals(parseOne(SAMPLES.unknown), {
    type: "unknown",
    packetType: 207,
    count: 3,
    data: hex("11223344aabbccdd"),
  });
  const known: readonly number[] = Object.values(RtcpPacketType);
  for (let packetType = 0; packetType < 256; packetType++) {
    if (known.includes(packetType)) continue;
    assertEquals(parseRtcp(Uint8Array.of(0x80, packetType, 0, 0)), [
      { type: "unknown", packetType, count: 0, data: NONE },
    ]);
  }
});

test("parseRtcp() reads all kinds in one compound, in order", () => {
  const texts = Object.values(SAMPLES);
  const packets = parseRtcp(hex(texts.join("")));
  assertEquals(packets, texts.map(parseOne));
  assertEquals(new Set(packets.map(({ type }) => type)).size, 11);
});

test("parseRtcp() takes padding off the last packet", () => {
  assertEquals(parseOne("a3cf000311223344aabbccdd00000004"), parseOne(SAMPLES.unknown));
  const report = SAMPLES.receiverReport.replace("81c90007", "a1c90009") + "0000000000000008";
  assertEquals(parseRtcp(hex(SAMPLES.bye + report)), [parseOne(SAMPLES.bye), SERVER_REPORT]);
  assertEquals(parseOne("a0cb000100000004"), { type: "bye", ssrcs: [], reason: undefined });
});

test("parseRtcp() rejects padding that is none", () => {
  for (const padding of [0, 1, 2, 3, 5, 7, 12, 255]) {
    const last = padding.toString(16).padStart(2, "0");
    assertEquals(
      rejection("a0cf000211223344aabbcc" + last),
      `Cannot parse RTCP at byte 0: ${padding} bytes of padding in a packet of 12`,
    );
  }
  assertEquals(
    rejection("a0cf0000"),
    "Cannot parse RTCP at byte 0: 0 bytes of padding in a packet of 4",
  );
});

test("parseRtcp() rejects padding that leaves too little, or comes too early", () => {
  assertEquals(
    rejection("a0c90001" + "00000004"),
    "Cannot parse RTCP at byte 0: a receiver report with 0 blocks needs 8 bytes, the packet has 4",
  );
  assertEquals(
    rejection("a0cf000100000004" + SAMPLES.bye),
    "Cannot parse RTCP at byte 0: there is padding before the last packet",
  );
});

test("parseRtcp() says what is wrong with a header, and where", () => {
  assertEquals(rejection(""), "Cannot parse RTCP: the compound is empty");
  assertEquals(
    rejection(SAMPLES.byeWithoutReason + "80c9"),
    "Cannot parse RTCP at byte 8: 2 bytes are left, a header has 4",
  );
  assertEquals(
    rejection(SAMPLES.byeWithoutReason + "40c90001cafef00d"),
    "Cannot parse RTCP at byte 8: the version is 1, not 2",
  );
  assertEquals(
    rejection(SAMPLES.byeWithoutReason + "80c90002cafef00d"),
    "Cannot parse RTCP at byte 8: the packet has 12 bytes, 8 are left",
  );
});

test("parseRtcp() wants every block that a report counts", () => {
  assertEquals(
    rejection(SAMPLES.receiverReport.replace("81", "82")),
    "Cannot parse RTCP at byte 0: a receiver report with 2 blocks needs 56 bytes, " +
      "the packet has 32",
  );
  assertEquals(
    rejection("80c80005" + "00".repeat(20)),
    "Cannot parse RTCP at byte 0: a sender report with 0 blocks needs 28 bytes, the packet has 24",
  );
});

// Sealed compounds

for (const id of Object.keys(EXPECTED)) {
  const datagram = hex(byId(vectors, id).packet);
  const overhead = datagram.length - compoundOf(id).length;

  test(`sealRtcp() makes ${id}, and openRtcp() opens it`, () => {
    const compound = compoundOf(id);
    assertEquals(toHex(sealRtcp(cipherOf(id), compound)), toHex(datagram));
    assertEquals(compound, compoundOf(id));
    assertEquals(openRtcp(cipherOf(id), datagram), compound);
    assertEquals(toHex(datagram), byId(vectors, id).packet);
  });

  test(`openRtcp() rejects every truncation of ${id}, and says why`, () => {
    const cipher = cipherOf(id);
    for (const part of truncations(datagram)) {
      const tooShort = part.length < RTCP_CLEAR_SIZE + overhead;
      assertEquals(openRtcp(cipher, part), tooShort ? "too-short" : "bad-tag", `${part.length}`);
    }
    assertEquals(openRtcp(cipher, datagram), compoundOf(id));
  });

  test(`openRtcp() rejects ${id} with a bit flipped in what its mode protects`, () => {
    const cipher = cipherOf(id);
    const free = byId(vectors, id).mode === "xsalsa20_poly1305_lite" ? RTCP_CLEAR_SIZE : 0;
    for (const [bit, flipped] of bitFlips(datagram).entries()) {
      const opened = openRtcp(cipher, flipped);
      if (bit >= 8 * free) assertEquals(opened, "bad-tag", `bit ${bit}`);
      else assertEquals(opened, bitFlips(compoundOf(id))[bit], `bit ${bit}`);
    }
  });

  test(`openRtcp() rejects ${id} under another key, and with a byte more`, () => {
    const { mode, key } = byId(vectors, id);
    const [flipped] = bitFlips(hex(key!));
    const other = new PacketCipher(mode as EncryptionMode, flipped, nobleCiphers);
    assertEquals(openRtcp(other, datagram), "bad-tag");
    assertEquals(openRtcp(cipherOf(id), Uint8Array.of(...datagram, 0)), "bad-tag");
  });
}

test("sealRtcp() and openRtcp() are inverse in every mode, for compounds of every size", () => {
  const random = seededRandom(8);
  for (const mode of SEALING_MODES) {
    const cipher = newCipher(mode);
    for (let size = RTCP_CLEAR_SIZE; size <= 100; size++) {
      const compound = randomBytes(random, size);
      const datagram = sealRtcp(cipher, compound);
      assertEquals(datagram.length, size + cipher.overhead);
      assertEquals(datagram.subarray(0, RTCP_CLEAR_SIZE), compound.subarray(0, RTCP_CLEAR_SIZE));
      assertEquals(openRtcp(newCipher(mode), datagram), compound, `${mode} ${size}`);
    }
  }
});

test("sealRtcp() spends one nonce for each datagram, and none for what it refuses", () => {
  for (const mode of SEALING_MODES) {
    // These two take theirs from a random source and from the header.
    if (mode === "xsalsa20_poly1305_suffix" || mode === "xsalsa20_poly1305") continue;
    const cipher = newCipher(mode);
    const sealed = Array.from({ length: 3 }, () => toHex(sealRtcp(cipher, compoundOf("V23"))));
    assertEquals([cipher.nonce, new Set(sealed).size], [3, 3], mode);
    assertThrows(() => sealRtcp(cipher, new Uint8Array(7)), RangeError);
    assertEquals(cipher.nonce, 3, mode);
  }
});

test("sealRtcp() refuses a compound that is shorter than what is clear of it", () => {
  const cipher = cipherOf("V23");
  for (let size = 0; size < RTCP_CLEAR_SIZE; size++) {
    const { message } = assertThrows(() => sealRtcp(cipher, new Uint8Array(size)), RangeError);
    assertEquals(message, `Cannot seal RTCP of ${size} bytes: it has at least 8`);
  }
  const shortest = buildReceiverReport(1, []);
  assertEquals(openRtcp(cipher, sealRtcp(cipher, shortest)), shortest);
});

test("sealRtcp() seals nothing in the mode plain, whose datagrams openRtcp() takes", () => {
  const compound = compoundOf("V27");
  assertThrows(() => sealRtcp(newCipher("plain"), compound), LocalProtocolError, "plain");
  assertEquals(openRtcp(newCipher("plain"), compound), compound);
  assertEquals(openRtcp(newCipher("plain"), compound.subarray(0, 7)), "too-short");
});

test("openRtcp() gives memory of its own, and reads a view that begins anywhere", () => {
  const datagram = hex(`ffffff${byId(vectors, "V27").packet}ff`).subarray(3, -1);
  const compound = openRtcp(cipherOf("V27"), datagram);
  datagram.fill(0xff);
  assertEquals(compound, compoundOf("V27"));
  assertEquals(parseRtcp(compound as Uint8Array), EXPECTED.V27);
});

test("openRtcp() survives garbage of every length, and says why of each", () => {
  const random = seededRandom(9);
  for (const mode of SEALING_MODES) {
    const cipher = newCipher(mode);
    const least = RTCP_CLEAR_SIZE + cipher.overhead;
    for (let size = 0; size <= 100; size++) {
      const datagram = randomBytes(random, size);
      const before = datagram.slice();
      assertEquals(openRtcp(cipher, datagram), size < least ? "too-short" : "bad-tag", mode);
      assertEquals(datagram, before);
    }
  }
});

// Hostile compounds

for (const [name, text] of Object.entries(SAMPLES)) {
  test(`parseRtcp() accepts the whole and rejects every truncation of: ${name}`, () => {
    assertEquals(survives(hex(text)), true);
    for (const part of truncations(hex(text))) {
      assertEquals(survives(part), false, `${part.length}`);
    }
  });

  test(`parseRtcp() survives every shorter size that is claimed of: ${name}`, () => {
    const bytes = hex(text);
    for (let words = 0; words < bytes.length / 4 - 1; words++) {
      const part = bytes.slice(0, 4 * words + 4);
      part[3] = words;
      survives(part);
      part[0] |= 0x20;
      survives(part);
    }
  });

  test(`parseRtcp() survives every flipped bit of: ${name}`, () => {
    for (const flipped of bitFlips(hex(text))) survives(flipped);
  });
}

test("parseRtcp() accepts a truncated compound only between packets", () => {
  const compound = compoundOf("V27");
  for (const part of truncations(compound)) {
    assertEquals(survives(part), part.length === 28, `${part.length}`);
  }
});

test("parseRtcp() survives 20000 inputs of garbage, of which some are packets", () => {
  const random = seededRandom(5);
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = randomBytes(random, random() % 120);
    if (i % 2 === 1 && bytes.length >= 4) {
      // A header that holds, so that the garbage reaches the parser of its type.
      bytes[0] = 0x80 | bytes[0] & (i % 4 === 1 ? 0x23 : 0x0f);
      bytes[1] = 199 + bytes[1] % 9;
      bytes[2] = 0;
      bytes[3] = (bytes.length >>> 2) - 1;
    }
    const whole = i % 2 === 1 ? bytes.slice(0, bytes.length & ~3) : bytes;
    if (survives(whole)) accepted++;
  }
  assertGreater(accepted, 1000);
  assertGreater(20_000 - accepted, 1000);
});

test("parseRtcp() takes the longest compound of the smallest packets", () => {
  const compound = new Uint8Array(65_504);
  for (let at = 0; at < compound.length; at += 4) compound.set([0x80, 203], at);
  assertEquals(parseRtcp(compound).length, compound.length / 4);
});

test("parseRtcp() keeps nothing of the compound", () => {
  const compound = hex(Object.values(SAMPLES).join(""));
  const before = parseRtcp(compound);
  const expected = parseRtcp(compound.slice());
  compound.fill(0xff);
  assertEquals(before, expected);
});

test("parseRtcp() reads a view that begins anywhere", () => {
  const text = Object.values(SAMPLES).join("");
  assertEquals(parseRtcp(hex("ffffff" + text + "ff").subarray(3, -1)), parseRtcp(hex(text)));
});

test("buildReceiverReport() writes the bytes of V23", () => {
  assertEquals(buildReceiverReport(0xcafef00d, [BLOCK]), compoundOf("V23"));
});

test("buildSenderReport() writes the bytes of V24, and of V27 before its description", () => {
  for (const id of ["V24", "V27"]) {
    const compound = compoundOf(id);
    const [packet] = parseRtcp(compound);
    if (packet.type !== "senderReport") throw new Error(packet.type);
    assertEquals(buildSenderReport(packet), compound.slice(0, 28));
  }
});

test("buildSenderReport() writes the bytes of its sample", () => {
  const packet = parseOne(SAMPLES.senderReport);
  if (packet.type !== "senderReport") throw new Error(packet.type);
  assertEquals(toHex(buildSenderReport(packet)), SAMPLES.senderReport);
});

function randomBlock(random: () => number): ReportBlock {
  return {
    ssrc: random(),
    fractionLost: random() >>> 24,
    cumulativeLost: random() >> 8,
    highestSequence: random(),
    jitter: random(),
    lastSenderReport: random(),
    delaySinceLastSenderReport: random(),
  };
}

test("buildSenderReport() and buildReceiverReport() make what parseRtcp() reads", () => {
  const random = seededRandom(6);
  for (let count = 0; count <= 31; count++) {
    const blocks = Array.from({ length: count }, () => randomBlock(random));
    const fields = {
      ssrc: random(),
      ntpTimestamp: BigInt(random()) << 32n | BigInt(random()),
      rtpTimestamp: random(),
      packetCount: random(),
      octetCount: random(),
      blocks,
    };
    const sent = buildSenderReport(fields);
    const received = buildReceiverReport(fields.ssrc, blocks);
    assertEquals([sent.length, received.length], [28 + 24 * count, 8 + 24 * count]);
    assertEquals(isRtcp(sent) && isRtcp(received), true);
    assertEquals(parseRtcp(Uint8Array.of(...sent, ...received)), [
      { type: "senderReport", ...fields, extension: NONE },
      { type: "receiverReport", ssrc: fields.ssrc, blocks, extension: NONE },
    ]);
  }
});

test("buildReceiverReport() and buildSenderReport() take no more than 31 blocks", () => {
  const blocks = Array.from({ length: 32 }, () => BLOCK);
  const message = "Cannot build a report of 32 blocks: at most 31 fit";
  assertThrows(() => buildReceiverReport(1, blocks), RangeError, message);
  const fields = { ssrc: 1, ntpTimestamp: 0n, rtpTimestamp: 0, packetCount: 0, octetCount: 0 };
  assertThrows(() => buildSenderReport({ ...fields, blocks }), RangeError, message);
});

test("buildReceiverReport() clamps losses to 24 bits with sign", () => {
  const lostOf = (cumulativeLost: number): string =>
    toHex(buildReceiverReport(1, [{ ...BLOCK, cumulativeLost }]).subarray(12, 16));
  assertEquals(lostOf(-1), "05ffffff");
  assertEquals(lostOf(0x7fffff), "057fffff");
  assertEquals(lostOf(0x800000), "057fffff");
  assertEquals(lostOf(2 ** 40), "057fffff");
  assertEquals(lostOf(-0x800000), "05800000");
  assertEquals(lostOf(-0x800001), "05800000");
});

test("buildSenderReport() keeps the low bits of what has wrapped", () => {
  const fields = { ssrc: 2 ** 32 + 1, rtpTimestamp: 2 ** 32 + 2, blocks: [] };
  const counts = { packetCount: 2 ** 32 + 3, octetCount: 2 ** 33 + 4 };
  assertEquals(
    toHex(buildSenderReport({ ...fields, ...counts, ntpTimestamp: (1n << 64n) + 5n })),
    "80c80006" + "00000001" + "0000000000000005" + "00000002" + "00000003" + "00000004",
  );
});

test("ntpTimestamp() counts from 1900 and wraps in 2036", () => {
  assertEquals(ntpTimestamp(0), 2_208_988_800n << 32n);
  assertEquals(ntpTimestamp(500), (2_208_988_800n << 32n) + 0x80000000n);
  assertEquals(ntpTimestamp(-500), (2_208_988_799n << 32n) + 0x80000000n);
  assertEquals(ntpTimestamp(Date.UTC(2036, 1, 7, 6, 28, 15)), 0xffffffffn << 32n);
  assertEquals(ntpTimestamp(Date.UTC(2036, 1, 7, 6, 28, 16)), 0n);
  assertEquals(ntpTimestamp(Date.UTC(2036, 1, 7, 6, 28, 17)), 1n << 32n);
});

test("ntpTimestamp() of V27 is the day of the capture", () => {
  const [packet] = EXPECTED.V27;
  const sent = Date.UTC(2024, 0, 21);
  const stamp = packet.type === "senderReport" ? packet.ntpTimestamp : 0n;
  assertGreater(stamp, ntpTimestamp(sent - 86_400_000 * 2));
  assertGreater(ntpTimestamp(sent + 86_400_000 * 2), stamp);
});

test("ntpTimestamp() wants a finite time", () => {
  for (const time of [NaN, Infinity, -Infinity]) assertThrows(() => ntpTimestamp(time), RangeError);
});

test("compactNtp() and roundTripTime() reckon the example of RFC 3550, figure 2", () => {
  const lastSenderReport = compactNtp(0xb44db705_20000000n);
  assertEquals(lastSenderReport, 0xb7052000);
  const block = { ...BLOCK, lastSenderReport, delaySinceLastSenderReport: 0x00054000 };
  assertEquals(roundTripTime(block, 0xb7108000), 6125);
});

test("roundTripTime() goes over the wrap of the compact time", () => {
  const block = { ...BLOCK, lastSenderReport: 0xffff0000, delaySinceLastSenderReport: 0x8000 };
  assertEquals(roundTripTime(block, 0x00004000), 750);
});

test("roundTripTime() is unknown without a sender report, and never below 0", () => {
  assertEquals(roundTripTime({ ...BLOCK, lastSenderReport: 0 }, 0x1000), undefined);
  const block = { ...BLOCK, lastSenderReport: 0x10000, delaySinceLastSenderReport: 0x101 };
  assertEquals(roundTripTime(block, 0x10100), 0);
  assertEquals(roundTripTime(block, 0x10101), 0);
  assertEquals(
    roundTripTime({ ...block, delaySinceLastSenderReport: 0xffffffff }, 0x10000) === 0,
    false,
  );
});

test("buildSourceDescription() makes a packet of whole words for a CNAME of every size", () => {
  for (let size = 1; size <= 255; size++) {
    const text = "~".repeat(size);
    const packet = buildSourceDescription(0xdeadbeef, text);
    assertEquals(packet.length % 4, 0);
    assertEquals(packet.length - (10 + size) <= 4, true);
    assertEquals(parseRtcp(packet), [
      { type: "sourceDescription", chunks: [{ ssrc: 0xdeadbeef, items: [{ type: 1, text }] }] },
    ]);
  }
});

test("buildSourceDescription() refuses a CNAME that is none", () => {
  for (const cname of ["", "a".repeat(256), "\u00e9", "a\n", "\0"]) {
    const error = assertThrows(() => buildSourceDescription(1, cname), RangeError);
    assertEquals(
      error.message,
      `Cannot build a source description with a CNAME of ${cname.length} characters: ` +
        "want 1 to 255 of ASCII",
    );
  }
});

test("canSealRtcp() is for the modes in service, and while a nonce is left", () => {
  for (const mode of SEALING_MODES) {
    const counter = new NonceCounter(2 ** 32 - 1);
    const cipher = new PacketCipher(mode, new Uint8Array(32), nobleCiphers, counter);
    assertEquals(canSealRtcp(cipher), ENCRYPTION_MODES.includes(mode), mode);
    if (!canSealRtcp(cipher)) continue;
    sealRtcp(cipher, buildReceiverReport(1, []));
    assertEquals(canSealRtcp(cipher), false);
  }
});
