/**
 * The ciphers of the transport alone: 160 bytes are sealed in place behind 12 bytes of additional
 * data, and opened.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { nativeAead } from "../../adapters/native_aead.ts";
import { nodeGcm } from "../../adapters/node_gcm.ts";
import { type Aead, type AeadProvider, nobleAead, TAG_SIZE } from "../../lib/aead.ts";
import { installPeer } from "../peers/install.ts";
import type { Subject } from "./turns.ts";

/** Implementations of this library; the first is what the entry points use. One line each. */
const OWN: readonly (readonly [string, AeadProvider, Subject["side"]])[] = [
  ["Sotto", nativeAead, "own"],
  ["Sotto, @noble/ciphers", nobleAead, "part"],
];

const AAD_SIZE = 12;
const NONCE_SIZE = { gcm: 12, xchacha: 24 } as const;
const NAMES = { gcm: "AES-256-GCM", xchacha: "XChaCha20-Poly1305" } as const;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

type Cipher = keyof typeof NAMES;

/**
 * Loads all implementations.
 *
 * @param frame What is sealed.
 */
export async function aeadSubjects(frame: Uint8Array): Promise<Subject[]> {
  const keyObject = nodeGcm("aes-256-gcm", createSecretKey(KEY), TAG_SIZE);
  const own = OWN.flatMap(([name, provider, side]) => {
    const allocate = provider.allocate ?? ((size: number) => new Uint8Array(size));
    return (["gcm", "xchacha"] as const).flatMap((cipher) => {
      const factory = cipher === "gcm" ? provider.aes256gcm : provider.xchacha20poly1305;
      const common = { name: `${name} ${NAMES[cipher]}`, side, cipher };
      return pair(common, factory(KEY), frame, allocate);
    });
  });
  const foreign = (await peers()).flatMap(([name, cipher, aead]) => {
    return pair({ name: `${name} ${NAMES[cipher]}`, side: "peer", cipher }, aead, frame);
  });
  const common = {
    name: "node:crypto, KeyObject AES-256-GCM",
    side: "part",
    cipher: "gcm",
  } as const;
  return [...own, ...pair(common, keyObject, frame), ...foreign];
}

/** Sealing and opening of one implementation. */
function pair(
  common: Pick<Subject, "name" | "side"> & { readonly cipher: Cipher },
  aead: Aead,
  frame: Uint8Array,
  allocate: (size: number) => Uint8Array = (size) => new Uint8Array(size),
): Subject[] {
  const packet = allocate(AAD_SIZE + frame.length + TAG_SIZE);
  const into = allocate(frame.length);
  const nonce = new Uint8Array(NONCE_SIZE[common.cipher]);
  packet.set(frame, AAD_SIZE);
  return [{
    ...common,
    figure: "seal",
    run(count) {
      for (let i = 0; i < count; i++) {
        advance(nonce);
        aead.seal(packet, AAD_SIZE, frame.length, nonce);
      }
    },
  }, opener(common, aead, frame, into)];
}

/** Packets of one sender, one after the other. */
function opener(
  common: Pick<Subject, "name" | "side"> & { readonly cipher: Cipher },
  aead: Aead,
  frame: Uint8Array,
  into: Uint8Array,
): Subject {
  const nonce = new Uint8Array(NONCE_SIZE[common.cipher]);
  let packets: Uint8Array[] = [];
  let nonces: Uint8Array[] = [];
  return {
    ...common,
    figure: "open",
    prepare(count) {
      nonces = Array.from({ length: count }, () => Uint8Array.from(advance(nonce)));
      packets = nonces.map((nonce) => {
        const packet = new Uint8Array(AAD_SIZE + frame.length + TAG_SIZE);
        packet.set(frame, AAD_SIZE);
        aead.seal(packet, AAD_SIZE, frame.length, nonce);
        return packet;
      });
    },
    run(count) {
      for (let i = 0; i < count; i++) {
        if (!aead.open(packets[i], AAD_SIZE, frame.length, nonces[i], into)) {
          throw new Error("A packet was not opened");
        }
      }
    },
  };
}

/** The counter stands in front, as Discord's clients have it. */
function advance(nonce: Uint8Array): Uint8Array {
  for (let i = 3; i >= 0 && (nonce[i] = (nonce[i] + 1) & 0xff) === 0; i--);
  return nonce;
}

