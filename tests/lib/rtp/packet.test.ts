import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { nobleCiphers } from "../../../lib/secretbox.ts";
import { LocalProtocolError } from "../../../lib/errors.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import { ALL_ENCRYPTION_MODES, type EncryptionMode, PacketCipher } from "../../../lib/packet.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../../lib/rtp_header.ts";
import {
  buildAudioLevel,
  buildExtensions,
  buildSpeaker,
  oneByteExtension,
} from "../../../lib/rtp/extension.ts";
import {
  buildRtpPacket,
  openRtpPacket,
  parseRtpPacket,
  type RtpPacket,
  type RtpPacketFault,
  type RtpPacketFields,
  sealRtpPacket,
} from "../../../lib/rtp/packet.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVector,
  type TransportVectors,
  truncations,
} from "../../tools/vectors.ts";

const { vectors, negative } = loadVectors<TransportVectors>("transport.json");
const RTP = vectors.filter(({ kind }) => kind === "rtp");
const KEY = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const GCM = "aead_aes256_gcm_rtpsize";
const FIELDS: RtpPacketFields = { sequence: 1, timestamp: 960, ssrc: 0xdeadbeef };
const OPUS = hex("fc030a1118");
const FAULTS: readonly string[] = [
  "too-short",
  "bad-version",
  "bad-tag",
  "bad-extension",
  "bad-padding",
];

function newCipher(mode: string = GCM, start = 0, wire = ""): PacketCipher {
  const random = (into: Uint8Array) => into.set(hex(wire));
  return new PacketCipher(
    mode as EncryptionMode,
    KEY,
    nobleCiphers,
    new NonceCounter(start),
    random,
  );
}

/** The cipher that seals a vector: with the nonce that it has on the wire. */
function cipherOf({ mode, nonce_wire }: TransportVector): PacketCipher {
  const wire = nonce_wire ?? "";
  return newCipher(mode, wire.length === 8 ? readU32(hex(wire), 0) : 0, wire);
}

function fieldsOf({ fields }: TransportVector): RtpPacketFields {
  const body = fields.ext_body;
  return {
    sequence: fields.seq,
    timestamp: fields.timestamp,
    ssrc: fields.ssrc,
    payloadType: fields.payload_type,
    csrcs: fields.csrc,
    extension: body === null ? undefined : { profile: 0xbede, body: hex(body) },
    padding: fields.padding,
  };
}

/** A packet that must have been accepted. */
function accepted(packet: RtpPacket | RtpPacketFault): RtpPacket {
  assert(typeof packet === "object", `rejected: ${packet}`);
  return packet;
}

function assertFields(packet: RtpPacket, { fields }: TransportVector): void {
  assertEquals(packet.header.sequence, fields.seq);
  assertEquals(packet.header.timestamp, fields.timestamp);
  assertEquals(packet.header.ssrc, fields.ssrc);
  assertEquals(packet.header.payloadType, fields.payload_type);
  assertEquals([packet.header.padding, packet.padding], [fields.padding > 0, fields.padding]);
  assertEquals(packet.csrcs, [...fields.csrc]);
  assertEquals(toHex(packet.payload), fields.opus);
  const { extension } = packet;
  assertEquals(extension === undefined ? null : toHex(extension.body), fields.ext_body);
  if (extension !== undefined) assertEquals(extension.profile, 0xbede);
}

for (const vector of RTP) {
  const { id, fields, mode } = vector;
  test(`openRtpPacket() opens ${id}`, () => {
    assertFields(accepted(openRtpPacket(cipherOf(vector), hex(vector.packet))), vector);
  });

  test(`${mode === "plain" ? "buildRtpPacket" : "sealRtpPacket"}() builds ${id}`, () => {
    const packet = mode === "plain"
      ? buildRtpPacket(fieldsOf(vector), hex(fields.opus))
      : sealRtpPacket(cipherOf(vector), fieldsOf(vector), hex(fields.opus));
    assertEquals(toHex(packet), vector.packet);
  });
}

test("the vectors are V01 to V22", () => {
  const ids = Array.from({ length: 22 }, (_, i) => `V${String(i + 1).padStart(2, "0")}`);
  assertEquals(RTP.map(({ id }) => id.slice(0, 3)), ids);
});

test("openRtpPacket() gives the elements of V14 and V17", () => {
  const elements = (id: string) => {
    const vector = byId(vectors, id);
    return accepted(openRtpPacket(cipherOf(vector), hex(vector.packet))).elements
      .map(({ id, data }) => [id, toHex(data)]);
  };
  assertEquals(elements("V14"), [[1, "b2"], [9, "05"], [3, "abcdef"]]);
  assertEquals(elements("V17"), [[1, "32"], [9, "02"]]);
  assertEquals(elements("V13"), []);
});

