// Invariant: what a sealer sealed opens once, to the same bytes; anything else gives -1 with a
// fault, and changes nothing that a right frame would notice.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createCipheriv, createDecipheriv } from "node:crypto";
import test from "node:test";
import { inspect } from "node:util";
import {
  FRAME_TAG_SIZE,
  type FrameAead,
  type FrameAeadProvider,
} from "../../../../lib/dave/frames/aead.ts";
import { type FrameCodec, sealedSizeLimit } from "../../../../lib/dave/frames/codecs.ts";
import {
  type FrameFault,
  FrameOpener,
  RATCHET_LIMIT,
} from "../../../../lib/dave/frames/frame_opener.ts";
import { FrameSealer } from "../../../../lib/dave/frames/frame_sealer.ts";
import { FRAME_RATE_LIMIT, RATCHET_OVERLAP } from "../../../../lib/dave/frames/remote_ratchet.ts";
import { Secret } from "../../../../lib/secret.ts";
import {
  bitFlips,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  truncations,
} from "../../../tools/vectors.ts";

const SECRET = hex("cedd61b1b8a1ca69046554282cf70b7b");
const FRAME = hex("00112233445566778899");
const CODECS: readonly FrameCodec[] = ["opus", "vp8", "vp9", "h264", "h265", "av1"];
const FAULTS: readonly FrameFault[] = [
  "unencrypted",
  "no-key",
  "bad-tag",
  "replayed",
  "bad-generation",
];

function secretOf(epoch: number): Uint8Array {
  return new Uint8Array(16).fill(epoch);
}

function sealerOf(secret = SECRET): FrameSealer {
  const sealer = new FrameSealer();
  sealer.setRatchet(secret);
  return sealer;
}

/** A sealer whose next nonce is this one. */
function sealerAt(nonce: number): FrameSealer {
  const sealer = new FrameSealer();
  const state = { generation: 0, secret: new Secret(SECRET), fingerprint: new Uint8Array(32) };
  sealer.restore({ ...state, nonce: nonce - 1 });
  return sealer;
}

function openerOf(secret = SECRET, now = 0): FrameOpener {
  const opener = new FrameOpener();
  opener.addRatchet(secret, now);
  return opener;
}

function seal(sealer: FrameSealer, frame = FRAME, codec: FrameCodec = "opus"): Uint8Array {
  const into = new Uint8Array(sealedSizeLimit(codec, frame.length));
  const size = sealer.seal(frame, into, codec);
  assert(size >= 0, sealer.fault);
  return into.slice(0, size);
}

/** The plaintext, or the fault. */
function open(opener: FrameOpener, frame: Uint8Array, now = 0): string {
  const into = new Uint8Array(frame.length);
  const size = opener.open(frame, into, now);
  return size < 0 ? opener.fault : toHex(into.subarray(0, size));
}

const PLAIN = toHex(FRAME);

/** A frame that its codec understands, of about this size. */
function frameOf(codec: FrameCodec, size: number, random: () => number): Uint8Array {
  const body = randomBytes(random, size);
  if (codec === "h264" || codec === "h265") {
    const header = codec === "h264"
      ? [0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x65]
      : [0, 0, 0, 1, 0x26, 1];
    const second = codec === "h264" ? [0, 0, 0, 1, 0x61] : [0, 0, 0, 1, 0x02, 1];
    const half = body.map((byte) => byte | 2);
    return Uint8Array.of(...header, ...half.subarray(size >> 1), ...second, ...half);
  }
  if (codec !== "av1") return body;
  return size > 100
    ? Uint8Array.of(0x30, ...body)
    : Uint8Array.of(0x0a, size, ...body, 0x30, ...body);
}

for (const codec of CODECS) {
  test(`FrameOpener opens ${codec} of 0 to 1400 bytes`, () => {
    const random = seededRandom(6);
    const [sealer, opener] = [sealerOf(), openerOf()];
    const into = new Uint8Array(4000);
    for (let size = 0; size <= 1400; size += size < 140 ? 1 : 37) {
      const frame = frameOf(codec, size, random);
      const sealed = seal(sealer, frame, codec);
      const copy = sealed.slice();
      into.fill(0xee);
      const opened = opener.open(sealed, into, 0, "video");
      assertEquals([toHex(into.subarray(0, opened)), opener.form], [toHex(frame), "sealed"]);
      assertEquals(toHex(into.subarray(opened, opened + 4)), "eeeeeeee");
      assertEquals(toHex(sealed), toHex(copy));
    }
  });

  test(`FrameOpener refuses every truncation and every flipped bit of ${codec}`, () => {
    const random = seededRandom(8);
    const [sealer, opener] = [sealerOf(), openerOf()];
    const frame = frameOf(codec, 40, random);
    const sealed = seal(sealer, frame, codec);
    const into = new Uint8Array(sealed.length);
    for (const wrong of [...truncations(sealed), ...bitFlips(sealed)]) {
      assertEquals(opener.open(wrong, into, 0, "video"), -1, toHex(wrong));
      assert(FAULTS.includes(opener.fault));
      assertEquals(toHex(into), "00".repeat(into.length));
    }
    assertEquals(opener.open(sealed, into, 0, "video"), frame.length);
    assertEquals([opener.open(sealed, into, 0, "video"), opener.fault], [-1, "replayed"]);
  });
}

