import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleAead } from "../../lib/aead.ts";
import { LocalProtocolError, RemoteProtocolError } from "../../lib/errors.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import {
  chooseMode,
  ENCRYPTION_MODES,
  type EncryptionMode,
  isEncryptionMode,
  KEY_SIZE,
  PACKET_OVERHEAD,
  PacketCipher,
} from "../../lib/packet.ts";
import { parseRtpHeader, readU32, RtpHeader, writeRtpHeader } from "../../lib/rtp.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  toHex,
  type TransportVector,
  type TransportVectors,
  truncations,
} from "../tools/vectors.ts";

const [GCM, XCHACHA] = ENCRYPTION_MODES;
const KEY = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const { vectors, negative } = loadVectors<TransportVectors>("transport.json");
const current = vectors.filter(({ mode }) => isEncryptionMode(mode));

function cipherOf({ mode, key }: TransportVector, start?: number): PacketCipher {
  const counter = new NonceCounter(start);
  return new PacketCipher(mode as EncryptionMode, hex(key!), nobleAead, counter);
}

/** Parses and opens, as a receiver does. */
function openRtp(cipher: PacketCipher, datagram: Uint8Array): string {
  const header = new RtpHeader();
  const into = new Uint8Array(datagram.length);
  const fault = parseRtpHeader(datagram, header);
  if (fault !== undefined) return fault;
  const size = cipher.openRtp(datagram, header, into);
  return size < 0 ? cipher.fault : toHex(into.subarray(0, size));
}

/** Seals a plaintext behind a clear header that says whatever it says. */
function sealed(clear: string, plain: string, mode: EncryptionMode = GCM): Uint8Array {
  const [head, body] = [hex(clear), hex(plain)];
  const packet = new Uint8Array(head.length + body.length + PACKET_OVERHEAD);
  packet.set(head);
  packet.set(body, head.length);
  new PacketCipher(mode, KEY, nobleAead).seal(packet, head.length, body.length);
  return packet;
}

test("the transport vectors of the current modes are all here", () => {
  assertEquals(
    current.map(({ id }) => id.slice(0, 3)).join(" "),
    [
      "V10 V11 V12 V13 V14 V15 V16 V17 V18 V19 V20 V21 V22",
      "V23 V24 V27",
    ].join(" "),
  );
});

for (const vector of current) {
  const { id, kind, fields } = vector;
  const packet = hex(vector.packet);

  test(`PacketCipher opens ${id}`, () => {
    const before = packet.slice();
    const into = new Uint8Array(packet.length);
    const clearSize = vector.clear_prefix.length / 2;
    const size = cipherOf(vector).open(packet, clearSize, into);
    assertEquals(toHex(into.subarray(0, size)), vector.encrypted_plaintext);
    assertEquals(packet, before);
    if (kind === "rtp") assertEquals(openRtp(cipherOf(vector), packet), fields.opus);
  });

  // Whatever the sender's byte order was, the wire bytes are some big-endian counter.
  test(`PacketCipher seals ${id}, byte for byte`, () => {
    const clear = hex(vector.clear_prefix);
    const plain = hex(vector.encrypted_plaintext);
    const into = new Uint8Array(packet.length + 3).fill(0xee);
    into.set(clear);
    into.set(plain, clear.length);
    const start = readU32(hex(vector.nonce_wire), 0);
    const cipher = cipherOf(vector, start);
    assertEquals(cipher.seal(into, clear.length, plain.length), packet.length);
    assertEquals(toHex(into), vector.packet + "eeeeee");
    assertEquals(cipher.nonce, start + 1);
  });

  test(`PacketCipher rejects every truncation of ${id}`, () => {
    const cipher = cipherOf(vector);
    const clearSize = vector.clear_prefix.length / 2;
    for (const cut of truncations(packet)) {
      const size = cipher.open(cut, clearSize, new Uint8Array(packet.length));
      assertEquals(size, -1, `${cut.length} bytes`);
      const short = cut.length < clearSize + PACKET_OVERHEAD;
      assertEquals(cipher.fault, short ? "too-short" : "bad-tag", `${cut.length} bytes`);
    }
  });
}

for (const id of ["V14", "V17", "V20"]) {
  test(`PacketCipher rejects every flipped bit of ${id}`, () => {
    const vector = byId(vectors, id);
    const cipher = cipherOf(vector);
    for (const [bit, flipped] of bitFlips(hex(vector.packet)).entries()) {
      const result = openRtp(cipher, flipped);
      assert(["too-short", "bad-tag", "bad-version"].includes(result), `bit ${bit}: ${result}`);
    }
  });
}

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
  test(`PacketCipher rejects ${id} as ${fault}`, () => {
    const { packet, key } = byId(negative, id);
    assertEquals(openRtp(new PacketCipher(GCM, hex(key!), nobleAead), hex(packet)), fault);
  });
}

