import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  buildRtpHeader,
  CSRC_LIMIT,
  OPUS_PAYLOAD_TYPE,
  parseRtpHeader,
  readCsrcs,
  readU32,
  RTP_HEADER_SIZE,
  type RtpExtension,
  RtpHeader,
  type RtpHeaderFields,
  writeRtpHeader,
  writeU32,
} from "../../lib/rtp.ts";
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

const FIELDS: RtpHeaderFields = { sequence: 0x1234, timestamp: 0x0a0b0c0d, ssrc: 0xdeadbeef };

test("buildRtpHeader() writes each part where it belongs", () => {
  const extension = { profile: 0xbede, body: hex("10b29005") };
  for (
    const [more, expected] of [
      [{}, "807812340a0b0c0ddeadbeef"],
      [{ marker: true }, "80f812340a0b0c0ddeadbeef"],
      [{ payloadType: 0 }, "800012340a0b0c0ddeadbeef"],
      [{ payloadType: 127, marker: true }, "80ff12340a0b0c0ddeadbeef"],
      [{ padding: true }, "a07812340a0b0c0ddeadbeef"],
      [{ csrcs: [1, 0xfedcba98] }, "827812340a0b0c0ddeadbeef00000001fedcba98"],
      [{ extension }, "907812340a0b0c0ddeadbeefbede000110b29005"],
      [{ extension: { profile: 0x1000, body: hex("") } }, "907812340a0b0c0ddeadbeef10000000"],
      [
        { csrcs: [7], extension, padding: true, marker: true, payloadType: 101 },
        "b1e512340a0b0c0ddeadbeef00000007bede000110b29005",
      ],
    ] as [Partial<RtpHeaderFields>, string][]
  ) {
    assertEquals(toHex(buildRtpHeader({ ...FIELDS, ...more })), expected);
  }
});

test("buildRtpHeader() writes what parseRtpHeader() and readCsrcs() read", () => {
  const random = seededRandom(6);
  const header = new RtpHeader();
  for (let csrcCount = 0; csrcCount <= CSRC_LIMIT; csrcCount++) {
    for (const words of [undefined, 0, 1, 300, 0xffff]) {
      const csrcs = Array.from({ length: csrcCount }, random);
      const body = new Uint8Array(4 * (words ?? 0)).fill(0xee);
      const extension = words === undefined ? undefined : { profile: 0xffff, body };
      const fields = { sequence: random() >>> 16, timestamp: random(), ssrc: random() };
      const [marker, padding] = [random() % 2 === 0, random() % 2 === 0];
      const payloadType = random() >>> 25;
      const built = buildRtpHeader({ ...fields, csrcs, extension, marker, padding, payloadType });
      assertEquals(parseRtpHeader(built, header), undefined);
      assertEquals({ ...header }, {
        ...fields,
        marker,
        padding,
        payloadType,
        extension: words !== undefined,
        extensionWords: words ?? 0,
        csrcCount,
        clearSize: 12 + 4 * csrcCount + (words === undefined ? 0 : 4),
      });
      assertEquals(readCsrcs(built, header), csrcs);
      assertEquals(built.length, header.clearSize + body.length);
    }
  }
});

test("buildRtpHeader() cuts wrapped counters", () => {
  const fields = { sequence: 0x10000, timestamp: 2 ** 32 + 960, ssrc: 1 };
  assertEquals(toHex(buildRtpHeader(fields)), "80780000000003c000000001");
});

test("buildRtpHeader() refuses what does not fit", () => {
  const body = new Uint8Array(4);
  const extension = (fields: Partial<RtpExtension>) => ({
    extension: { profile: 0xbede, body, ...fields },
  });
  for (
    const [more, wanted] of [
      [{ payloadType: 128 }, "payload type 128 is not an integer of 0 to 127"],
      [{ payloadType: -1 }, "payload type -1 is not an integer of 0 to 127"],
      [{ payloadType: 1.5 }, "payload type 1.5 is not an integer of 0 to 127"],
      [{ csrcs: new Array(16).fill(1) }, "16 CSRCs are given, 15 fit"],
      [
        extension({ profile: 0x10000 }),
        "extension profile 65536 is not an integer of 0 to 65535",
      ],
      [
        extension({ body: new Uint8Array(5) }),
        "the extension's body has 5 bytes, not words of 4 up to 262140",
      ],
      [
        extension({ body: new Uint8Array(262144) }),
        "the extension's body has 262144 bytes, not words of 4 up to 262140",
      ],
    ] as [Partial<RtpHeaderFields>, string][]
  ) {
    const error = assertThrows(() => buildRtpHeader({ ...FIELDS, ...more }), RangeError);
    assertEquals(error.message, `Cannot build an RTP header: ${wanted}`);
  }
});

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