test("FrameOpener says why: no key, plaintext, another key, again", () => {
  const sealed = seal(sealerOf());
  assertEquals(open(new FrameOpener(), sealed), "no-key");
  assertEquals(open(openerOf(), FRAME), "unencrypted");
  assertEquals(open(openerOf(secretOf(3)), sealed), "bad-tag");
  const opener = openerOf();
  assertEquals([open(opener, sealed), open(opener, sealed)], [PLAIN, "replayed"]);
});

test("FrameOpener opens frames in any order, each once", () => {
  const [sealer, opener] = [sealerOf(), openerOf()];
  const frames = Array.from({ length: 50 }, () => seal(sealer));
  const random = seededRandom(12);
  for (let i = frames.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [frames[i], frames[j]] = [frames[j], frames[i]];
  }
  for (const frame of frames) assertEquals(open(opener, frame), PLAIN);
  for (const frame of frames) assertEquals(open(opener, frame), "replayed");
});

test("FrameOpener remembers 1000 missing frames", () => {
  const [sealer, opener] = [sealerOf(), openerOf()];
  const frames = Array.from({ length: 1003 }, () => seal(sealer));
  assertEquals(open(opener, frames[0]), PLAIN);
  assertEquals(open(opener, frames[1002]), PLAIN);
  assertEquals(open(opener, frames[1]), "replayed");
  assertEquals(open(opener, frames[2]), PLAIN);
  assertEquals(open(opener, frames[1001]), PLAIN);
});

test("FrameOpener spends no nonce for a forged frame", () => {
  const opener = openerOf();
  const sealed = seal(sealerAt(5000));
  const forged = sealed.slice();
  forged[0] ^= 1;
  assertEquals(open(opener, forged), "bad-tag");
  assertEquals(open(opener, seal(sealerAt(1))), PLAIN);
  assertEquals(open(opener, sealed), PLAIN);
});

test("FrameOpener takes the last epoch for 10 s more, to the millisecond", () => {
  const [first, second] = [sealerOf(secretOf(1)), sealerOf(secretOf(2))];
  const opener = openerOf(secretOf(1), 0);
  opener.addRatchet(secretOf(2), 5000);
  assertEquals(open(opener, seal(second), 5000), PLAIN);
  assertEquals(open(opener, seal(first), 5000), PLAIN);
  assertEquals(open(opener, seal(first), 5000 + RATCHET_OVERLAP), PLAIN);
  assertEquals(opener.ratchetCount, 2);
  assertEquals(open(opener, seal(first), 5000 + RATCHET_OVERLAP + 1), "bad-tag");
  assertEquals(opener.ratchetCount, 1);
  assertEquals(open(opener, seal(second), 1e9), PLAIN);
});

test("FrameOpener does not give an older epoch more time with each new one", () => {
  const first = sealerOf(secretOf(1));
  const opener = openerOf(secretOf(1), 0);
  for (const epoch of [2, 3, 4]) opener.addRatchet(secretOf(epoch), 1000 * epoch);
  assertEquals(open(opener, seal(first), 2000 + RATCHET_OVERLAP), PLAIN);
  assertEquals(open(opener, seal(first), 2001 + RATCHET_OVERLAP), "bad-tag");
  assertEquals(opener.ratchetCount, 3);
  opener.expire(3001 + RATCHET_OVERLAP);
  assertEquals(opener.ratchetCount, 2);
});

test("FrameOpener keeps a bounded number of ratchets, the latest ones", () => {
  const opener = new FrameOpener();
  for (let epoch = 0; epoch <= RATCHET_LIMIT; epoch++) opener.addRatchet(secretOf(epoch), 0);
  assertEquals(opener.ratchetCount, RATCHET_LIMIT);
  assertEquals(open(opener, seal(sealerOf(secretOf(0)))), "bad-tag");
  assertEquals(open(opener, seal(sealerOf(secretOf(1)))), PLAIN);
  assertEquals(open(opener, seal(sealerOf(secretOf(RATCHET_LIMIT)))), PLAIN);
});

