import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  OPUS_PAYLOAD_TYPE,
  parseRtpHeader,
  readU32,
  RTP_HEADER_SIZE,
  RtpHeader,
  writeRtpHeader,
  writeU32,
} from "../../lib/rtp_header.ts";
import { readCsrcs } from "../../lib/rtp/header.ts";
import {
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVectors,
} from "../tools/vectors.ts";

const { vectors } = loadVectors<TransportVectors>("transport.json");

for (const { id, packet, fields, clear_prefix } of vectors) {
  if (!/^V(1\d|2[0-2])-/.test(id)) continue;
  test(`parseRtpHeader() reads ${id}`, () => {
    const header = new RtpHeader();
    assertEquals(parseRtpHeader(hex(packet), header), undefined);
    assertEquals(
      { ...header },
      {
        marker: false,
        payloadType: fields.payload_type,
        sequence: fields.seq,
        timestamp: fields.timestamp,
        ssrc: fields.ssrc,
        padding: fields.padding > 0,
        extension: fields.ext_body !== null,
        csrcCount: fields.csrc.length,
        extensionWords: (fields.ext_body ?? "").length / 8,
        clearSize: clear_prefix.length / 2,
      },
    );
    assertEquals(readCsrcs(hex(packet), header), [...fields.csrc]);
  });
}

test("parseRtpHeader() reads marker and payload type apart", () => {
  const header = new RtpHeader();
  parseRtpHeader(hex("80f8" + "00".repeat(10)), header);
  assertEquals([header.marker, header.payloadType], [true, 120]);
  parseRtpHeader(hex("807f" + "00".repeat(10)), header);
  assertEquals([header.marker, header.payloadType], [false, 127]);
});

test("parseRtpHeader() forgets what an earlier packet had", () => {
  const header = new RtpHeader();
  parseRtpHeader(hex("b1f8ffffffffffffffffffff" + "11111111" + "bede0005"), header);
  assertEquals([header.clearSize, header.extensionWords, header.padding], [20, 5, true]);
  parseRtpHeader(hex("807800010000000200000003"), header);
  assertEquals({ ...header }, {
    ...new RtpHeader(),
    sequence: 1,
    timestamp: 2,
    ssrc: 3,
  });
});

test("parseRtpHeader() takes versions other than 2 for no RTP", () => {
  const header = new RtpHeader();
  for (const first of [0x00, 0x40, 0xc0]) {
    const datagram = new Uint8Array(RTP_HEADER_SIZE);
    datagram[0] = first;
    assertEquals(parseRtpHeader(datagram, header), "bad-version");
  }
});

test("parseRtpHeader() wants all of the clear part, whatever its size", () => {
  const header = new RtpHeader();
  for (let csrcCount = 0; csrcCount < 16; csrcCount++) {
    for (const extension of [0, 0x10]) {
      const clearSize = 12 + 4 * csrcCount + (extension && 4);
      const datagram = new Uint8Array(clearSize);
      datagram[0] = 0x80 | extension | csrcCount;
      assertEquals(parseRtpHeader(datagram, header), undefined);
      assertEquals(header.clearSize, clearSize);
      for (let size = 0; size < clearSize; size++) {
        assertEquals(parseRtpHeader(datagram.subarray(0, size), header), "too-short", `${size}`);
      }
    }
  }
});

test("parseRtpHeader() survives garbage of every length, unchanged", () => {
  const random = seededRandom(3);
  const header = new RtpHeader();
  for (let size = 0; size <= 100; size++) {
    for (let i = 0; i < 20; i++) {
      const datagram = randomBytes(random, size);
      const before = datagram.slice();
      const fault = parseRtpHeader(datagram, header);
      assertEquals(datagram, before);
      if (fault === undefined) assertEquals(header.clearSize <= size, true);
    }
  }
});

test("writeRtpHeader() writes what parseRtpHeader() reads", () => {
  const random = seededRandom(4);
  const into = new Uint8Array(RTP_HEADER_SIZE);
  const header = new RtpHeader();
  for (let i = 0; i < 200; i++) {
    const [sequence, timestamp, ssrc] = [random() >>> 16, random(), random()];
    writeRtpHeader(into, sequence, timestamp, ssrc);
    parseRtpHeader(into, header);
    assertEquals([header.sequence, header.timestamp, header.ssrc], [sequence, timestamp, ssrc]);
    assertEquals(header.payloadType, OPUS_PAYLOAD_TYPE);
  }
});

test("writeRtpHeader() cuts wrapped counters and writes 12 bytes", () => {
  const into = new Uint8Array(14).fill(0xee);
  writeRtpHeader(into, 0x10000, 2 ** 32 + 960, 0xdeadbeef, 0xf8);
  assertEquals(toHex(into), "80780000000003c0deadbeefeeee");
});

test("readU32() and writeU32() are unsigned and big endian", () => {
  const bytes = new Uint8Array(6);
  writeU32(bytes, 1, 0xfedcba98);
  assertEquals(toHex(bytes), "00fedcba9800");
  assertEquals(readU32(bytes, 1), 0xfedcba98);
  assertEquals(readU32(bytes, 0), 0x00fedcba);
  writeU32(bytes, 1, -1);
  assertEquals(readU32(bytes, 1), 0xffffffff);
});
