import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { nativeAead } from "../../adapters/native_aead.ts";
import type { AeadProvider } from "../../lib/aead.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { ALL_ENCRYPTION_MODES, type EncryptionMode, PacketCipher } from "../../lib/packet.ts";
import { parseRtpHeader, RtpHeader } from "../../lib/rtp_header.ts";
import { randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

// The layout of each mode as the protocol sheet has it, and headers made by hand: the tests
// share nothing with the code that they witness.
const SECRETBOX = { tagSize: 16, aead: false } as const;
const AEAD = { tagSize: 16, aead: true } as const;
const LAYOUTS = {
  aead_aes256_gcm_rtpsize: { ...AEAD, rtpsize: true, wireSize: 4 },
  aead_xchacha20_poly1305_rtpsize: { ...AEAD, rtpsize: true, wireSize: 4 },
  aead_aes256_gcm: { ...AEAD, rtpsize: false, wireSize: 4 },
  xsalsa20_poly1305_lite_rtpsize: { ...SECRETBOX, rtpsize: true, wireSize: 4 },
  xsalsa20_poly1305_lite: { ...SECRETBOX, rtpsize: false, wireSize: 4 },
  xsalsa20_poly1305_suffix: { ...SECRETBOX, rtpsize: false, wireSize: 24 },
  xsalsa20_poly1305: { ...SECRETBOX, rtpsize: false, wireSize: 0 },
} as const;
type SealingMode = keyof typeof LAYOUTS;
const MODES = Object.keys(LAYOUTS) as SealingMode[];

const KEY = randomBytes(seededRandom(11), 32);
const LONGEST = 1400;
/** Up to here every size meets every shape; above, every size meets some of them. */
const LONGEST_WITH_ALL = 64;
const SAMPLED_SHAPES = 4;
const SAMPLED_BITS = 64;

/** Everything of a packet but its payload. */
interface Shape {
  readonly csrc: number;
  /** Words of the extension's body; `undefined` without an extension. */
  readonly words: number | undefined;
  readonly padding: number;
}

const SHAPES: readonly Shape[] = [0, 1, 15].flatMap((csrc) =>
  [undefined, 0, 1, 5].flatMap((words) =>
    [0, 1, 4, 255].map((padding) => ({ csrc, words, padding }))
  )
);

/** A packet before it is sealed, and what a receiver is to find in it. */
interface Unsealed {
  readonly bytes: Uint8Array;
  readonly rtpsize: number;
  readonly payload: Uint8Array;
}

function unsealed(
  { csrc, words, padding }: Shape,
  payload: Uint8Array,
  random: () => number,
): Unsealed {
  const extension = words === undefined
    ? []
    : [0xbe, 0xde, 0, words, ...randomBytes(random, 4 * words)];
  const bytes = Uint8Array.from([
    0x80 | (padding > 0 ? 0x20 : 0) | (words === undefined ? 0 : 0x10) | csrc,
    random() & 1 ? 0xf8 : 0x78,
    ...randomBytes(random, 10 + 4 * csrc),
    ...extension,
    ...payload,
    ...randomBytes(random, Math.max(0, padding - 1)),
    ...(padding > 0 ? [padding] : []),
  ]);
  return { bytes, rtpsize: 12 + 4 * csrc + (words === undefined ? 0 : 4), payload };
}

function cipherOf(mode: EncryptionMode, provider: AeadProvider): PacketCipher {
  const random = seededRandom(12);
  const fill = (into: Uint8Array) => into.set(randomBytes(random, into.length));
  return new PacketCipher(mode, KEY, provider, new NonceCounter(0x7fffffff), fill);
}

/** Seals so many bytes behind a clear header. */
function sealed(cipher: PacketCipher, bytes: Uint8Array, clearSize: number): Uint8Array {
  const packet = new Uint8Array(bytes.length + cipher.overhead);
  packet.set(bytes);
  const size = cipher.seal(packet, clearSize, bytes.length - clearSize);
  assert(size === packet.length, `sealed ${size} of ${packet.length} bytes`);
  return packet;
}

const header = new RtpHeader();
const into = new Uint8Array(2 * LONGEST);

/** What a receiver makes of a datagram: its payload, or nothing. */
function opened(cipher: PacketCipher, datagram: Uint8Array): Uint8Array | undefined {
  if (parseRtpHeader(datagram, header) !== undefined) return undefined;
  const size = cipher.openRtp(datagram, header, into);
  return size < 0 ? undefined : into.subarray(0, size);
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  if (a?.length !== b.length) return false;
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function clearSizeOf(mode: SealingMode, packet: Unsealed): number {
  return LAYOUTS[mode].rtpsize ? packet.rtpsize : 12;
}

/** `count` bits of `from` to `to`: all of them in order where there are no more. */
function bitsOf(from: number, to: number, count: number, random: () => number): number[] {
  return to - from <= count
    ? Array.from({ length: to - from }, (_, i) => from + i)
    : Array.from({ length: count }, () => from + random() % (to - from));
}

test("the round trips cover every mode that seals", () => {
  const sealing = ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain");
  assertEquals(MODES as readonly string[], sealing as readonly string[]);
  assertEquals(SHAPES.length, 48);
});

for (const mode of MODES) {
  const { tagSize, wireSize, aead } = LAYOUTS[mode];

  test(`round trip of RTP, every shape and size, ${mode}`, () => {
    const random = seededRandom(13);
    const sender = cipherOf(mode, nativeAead);
    const receiver = cipherOf(mode, nobleCiphers);
    let count = 0;
    for (let size = 0; size <= LONGEST; size++) {
      const payload = randomBytes(random, size);
      const all = size <= LONGEST_WITH_ALL || size === LONGEST;
      for (let n = 0; n < (all ? SHAPES.length : SAMPLED_SHAPES); n++) {
        const shape = SHAPES[all ? n : random() % SHAPES.length];
        const packet = unsealed(shape, payload, random);
        const clearSize = clearSizeOf(mode, packet);
        const datagram = sealed(sender, packet.bytes, clearSize);
        const what = `${size} bytes in ${JSON.stringify(shape)}`;
        assert(datagram.length === packet.bytes.length + tagSize + wireSize, what);
        assert(isSame(datagram.subarray(0, clearSize), packet.bytes.subarray(0, clearSize)), what);
        assert(isSame(opened(receiver, datagram), payload), what);
        assert(header.extensionWords === (shape.words ?? 0), what);
        count++;
      }
    }
    assertEquals(count, 66 * SHAPES.length + 1335 * SAMPLED_SHAPES);
  });

  test(`round trip of RTCP, every size in words, ${mode}`, () => {
    const random = seededRandom(14);
    const sender = cipherOf(mode, nativeAead);
    const receiver = cipherOf(mode, nobleCiphers);
    for (let size = 8; size <= LONGEST; size += 4) {
      for (const padding of [0, 0x20]) {
        const bytes = randomBytes(random, size);
        bytes.set([0x80 | padding | random() % 32, 200 + random() % 7, size >>> 10, size >>> 2]);
        const datagram = sealed(sender, bytes, 8);
        const plainSize = receiver.open(datagram, 8, into);
        assert(isSame(datagram.subarray(0, 8), bytes.subarray(0, 8)), `${size} bytes`);
        assert(isSame(into.subarray(0, plainSize), bytes.subarray(8)), `${size} bytes`);
      }
    }
  });

  // `xsalsa20_poly1305` makes its nonce of the clear header; the other secretboxes leave it alone.
  const guardsHeader = aead || mode === "xsalsa20_poly1305";

  test(`a flipped bit ${guardsHeader ? "anywhere" : "after the clear header"} rejects RTP, ${mode}`, () => {
    const random = seededRandom(15);
    const sender = cipherOf(mode, nativeAead);
    const receiver = cipherOf(mode, nativeAead);
    for (const size of [0, 3, 40, LONGEST]) {
      for (const shape of SHAPES) {
        const packet = unsealed(shape, randomBytes(random, size), random);
        const clearSize = clearSizeOf(mode, packet);
        const datagram = sealed(sender, packet.bytes, clearSize);
        const from = guardsHeader ? 0 : 8 * clearSize;
        // The ends are where the header, the tag and the nonce are.
        const bits = bitsOf(from, 8 * datagram.length, SAMPLED_BITS, random)
          .concat(from, 8 * clearSize, 8 * datagram.length - 1);
        for (const bit of bits) {
          datagram[bit >>> 3] ^= 0x80 >>> (bit & 7);
          const payload = opened(receiver, datagram);
          assert(payload === undefined, `bit ${bit}, ${size} bytes in ${JSON.stringify(shape)}`);
          datagram[bit >>> 3] ^= 0x80 >>> (bit & 7);
        }
        assert(opened(receiver, datagram) !== undefined);
      }
    }
  });

  test(`a flipped bit ${guardsHeader ? "anywhere" : "after the clear header"} rejects RTCP, ${mode}`, () => {
    const random = seededRandom(16);
    const cipher = cipherOf(mode, nativeAead);
    for (const size of [8, 32, LONGEST]) {
      const bytes = randomBytes(random, size);
      bytes.set([0x81, 201, size >>> 10, size >>> 2]);
      const datagram = sealed(cipher, bytes, 8);
      const from = guardsHeader ? 0 : 64;
      for (const bit of bitsOf(from, 8 * datagram.length, 1024, random)) {
        datagram[bit >>> 3] ^= 0x80 >>> (bit & 7);
        assertEquals(cipher.open(datagram, 8, into), -1, `bit ${bit} of ${size} bytes`);
        datagram[bit >>> 3] ^= 0x80 >>> (bit & 7);
      }
      assertEquals(toHex(into.subarray(0, cipher.open(datagram, 8, into))), toHex(bytes.slice(8)));
    }
  });
}

// What the secretboxes do not promise, so that nobody relies on it.
test("a flipped bit of the clear header goes unseen by the secretboxes that send a nonce", () => {
  for (const mode of MODES) {
    const { aead, wireSize } = LAYOUTS[mode];
    const cipher = cipherOf(mode, nativeAead);
    const packet = unsealed(
      { csrc: 1, words: 1, padding: 4 },
      Uint8Array.of(1, 2, 3),
      seededRandom(17),
    );
    const datagram = sealed(cipher, packet.bytes, clearSizeOf(mode, packet));
    datagram[3] ^= 1;
    assertEquals(opened(cipher, datagram) !== undefined, !aead && wireSize > 0, mode);
  }
});