test("FrameOpener reports the fault of the newest ratchet", () => {
  const [first, second] = [sealerOf(secretOf(1)), sealerOf(secretOf(2))];
  const opener = openerOf(secretOf(1));
  const old = seal(first);
  assertEquals(open(opener, old), PLAIN);
  opener.addRatchet(secretOf(2), 0);
  const recent = [seal(second), seal(second)];
  assertEquals(open(opener, recent[1]), PLAIN);
  assertEquals(open(opener, recent[1]), "replayed");
  // Nonce 1 is free in the newest epoch and spent in the one before.
  assertEquals(open(opener, old), "bad-tag");
  assertEquals(open(opener, recent[0]), PLAIN);
});

test("FrameOpener follows generations, their limit and their overlap", () => {
  const opener = openerOf();
  const due = Math.ceil(2 ** 24 / FRAME_RATE_LIMIT) * 1000;
  assertEquals(open(opener, seal(sealerAt(2 ** 24 - 1)), due - 1), PLAIN);
  assertEquals(open(opener, seal(sealerAt(2 ** 24)), due - 1), "bad-generation");
  assertEquals(open(opener, seal(sealerAt(2 ** 24)), due), PLAIN);
  assertEquals(open(opener, seal(sealerAt(2 ** 24 - 2)), due + RATCHET_OVERLAP), PLAIN);
  assertEquals(
    open(opener, seal(sealerAt(2 ** 24 - 3)), due + RATCHET_OVERLAP + 1),
    "bad-generation",
  );
  assertEquals(open(opener, seal(sealerAt(251 * 2 ** 24)), 300 * due), PLAIN);
  const other = openerOf();
  assertEquals(open(other, seal(sealerAt(251 * 2 ** 24)), 300 * due), "bad-generation");
  assertEquals(open(other, seal(sealerAt(250 * 2 ** 24)), 300 * due), PLAIN);
});

test("FrameOpener opens frames around the wrap of the nonce at 2^32", () => {
  const opener = openerOf();
  const late = 300 * 98_690_000;
  assertEquals(open(opener, seal(sealerAt(200 * 2 ** 24)), late), PLAIN);
  const sealer = sealerAt(2 ** 32 - 2);
  for (let i = 0; i < 4; i++) {
    const frame = seal(sealer);
    assertEquals([open(opener, frame, late), open(opener, frame, late)], [PLAIN, "replayed"]);
  }
  assertEquals(sealer.nonce, 2 ** 32 + 1);
});

test("FrameOpener lets plaintext through while passthrough is on, sealed frames too", () => {
  const [sealer, opener] = [sealerOf(), openerOf()];
  opener.setPassthrough(true, 0);
  assertEquals([open(opener, FRAME, 1e12), opener.form], [PLAIN, "passthrough"]);
  assertEquals([open(opener, seal(sealer), 1e12), opener.form], [PLAIN, "sealed"]);
  const forged = seal(sealer);
  forged[0] ^= 1;
  assertEquals(open(opener, forged, 1e12), "bad-tag");
  assertEquals(open(opener, hex(""), 1e12), "");
});

test("FrameOpener.setPassthrough() ends after its expiry, to the millisecond", () => {
  const opener = openerOf();
  opener.setPassthrough(true, 0);
  opener.setPassthrough(false, 1000);
  assertEquals(opener.allowsPassthrough(999 + RATCHET_OVERLAP), true);
  assertEquals(open(opener, FRAME, 1000 + RATCHET_OVERLAP - 1), PLAIN);
  assertEquals(open(opener, FRAME, 1000 + RATCHET_OVERLAP), "unencrypted");
  opener.setPassthrough(true, 0);
  opener.setPassthrough(false, 1000, 120_000);
  opener.setPassthrough(false, 50_000, 120_000);
  assertEquals(open(opener, FRAME, 120_999), PLAIN);
  assertEquals(open(opener, FRAME, 121_000), "unencrypted");
});

test("FrameOpener.setPassthrough() that was not on does not begin where it is ended", () => {
  const opener = openerOf();
  opener.setPassthrough(false, 0);
  assertEquals(open(opener, FRAME, 1), "unencrypted");
});

test("FrameOpener takes silence at any time, in audio only", () => {
  const { cases } = loadVectors<{ cases: { name: string; frame_hex: string }[] }>(
    "libdave_frames.json",
  );
  const { frame_hex } = cases.find(({ name }) => name === "SilencePacketPassthrough")!;
  for (const opener of [new FrameOpener(), openerOf()]) {
    assertEquals([open(opener, hex(frame_hex)), opener.form], [frame_hex, "silence"]);
    assertEquals(opener.open(hex(frame_hex), new Uint8Array(3), 0, "video"), -1);
    assertEquals(opener.fault, "unencrypted");
  }
});

test("FrameOpener opens silence that was sealed", () => {
  const sealer = new FrameSealer({ sealSilence: true });
  sealer.setRatchet(SECRET);
  assertEquals(open(openerOf(), seal(sealer, hex("f8fffe"))), "f8fffe");
});

