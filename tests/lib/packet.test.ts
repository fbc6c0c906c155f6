import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleAead } from "../../lib/aead.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { LocalProtocolError, RemoteProtocolError } from "../../lib/errors.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import {
  ALL_ENCRYPTION_MODES,
  chooseMode,
  demandCipher,
  ENCRYPTION_MODES,
  type EncryptionMode,
  isEncryptionMode,
  KEY_SIZE,
  MAX_PACKET_OVERHEAD,
  PACKET_OVERHEAD,
  PacketCipher,
  packetOverhead,
} from "../../lib/packet.ts";
import { RTCP_CLEAR_SIZE } from "../../lib/rtp/rtcp.ts";
import { parseRtpHeader, readU32, RtpHeader, writeRtpHeader } from "../../lib/rtp_header.ts";
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
} from "../tools/vectors.ts";

const [GCM, XCHACHA] = ENCRYPTION_MODES;
const KEY = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const { vectors, negative } = loadVectors<TransportVectors>("transport.json");
/** The modes that seal. */
const SEALING = ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain");
/** The modes in which an extension's preamble is clear. */
const RTPSIZE: readonly EncryptionMode[] = [GCM, XCHACHA, "xsalsa20_poly1305_lite_rtpsize"];

function cipherOf({ mode, key, nonce_wire }: TransportVector, start?: number): PacketCipher {
  const counter = new NonceCounter(start);
  const secret = key === null ? KEY : hex(key);
  const random = (into: Uint8Array) => into.set(hex(nonce_wire ?? ""));
  return new PacketCipher(mode as EncryptionMode, secret, nobleCiphers, counter, random);
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

function newCipher(mode: EncryptionMode): PacketCipher {
  const random = seededRandom(1);
  const fill = (into: Uint8Array) => into.set(randomBytes(random, into.length));
  return new PacketCipher(mode, KEY, nobleCiphers, new NonceCounter(), fill);
}

/** Seals a plaintext behind a header that says whatever it says. */
function sealed(head: string, plain: string, mode: EncryptionMode = GCM): Uint8Array {
  const body = hex(head + plain);
  const packet = new Uint8Array(body.length + packetOverhead(mode));
  packet.set(body);
  const clearSize = RTPSIZE.includes(mode) ? head.length / 2 : 12;
  newCipher(mode).seal(packet, clearSize, body.length - clearSize);
  return packet;
}

test("the transport vectors are all here, and of every mode", () => {
  const ids = Array.from({ length: 27 }, (_, i) => `V${String(i + 1).padStart(2, "0")}`);
  assertEquals(vectors.map(({ id }) => id.slice(0, 3)), ids);
  assertEquals(new Set(vectors.map(({ mode }) => mode)), new Set<string>(ALL_ENCRYPTION_MODES));
});

for (const vector of vectors) {
  const { id, kind, fields } = vector;
  const packet = hex(vector.packet);

  test(`PacketCipher opens ${id}`, () => {
    const before = packet.slice();
    const into = new Uint8Array(packet.length);
    const cipher = cipherOf(vector);
    const clearSize = vector.clear_prefix.length / 2;
    const size = cipher.open(packet, clearSize, into);
    assertEquals(toHex(into.subarray(0, size)), vector.encrypted_plaintext);
    assertEquals(toHex(cipher.openedNonce), vector.nonce ?? "");
    assertEquals(packet, before);
    if (kind === "rtcp") return assertEquals(clearSize, RTCP_CLEAR_SIZE);
    const header = new RtpHeader();
    parseRtpHeader(packet, header);
    assertEquals(cipher.clearSize(header), clearSize);
    assertEquals(openRtp(cipherOf(vector), packet), fields.opus);
  });
}

for (const vector of vectors.filter(({ mode }) => mode !== "plain")) {
  const { id, mode } = vector;
  const packet = hex(vector.packet);
  const overhead = packetOverhead(mode as EncryptionMode);

  // Whatever the sender's byte order was, the wire bytes are some big-endian counter.
  test(`PacketCipher seals ${id}, byte for byte`, () => {
    const clear = hex(vector.clear_prefix);
    const plain = hex(vector.encrypted_plaintext);
    const into = new Uint8Array(packet.length + 3).fill(0xee);
    into.set(clear);
    into.set(plain, clear.length);
    const counts = vector.nonce_wire?.length === 8;
    const start = counts ? readU32(hex(vector.nonce_wire!), 0) : 0;
    const cipher = cipherOf(vector, start);
    assertEquals(cipher.seal(into, clear.length, plain.length), packet.length);
    assertEquals(toHex(into), vector.packet + "eeeeee");
    assertEquals(cipher.nonce, counts ? start + 1 : 0);
  });

  test(`PacketCipher rejects every truncation of ${id}`, () => {
    const cipher = cipherOf(vector);
    const clearSize = vector.clear_prefix.length / 2;
    for (const cut of truncations(packet)) {
      const size = cipher.open(cut, clearSize, new Uint8Array(packet.length));
      assertEquals(size, -1, `${cut.length} bytes`);
      const short = cut.length < clearSize + overhead;
      assertEquals(cipher.fault, short ? "too-short" : "bad-tag", `${cut.length} bytes`);
    }
  });

  // The nonce of `xsalsa20_poly1305` is the header; nothing protects it in the others.
  test(`PacketCipher rejects every flipped bit of ${id} that the mode protects`, () => {
    const cipher = cipherOf(vector);
    const clearSize = vector.clear_prefix.length / 2;
    const free = vector.aad === null && mode !== "xsalsa20_poly1305" ? 8 * clearSize : 0;
    const into = new Uint8Array(packet.length);
    for (const [bit, flipped] of bitFlips(packet).entries()) {
      const size = cipher.open(flipped, clearSize, into);
      assertEquals(size >= 0, bit < free, `bit ${bit}`);
      if (size < 0) assertEquals(cipher.fault, "bad-tag", `bit ${bit}`);
    }
  });
}

for (const id of ["V06", "V08", "V09", "V14", "V17", "V20"]) {
  test(`PacketCipher.openRtp rejects every flipped bit of ${id}`, () => {
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
    assertEquals(openRtp(new PacketCipher(GCM, hex(key!), nobleCiphers), hex(packet)), fault);
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
  for (const mode of SEALING) {
    test(`PacketCipher.openRtp ${what}, ${mode}`, () => {
      const datagram = sealed(first + HEAD + preamble, plain, mode);
      assertEquals(openRtp(newCipher(mode), datagram), expected);
    });
  }
}

test("PacketCipher.openRtp drops what is too short for its CSRC list or its preamble", () => {
  for (const mode of SEALING.filter((mode) => !RTPSIZE.includes(mode))) {
    const cipher = newCipher(mode);
    for (const [first, size] of [["81", 4], ["90", 4], ["9f", 64], ["8f", 60]] as const) {
      const head = first + HEAD;
      for (let plainSize = 0; plainSize < size; plainSize++) {
        const result = openRtp(cipher, sealed(head, "00".repeat(plainSize), mode));
        assert(["too-short", "bad-extension"].includes(result), `${mode} ${first} ${plainSize}`);
      }
      assertEquals(openRtp(cipher, sealed(head, "00".repeat(size) + "f8fffe", mode)), "f8fffe");
    }
  }
});

test("PacketCipher.openRtp tells the extension's size, where it was encrypted too", () => {
  for (const mode of SEALING) {
    const datagram = sealed(`91${HEAD}aaaaaaaabede0002`, "0102030405060708f8fffe", mode);
    const header = new RtpHeader();
    parseRtpHeader(datagram, header);
    newCipher(mode).openRtp(datagram, header, new Uint8Array(datagram.length));
    assertEquals([header.clearSize, header.extensionWords], [20, 2], mode);
  }
});

const LONGEST = 1400;
const SHAPES = [0, 1, 15].flatMap((csrc) =>
  [undefined, 0, 1, 3].flatMap((words) =>
    [0, 1, 4, 255].map((padding) => ({ csrc, words, padding }))
  )
);

/** Seals a payload in a packet of this shape, opens it, and compares. */
function roundTrip(
  [sender, receiver]: readonly [PacketCipher, PacketCipher],
  { csrc, words, padding }: typeof SHAPES[number],
  payload: Uint8Array,
): void {
  const extension = words === undefined ? [] : [0xbe, 0xde, 0, words];
  const body = Array.from({ length: 4 * csrc }, () => 0xcc);
  const head = [...body, ...extension, ...Array.from({ length: 4 * (words ?? 0) }, () => 0xee)];
  const tail = new Uint8Array(padding).fill(padding);
  const whole = 12 + head.length + payload.length + padding;
  const packet = new Uint8Array(whole + sender.overhead);
  writeRtpHeader(packet, payload.length, 960, 1);
  packet[0] |= (padding > 0 ? 0x20 : 0) | (words === undefined ? 0 : 0x10) | csrc;
  packet.set(head, 12);
  packet.set(payload, 12 + head.length);
  packet.set(tail, whole - padding);
  const header = new RtpHeader();
  parseRtpHeader(packet, header);
  const clearSize = sender.clearSize(header);
  assertEquals(sender.seal(packet, clearSize, whole - clearSize), packet.length);
  assertEquals(openRtp(receiver, packet), toHex(payload));
}

for (const mode of SEALING) {
  test(`PacketCipher opens what it seals: every shape and every size to ${LONGEST}, ${mode}`, () => {
    const random = seededRandom(2);
    const ciphers = [newCipher(mode), newCipher(mode)] as const;
    for (const shape of SHAPES) {
      for (const size of [0, 1, 15, 16, 17, 63, 64, 65, 160, LONGEST]) {
        roundTrip(ciphers, shape, randomBytes(random, size));
      }
    }
    for (let size = 0; size <= LONGEST; size++) {
      roundTrip(ciphers, SHAPES[size % SHAPES.length], randomBytes(random, size));
    }
  });

  test(`PacketCipher seals and opens RTCP of every size, ${mode}`, () => {
    const cipher = newCipher(mode);
    for (let size = 0; size <= LONGEST; size += 4) {
      const packet = new Uint8Array(RTCP_CLEAR_SIZE + size + cipher.overhead);
      packet.set(hex("81c90007cafef00d"));
      packet.fill(0xa5, RTCP_CLEAR_SIZE, RTCP_CLEAR_SIZE + size);
      assertEquals(cipher.seal(packet, RTCP_CLEAR_SIZE, size), packet.length);
      assertEquals(toHex(packet.subarray(0, RTCP_CLEAR_SIZE)), "81c90007cafef00d");
      const into = new Uint8Array(packet.length);
      assertEquals(cipher.open(packet, RTCP_CLEAR_SIZE, into), size);
      assert(into.subarray(0, size).every((byte) => byte === 0xa5));
    }
  });

  test(`PacketCipher opens no packet of another key, ${mode}`, () => {
    const other = new PacketCipher(mode, new Uint8Array(KEY_SIZE), nobleCiphers);
    assertEquals(openRtp(other, sealed("80" + HEAD, "f8fffe", mode)), "bad-tag");
  });
}

test("PacketCipher opens RTP and RTCP in turn where the header is the nonce", () => {
  const [rtp, rtcp] = [byId(vectors, "V02"), byId(vectors, "V26")];
  const cipher = cipherOf(rtp);
  const into = new Uint8Array(256);
  for (const { packet, clear_prefix } of [rtp, rtcp, rtp, rtcp]) {
    assert(cipher.open(hex(packet), clear_prefix.length / 2, into) > 0);
  }
});

test("PacketCipher opens plain packets of every size and shape, and never seals one", () => {
  const cipher = newCipher("plain");
  assertEquals(openRtp(cipher, hex(`80${HEAD}`)), "");
  assertEquals(openRtp(cipher, hex(`b1${HEAD}aaaaaaaabede00010a0b0c0df8fffe0002`)), "f8fffe");
  assertEquals(openRtp(cipher, hex(`b0${HEAD}bede00020a0b0c0d`)), "bad-extension");
  assertEquals(openRtp(cipher, hex(`a0${HEAD}f8fffe09`)), "bad-padding");
  const packet = new Uint8Array(64).fill(7);
  assertThrows(() => cipher.seal(packet, 12, 3), LocalProtocolError, "the mode plain does not");
  assert(packet.every((byte) => byte === 7));
  assertEquals(cipher.nonce, 0);
});

test("PacketCipher seals no suffix packet without a random source, but opens them", () => {
  const vector = byId(vectors, "V03");
  const cipher = new PacketCipher("xsalsa20_poly1305_suffix", hex(vector.key!), nobleCiphers);
  assertThrows(
    () => cipher.seal(new Uint8Array(64), 12, 3),
    LocalProtocolError,
    "xsalsa20_poly1305_suffix needs a random source",
  );
  assertEquals(openRtp(cipher, hex(vector.packet)), vector.fields.opus);
});

test("PacketCipher asks the random source for each suffix nonce anew", () => {
  const cipher = newCipher("xsalsa20_poly1305_suffix");
  const nonces = Array.from({ length: 3 }, () => {
    const packet = new Uint8Array(15 + cipher.overhead);
    cipher.seal(packet, 12, 3);
    return toHex(packet.subarray(-24));
  });
  assertEquals(new Set(nonces).size, 3);
});

test("PacketCipher and demandCipher refuse a mode whose cipher the provider lacks", () => {
  for (const mode of ALL_ENCRYPTION_MODES) {
    const lacks = mode.startsWith("xsalsa20_");
    for (
      const use of [
        () => demandCipher(mode, nobleAead),
        () => new PacketCipher(mode, KEY, nobleAead),
      ]
    ) {
      if (lacks) assertThrows(use, RangeError, "the AEAD provider lacks it");
      else use();
    }
  }
});

test("packetOverhead() tells tag and nonce of each mode", () => {
  const sizes = ALL_ENCRYPTION_MODES.map((mode) => [mode, packetOverhead(mode)]);
  assertEquals(Object.fromEntries(sizes), {
    aead_aes256_gcm_rtpsize: 20,
    aead_xchacha20_poly1305_rtpsize: 20,
    aead_aes256_gcm: 20,
    xsalsa20_poly1305_lite_rtpsize: 20,
    xsalsa20_poly1305_lite: 20,
    xsalsa20_poly1305_suffix: 40,
    xsalsa20_poly1305: 16,
    plain: 0,
  });
  assertEquals(MAX_PACKET_OVERHEAD, 40);
  assertEquals(ENCRYPTION_MODES.map(packetOverhead), [PACKET_OVERHEAD, PACKET_OVERHEAD]);
});

test("PacketCipher spends one nonce for each packet, and none for opening", () => {
  for (const mode of SEALING.filter((mode) => packetOverhead(mode) === PACKET_OVERHEAD)) {
    const cipher = new PacketCipher(mode, KEY, nobleCiphers);
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
  for (const mode of SEALING.filter((mode) => packetOverhead(mode) === PACKET_OVERHEAD)) {
    const cipher = new PacketCipher(mode, KEY, nobleCiphers, new NonceCounter(2 ** 32 - 1));
    const packet = new Uint8Array(64);
    assertEquals(cipher.seal(packet, 12, 3), 35);
    const before = packet.slice();
    assertThrows(
      () => cipher.seal(packet, 12, 3),
      LocalProtocolError,
      "nonces of this key are spent",
    );
    assertEquals(packet, before);
  }
});

test("PacketCipher refuses a buffer that is one byte too small, and spends nothing", () => {
  const cipher = new PacketCipher(XCHACHA, KEY, nobleCiphers);
  const error = assertThrows(() => cipher.seal(new Uint8Array(34), 12, 3), RangeError);
  assertEquals(error.message, "Cannot seal a packet of 35 bytes: the buffer has 34 bytes");
  assertEquals(cipher.nonce, 0);
  assertEquals(cipher.seal(new Uint8Array(35), 12, 3), 35);
});

test("PacketCipher refuses keys of another size", () => {
  for (const size of [0, KEY_SIZE - 1, KEY_SIZE + 1]) {
    const error = assertThrows(
      () => new PacketCipher(GCM, new Uint8Array(size), nobleCiphers),
      RangeError,
    );
    assertEquals(error.message, `Cannot use a key of ${size} bytes: a key has 32 bytes`);
  }
});

test("PacketCipher does not open a packet of the other mode", () => {
  const datagram = sealed("80" + HEAD, "f8fffe", XCHACHA);
  assertEquals(openRtp(new PacketCipher(XCHACHA, KEY, nobleCiphers), datagram), "f8fffe");
  assertEquals(openRtp(new PacketCipher(GCM, KEY, nobleCiphers), datagram), "bad-tag");
});

test("PacketCipher.open gives no plaintext away where the tag is wrong", () => {
  const datagram = sealed("80" + HEAD, "f8fffe");
  datagram[datagram.length - 5] ^= 1;
  const into = new Uint8Array(datagram.length).fill(0xee);
  assertEquals(new PacketCipher(GCM, KEY, nobleCiphers).open(datagram, 12, into), -1);
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

test("chooseMode() takes an old mode only where it is asked for", () => {
  assertEquals(chooseMode(ALL_ENCRYPTION_MODES), GCM);
  for (const mode of ALL_ENCRYPTION_MODES.filter((mode) => !ENCRYPTION_MODES.includes(mode))) {
    assertThrows(() => chooseMode([mode]), RemoteProtocolError, `offers [${mode}]`);
    assertEquals(chooseMode(ALL_ENCRYPTION_MODES, [mode]), mode);
  }
});

test("isEncryptionMode() knows all modes and nothing inherited", () => {
  assert(ALL_ENCRYPTION_MODES.every(isEncryptionMode));
  for (const mode of ["", "toString", "__proto__", "xsalsa20", "aead_aes256_gcm_rtpsize "]) {
    assertEquals(isEncryptionMode(mode), false, mode);
  }
});