/** What the peers are made of. */
async function peers(): Promise<(readonly [string, Cipher, Aead])[]> {
  const require = createRequire(join(await installPeer("aead"), "package.json"));
  const sodium = require("libsodium-wrappers") as Wrappers & { readonly ready: Promise<void> };
  await sodium.ready;
  return [
    ["node:crypto, raw key", "gcm", rawKey()],
    ["sodium-native", "xchacha", sodiumNative(require("sodium-native"))],
    ["libsodium-wrappers", "xchacha", libsodiumWrappers(sodium)],
    ["@stablelib", "xchacha", stablelib(require("@stablelib/xchacha20poly1305"))],
  ];
}

/** As all peers call it. */
function rawKey(): Aead {
  const key = Buffer.from(KEY);
  return {
    seal(packet, aadSize, plainSize, nonce) {
      const end = aadSize + plainSize;
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(packet.subarray(0, aadSize));
      packet.set(cipher.update(packet.subarray(aadSize, end)), aadSize);
      cipher.final();
      packet.set(cipher.getAuthTag(), end);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      const end = aadSize + cipherSize;
      const decipher = createDecipheriv("aes-256-gcm", key, nonce);
      decipher.setAAD(packet.subarray(0, aadSize));
      decipher.setAuthTag(packet.subarray(end));
      into.set(decipher.update(packet.subarray(aadSize, end)));
      decipher.final();
      return true;
    },
  };
}

interface Native {
  crypto_aead_xchacha20poly1305_ietf_encrypt(...args: (Buffer | null)[]): number;
  crypto_aead_xchacha20poly1305_ietf_decrypt(...args: (Buffer | null)[]): number;
}

function sodiumNative(sodium: Native): Aead {
  const key = Buffer.from(KEY);
  return {
    seal(packet, aadSize, plainSize, nonce) {
      const [aad, text] = [view(packet, 0, aadSize), view(packet, aadSize, plainSize)];
      const sealed = view(packet, aadSize, plainSize + TAG_SIZE);
      const spent = view(nonce, 0, nonce.length);
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, text, aad, null, spent, key);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      const [aad, sealed] = [
        view(packet, 0, aadSize),
        view(packet, aadSize, cipherSize + TAG_SIZE),
      ];
      const [plain, spent] = [view(into, 0, cipherSize), view(nonce, 0, nonce.length)];
      sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plain, null, sealed, aad, spent, key);
      return true;
    },
  };
}

function view({ buffer, byteOffset }: Uint8Array, start: number, size: number): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset + start, size);
}

type Bytes = Uint8Array | null;

interface Wrappers {
  crypto_aead_xchacha20poly1305_ietf_encrypt(...args: Bytes[]): Uint8Array;
  crypto_aead_xchacha20poly1305_ietf_decrypt(...args: Bytes[]): Uint8Array;
}

function libsodiumWrappers(sodium: Wrappers): Aead {
  return {
    seal(packet, aadSize, plainSize, nonce) {
      const aad = packet.subarray(0, aadSize);
      const plain = packet.subarray(aadSize, aadSize + plainSize);
      packet.set(
        sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, aad, null, nonce, KEY),
        aadSize,
      );
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      const aad = packet.subarray(0, aadSize);
      const sealed = packet.subarray(aadSize, aadSize + cipherSize + TAG_SIZE);
      into.set(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, aad, nonce, KEY));
      return true;
    },
  };
}

interface Stablelib {
  readonly XChaCha20Poly1305: new (key: Uint8Array) => {
    seal(nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array;
    open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | null;
  };
}

function stablelib({ XChaCha20Poly1305 }: Stablelib): Aead {
  const cipher = new XChaCha20Poly1305(KEY);
  return {
    seal(packet, aadSize, plainSize, nonce) {
      const aad = packet.subarray(0, aadSize);
      packet.set(cipher.seal(nonce, packet.subarray(aadSize, aadSize + plainSize), aad), aadSize);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      const sealed = packet.subarray(aadSize, aadSize + cipherSize + TAG_SIZE);
      const plain = cipher.open(nonce, sealed, packet.subarray(0, aadSize));
      if (plain !== null) into.set(plain);
      return plain !== null;
    },
  };
}