test("FrameOpener demands room and spends nothing without it", () => {
  const opener = openerOf();
  const sealed = seal(sealerOf());
  const room = new Uint8Array(FRAME.length - 1);
  assertThrows(() => opener.open(sealed, room, 0), RangeError, "10 bytes: the buffer has 9");
  assertThrows(() => opener.open(hex("f8fffe"), new Uint8Array(2), 0), RangeError, "3 bytes");
  assertEquals(opener.open(sealed, new Uint8Array(FRAME.length), 0), FRAME.length);
});

test("FrameOpener.erase() forgets all keys", () => {
  const opener = openerOf();
  opener.addRatchet(secretOf(2), 0);
  opener.erase();
  assertEquals([open(opener, seal(sealerOf())), opener.ratchetCount], ["no-key", 0]);
});

test("FrameOpener shows no key", () => {
  const opener = openerOf();
  open(opener, seal(sealerOf()));
  const text = JSON.stringify(opener) + inspect(opener, { depth: 9, showHidden: true });
  assert(!text.includes(toHex(SECRET)) && !text.includes([...SECRET].join(", ")), text);
});

/** The cipher on `node:crypto`, as an adapter may inject it. */
const nativeFrameAead: FrameAeadProvider = {
  aes128gcm(bytes): FrameAead {
    const key = bytes.slice();
    const options = { authTagLength: FRAME_TAG_SIZE };
    return {
      seal(packet, aadSize, plainSize, nonce) {
        const cipher = createCipheriv("aes-128-gcm", key, nonce, options);
        cipher.setAAD(packet.subarray(0, aadSize));
        packet.set(cipher.update(packet.subarray(aadSize, aadSize + plainSize)), aadSize);
        cipher.final();
        packet.set(cipher.getAuthTag(), aadSize + plainSize);
      },
      open(packet, aadSize, cipherSize, nonce, into) {
        const end = aadSize + cipherSize;
        const cipher = createDecipheriv("aes-128-gcm", key, nonce, options);
        cipher.setAAD(packet.subarray(0, aadSize));
        cipher.setAuthTag(packet.subarray(end, end + FRAME_TAG_SIZE));
        const plain = cipher.update(packet.subarray(aadSize, end));
        try {
          cipher.final();
        } catch {
          return false;
        }
        into.set(plain);
        return true;
      },
      erase: () => void key.fill(0),
    };
  },
};

test("FrameOpener and FrameSealer take a cipher of node:crypto", () => {
  const random = seededRandom(14);
  const sealer = new FrameSealer({ aead: nativeFrameAead });
  const opener = new FrameOpener(nativeFrameAead);
  sealer.setRatchet(SECRET);
  opener.addRatchet(SECRET, 0);
  const [pureSealer, pureOpener] = [sealerOf(), openerOf()];
  for (const codec of CODECS) {
    const frame = frameOf(codec, 80, random);
    const sealed = seal(sealer, frame, codec);
    assertEquals(toHex(sealed), toHex(seal(pureSealer, frame, codec)));
    assertEquals(open(opener, sealed), toHex(frame));
    assertEquals(open(opener, sealed), "replayed");
    assertEquals(open(pureOpener, sealed), toHex(frame));
    const forged = seal(sealer, frame, codec);
    seal(pureSealer, frame, codec);
    forged[forged.length - 10] ^= 1;
    assertEquals(open(opener, forged), "bad-tag");
  }
});

test("FrameOpener of 20,000 random and mutated frames opens none, and right ones still", () => {
  const random = seededRandom(17);
  const [sealer, opener] = [sealerOf(), openerOf()];
  const into = new Uint8Array(4000);
  const met = new Set<FrameFault>();
  for (let round = 0; round < 20_000; round++) {
    const frame = frameOf(CODECS[random() % CODECS.length], random() % 90, random);
    const right = round % 100 === 0;
    let sealed = round % 3 === 0 || right ? seal(sealer, frame, "opus") : frame;
    if (right) {
      assertEquals(opener.open(sealed, into, 0), frame.length);
      continue;
    }
    if (sealed === frame) {
      const nonce = round % 7 === 0 ? [0x80, 0x80, 0x80, 0x08] : [random() & 0x7f];
      const end = [...nonce, 11 + nonce.length, 0xfa, 0xfa];
      sealed = Uint8Array.of(...frame, ...randomBytes(random, 8), ...end);
    }
    sealed[random() % sealed.length] ^= 1 + random() % 255;
    assertEquals(opener.open(sealed, into, 0), -1);
    met.add(opener.fault);
  }
  assertEquals([...met].sort(), ["bad-generation", "bad-tag", "replayed", "unencrypted"]);
});