test("sealRtpPacket() takes elements, and builds V12 of them", () => {
  const vector = byId(vectors, "V12");
  const extension = oneByteExtension([
    buildAudioLevel({ voice: true, level: 50 }),
    buildSpeaker(1),
  ]);
  const fields = { ...fieldsOf(vector), extension };
  const datagram = sealRtpPacket(cipherOf(vector), fields, hex(vector.fields.opus));
  assertEquals(toHex(datagram), vector.packet);
});

for (
  const [id, fault] of [
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
    ["N20", "bad-version"],
  ] as const
) {
  test(`openRtpPacket() rejects ${id} as ${fault}`, () => {
    assertEquals(openRtpPacket(newCipher(), hex(byId(negative, id).packet)), fault);
  });
}

for (const mode of ALL_ENCRYPTION_MODES) {
  test(`openRtpPacket() gives back what sealRtpPacket() was given, ${mode}`, () => {
    const random = seededRandom(21);
    const [sender, receiver] = [newCipher(mode, 0, "00".repeat(24)), newCipher(mode)];
    for (const csrcCount of [0, 1, 15]) {
      for (const words of [undefined, 0, 1, 40]) {
        for (const padding of [0, 1, 255]) {
          for (const size of [0, 1, 160, 1400]) {
            const csrcs = Array.from({ length: csrcCount }, random);
            const body = randomBytes(random, 4 * (words ?? 0));
            const extension = words === undefined ? undefined : { profile: 0x1000, body };
            const fields = { ...FIELDS, csrcs, extension, padding, marker: true, payloadType: 7 };
            const payload = randomBytes(random, size);
            const datagram = mode === "plain"
              ? buildRtpPacket(fields, payload)
              : sealRtpPacket(sender, fields, payload);
            const packet = accepted(openRtpPacket(receiver, datagram));
            assertEquals(
              [packet.csrcs, packet.extension, packet.payload, packet.padding],
              [csrcs, extension, payload, padding],
            );
            assertEquals([packet.header.marker, packet.header.payloadType], [true, 7]);
          }
        }
      }
    }
  });

  test(`openRtpPacket() rejects every truncation and survives every flipped bit, ${mode}`, () => {
    const extension = oneByteExtension([buildSpeaker(5)]);
    const fields = { ...FIELDS, csrcs: [1, 2], extension, padding: 3 };
    const datagram = mode === "plain"
      ? buildRtpPacket(fields, OPUS)
      : sealRtpPacket(newCipher(mode, 0, "00".repeat(24)), fields, OPUS);
    const cipher = newCipher(mode);
    const clear = datagram.length - cipher.overhead;
    for (const cut of truncations(datagram)) {
      const opened = openRtpPacket(cipher, cut);
      if (mode !== "plain" || cut.length < 24) {
        assert(typeof opened === "string" && FAULTS.includes(opened), `${cut.length}: ${opened}`);
      }
    }
    for (const [bit, flipped] of bitFlips(datagram).entries()) {
      const opened = openRtpPacket(cipher, flipped);
      if (typeof opened === "string") assert(FAULTS.includes(opened), `bit ${bit}: ${opened}`);
      // The secretbox modes authenticate nothing that is clear, `plain` nothing at all.
      else assert(!mode.startsWith("aead") && bit < 8 * clear, `bit ${bit}`);
    }
  });
}

test("openRtpPacket() calls a header that ends inside the plaintext a bad extension", () => {
  const mode = "aead_aes256_gcm";
  for (const [head, plain] of [["98", "bede0001".repeat(5)], ["81", "111111"], ["90", "bede"]]) {
    const packet = hex(head + "7800010000000100000002" + plain);
    const datagram = new Uint8Array(packet.length + 20);
    datagram.set(packet);
    newCipher(mode).seal(datagram, 12, packet.length - 12);
    assertEquals(openRtpPacket(newCipher(mode), datagram), "bad-extension", head);
  }
});

test("openRtpPacket() loses no audio to elements that are malformed", () => {
  const body = hex("9f020000");
  const fields = { ...FIELDS, extension: { profile: 0xbede, body } };
  const packet = accepted(openRtpPacket(newCipher(), sealRtpPacket(newCipher(), fields, OPUS)));
  assertEquals(packet.elements, []);
  assertEquals(packet.extension, { profile: 0xbede, body });
  assertEquals(packet.payload, OPUS);
});