const HEAD = "7812340000000000000001";
for (
  const [what, first, preamble, plain, expected] of [
    ["padding of the whole payload", "a0", "", "000003", ""],
    ["padding of one byte", "a0", "", "f8fffe01", "f8fffe"],
    ["padding that is as long as the payload", "a0", "", "f8fffe04", ""],
    ["padding that is one byte too long", "a0", "", "f8fffe05", "bad-padding"],
    ["padding flag on an empty payload", "a0", "", "", "bad-padding"],
    [
      "padding that would reach into the extension",
      "b0",
      "bede0001",
      "0a0b0c0df804",
      "bad-padding",
    ],
    ["padding flag where the extension is all", "b0", "bede0001", "0a0b0c01", "bad-padding"],
    ["an extension that is all of the plaintext", "90", "bede0001", "0a0b0c0d", ""],
    ["an extension one word too long", "90", "bede0002", "0a0b0c0df8fffe", "bad-extension"],
    ["an extension without a body", "90", "bede0000", "f8fffe", "f8fffe"],
    ["an extension of another profile", "90", "10000001", "0a0b0c0df8fffe", "f8fffe"],
    ["extension and padding", "b0", "bede0001", "0a0b0c0df8fffe0002", "f8fffe"],
  ] as const
) {
  test(`PacketCipher.openRtp ${what}`, () => {
    const datagram = sealed(first + HEAD + preamble, plain);
    assertEquals(openRtp(new PacketCipher(GCM, KEY, nobleAead), datagram), expected);
  });
}

test("PacketCipher spends one nonce for each packet, and none for opening", () => {
  for (const mode of ENCRYPTION_MODES) {
    const cipher = new PacketCipher(mode, KEY, nobleAead);
    const wire: string[] = [];
    for (let i = 0; i < 3; i++) {
      assertEquals(cipher.nonce, i);
      const packet = new Uint8Array(15 + PACKET_OVERHEAD);
      writeRtpHeader(packet, 1, 1, 1);
      const size = cipher.seal(packet, 12, 3);
      wire.push(toHex(packet.subarray(size - 4)));
      assertEquals(openRtp(cipher, packet), "000000");
    }
    assertEquals(wire, ["00000000", "00000001", "00000002"]);
  }
});

test("PacketCipher refuses to seal once all nonces are spent", () => {
  const cipher = new PacketCipher(GCM, KEY, nobleAead, new NonceCounter(2 ** 32 - 1));
  const packet = new Uint8Array(64);
  assertEquals(cipher.seal(packet, 12, 3), 35);
  const before = packet.slice();
  assertThrows(
    () => cipher.seal(packet, 12, 3),
    LocalProtocolError,
    "nonces of this key are spent",
  );
  assertEquals(packet, before);
});

test("PacketCipher refuses a buffer that is one byte too small, and spends nothing", () => {
  const cipher = new PacketCipher(XCHACHA, KEY, nobleAead);
  const error = assertThrows(() => cipher.seal(new Uint8Array(34), 12, 3), RangeError);
  assertEquals(error.message, "Cannot seal a packet of 35 bytes: the buffer has 34 bytes");
  assertEquals(cipher.nonce, 0);
  assertEquals(cipher.seal(new Uint8Array(35), 12, 3), 35);
});

test("PacketCipher refuses keys of another size", () => {
  for (const size of [0, KEY_SIZE - 1, KEY_SIZE + 1]) {
    const error = assertThrows(
      () => new PacketCipher(GCM, new Uint8Array(size), nobleAead),
      RangeError,
    );
    assertEquals(error.message, `Cannot use a key of ${size} bytes: a key has 32 bytes`);
  }
});

test("PacketCipher does not open a packet of the other mode", () => {
  const datagram = sealed("80" + HEAD, "f8fffe", XCHACHA);
  assertEquals(openRtp(new PacketCipher(XCHACHA, KEY, nobleAead), datagram), "f8fffe");
  assertEquals(openRtp(new PacketCipher(GCM, KEY, nobleAead), datagram), "bad-tag");
});

test("PacketCipher.open gives no plaintext away where the tag is wrong", () => {
  const datagram = sealed("80" + HEAD, "f8fffe");
  datagram[datagram.length - 5] ^= 1;
  const into = new Uint8Array(datagram.length).fill(0xee);
  assertEquals(new PacketCipher(GCM, KEY, nobleAead).open(datagram, 12, into), -1);
  assertEquals(into.includes(0xf8), false);
});

test("chooseMode() takes the first preferred mode that is offered", () => {
  assertEquals(chooseMode([XCHACHA, GCM]), GCM);
  assertEquals(chooseMode([XCHACHA, GCM], [XCHACHA, GCM]), XCHACHA);
  assertEquals(chooseMode(["plain", "xsalsa20_poly1305", XCHACHA]), XCHACHA);
  assertEquals(chooseMode([GCM, XCHACHA], [XCHACHA]), XCHACHA);
});

test("chooseMode() shows both lists where no mode is shared", () => {
  const error = assertThrows(
    () => chooseMode(["plain", "xsalsa20_poly1305"], [XCHACHA]),
    RemoteProtocolError,
  );
  assertEquals(
    error.message,
    "Cannot choose an encryption mode: the server offers [plain, xsalsa20_poly1305], " +
      "the client takes [aead_xchacha20_poly1305_rtpsize]",
  );
  assertThrows(() => chooseMode([]), RemoteProtocolError, "offers []");
});

test("isEncryptionMode() knows the two modes and nothing inherited", () => {
  assertEquals([GCM, XCHACHA, "plain", "", "toString", "__proto__"].map(isEncryptionMode), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
