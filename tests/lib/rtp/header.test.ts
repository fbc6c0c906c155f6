import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  buildRtpHeader,
  CSRC_LIMIT,
  readCsrcs,
  type RtpExtension,
  type RtpHeaderFields,
} from "../../../lib/rtp/header.ts";
import { parseRtpHeader, RtpHeader } from "../../../lib/rtp_header.ts";
import { hex, seededRandom, toHex } from "../../tools/vectors.ts";

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