test("openRtpPacket() reads no elements under another profile", () => {
  const body = buildExtensions([buildSpeaker(1)]);
  const fields = { ...FIELDS, extension: { profile: 0x1000, body } };
  const packet = accepted(openRtpPacket(newCipher(), sealRtpPacket(newCipher(), fields, OPUS)));
  assertEquals(packet.elements, []);
});

// `slice` of a Buffer shares its memory; `Uint8Array`'s does not.
test("the parsers neither change nor keep the caller's memory, a Buffer's included", () => {
  const extension = oneByteExtension([buildSpeaker(1)]);
  const plain = buildRtpPacket({ ...FIELDS, extension }, OPUS);
  const sealed = sealRtpPacket(newCipher(), { ...FIELDS, extension }, OPUS);
  for (
    const [bytes, open] of [
      [plain, parseRtpPacket],
      [sealed, (datagram: Uint8Array) => openRtpPacket(newCipher(), datagram)],
    ] as const
  ) {
    const buffer = Buffer.from(bytes);
    const packet = accepted(open(buffer));
    assertEquals(toHex(buffer), toHex(bytes));
    buffer.fill(0xee);
    assertEquals(toHex(packet.payload), toHex(OPUS));
    assertEquals(packet.elements.map(({ data }) => toHex(data)), ["02"]);
    assertEquals(toHex(packet.extension!.body), toHex(extension.body));
  }
});

test("sealRtpPacket() spends one nonce, and none for fields that do not fit", () => {
  const cipher = newCipher(GCM, 5);
  sealRtpPacket(cipher, FIELDS, OPUS);
  assertEquals(cipher.nonce, 6);
  for (
    const [more, message] of [
      [
        { padding: 256 },
        "Cannot build an RTP packet: 256 bytes of padding are not an integer of 0 to 255",
      ],
      [
        { padding: -1 },
        "Cannot build an RTP packet: -1 bytes of padding are not an integer of 0 to 255",
      ],
      [
        { padding: 0.5 },
        "Cannot build an RTP packet: 0.5 bytes of padding are not an integer of 0 to 255",
      ],
      [
        { payloadType: 200 },
        "Cannot build an RTP header: payload type 200 is not an integer of 0 to 127",
      ],
    ] as const
  ) {
    const error = assertThrows(
      () => sealRtpPacket(cipher, { ...FIELDS, ...more }, OPUS),
      RangeError,
    );
    assertEquals(error.message, message);
  }
  assertEquals(cipher.nonce, 6);
});

test("sealRtpPacket() refuses plain, and all beyond the last nonce", () => {
  assertThrows(() => sealRtpPacket(newCipher("plain"), FIELDS, OPUS), LocalProtocolError);
  const cipher = newCipher(GCM, 2 ** 32 - 1);
  sealRtpPacket(cipher, FIELDS, OPUS);
  assertThrows(() => sealRtpPacket(cipher, FIELDS, OPUS), LocalProtocolError);
});

test("parseRtpPacket() takes a packet apart that is not encrypted, and rejects what is none", () => {
  const vector = byId(vectors, "V14");
  const plain = hex(vector.clear_prefix + vector.encrypted_plaintext);
  assertFields(accepted(parseRtpPacket(plain)), vector);
  for (
    const [packet, fault] of [
      ["", "too-short"],
      ["80780001000000010000", "too-short"],
      ["407800010000000100000002", "bad-version"],
      ["817800010000000100000002", "too-short"],
      ["907800010000000100000002bede0001", "bad-extension"],
      ["a07800010000000100000002", "bad-padding"],
      ["a07800010000000100000002f800", "bad-padding"],
      ["a07800010000000100000002f803", "bad-padding"],
    ] as const
  ) {
    assertEquals(parseRtpPacket(hex(packet)), fault, packet);
  }
  assertEquals(accepted(parseRtpPacket(hex("a07800010000000100000002f802"))).payload.length, 0);
});

test("the parsers survive garbage of every length", () => {
  const random = seededRandom(17);
  const header = new RtpHeader();
  for (let i = 0; i < 4000; i++) {
    const garbage = randomBytes(random, i % 101);
    if (garbage.length > 0 && i % 2 === 0) garbage[0] = 0x80 | garbage[0] & 0x3f;
    const parsed = parseRtpPacket(garbage);
    if (typeof parsed === "string") assert(FAULTS.includes(parsed));
    else assertEquals(parseRtpHeader(garbage, header), undefined);
    const opened = openRtpPacket(newCipher(), garbage);
    assert(typeof opened === "string" && FAULTS.includes(opened), toHex(garbage));
  }
});
