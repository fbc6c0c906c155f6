/**
 * The primitives of MLS on `node:crypto`, which Deno, Bun and Node all have. Each of them has it
 * from another library, so for each primitive the faster one of it and the pure ones is taken:
 *
 * | microseconds, `node:crypto` and pure | Node | Bun | Deno |
 * |---|---|---|---|
 * | public key | 17, 150 | 12, 78 | 269, 69 |
 * | ECDH | 118, 2700 | 63, 990 | 276, 1080 |
 * | ECDSA, sign | 95, 500 | 35, 280 | 588, 240 |
 * | ECDSA, verify | 109, 880 | 51, 470 | 564, 370 |
 * | HMAC-SHA256 of 100 bytes | 14, 4 | 0.6, 4 | 8, 5 |
 * | SHA-256 of 30 bytes | 1.0, 1.0 | 0.2, 1.1 | 2.4, 1.8 |
 * | SHA-256 of 1000 bytes | 1.6, 6.1 | 0.8, 6.4 | 2.8, 7.6 |
 *
 * ECDH is `createECDH` where that is fast: on Deno it takes 800, `diffieHellman` 276.
 * Keys are imported anew for each use: a key object that is kept cannot be erased.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type ECDH,
  hash,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import process from "node:process";

import { HASH_SIZE, type MlsCrypto, nobleMlsCrypto } from "../lib/dave/mls/suite.ts";

const CURVE = "prime256v1";
const CIPHER = "aes-128-gcm";
const TAG_SIZE = 16;
const OPTIONS = { authTagLength: TAG_SIZE };

/** What precedes a private key in PKCS #8 without its public key. */
const PKCS8_PREFIX = Buffer.from(
  "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  "hex",
);
/** What precedes an uncompressed point in SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

const NOBLE = nobleMlsCrypto((into) =>
  void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>)
);

/** What every runtime has faster. */
const COMMON: MlsCrypto = {
  ...NOBLE,
  seal(key, nonce, aad, plain) {
    const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
    cipher.setAAD(aad);
    const sealed = new Uint8Array(plain.length + TAG_SIZE);
    sealed.set(cipher.update(plain));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plain.length);
    return sealed;
  },
  open(key, nonce, aad, sealed) {
    if (sealed.length < TAG_SIZE) return undefined;
    const size = sealed.length - TAG_SIZE;
    const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(size));
    const plain = view(decipher.update(sealed.subarray(0, size)));
    try {
      decipher.final();
      return plain;
    } catch {
      plain.fill(0);
      return undefined;
    }
  },
};

const NODE: MlsCrypto = {
  ...COMMON,
  sha256: (data) => view(hash("sha256", data, "buffer")),
  publicKey: (privateKey) => view(keyExchange(privateKey).getPublicKey()),
  agree(privateKey, publicKey) {
    if (!NOBLE.isPublicKey(publicKey)) return undefined;
    return view(keyExchange(privateKey).computeSecret(publicKey));
  },
  sign: (privateKey, message) => view(sign("sha256", message, privateKeyObject(privateKey))),
  verify(publicKey, message, signature) {
    if (!NOBLE.isPublicKey(publicKey)) return false;
    return verify("sha256", message, publicKeyObject(publicKey), signature);
  },
};

const BUN: MlsCrypto = { ...NODE, hmac: hmacSha256, extract: hmacSha256, expand };

const DENO: MlsCrypto = {
  ...COMMON,
  agree(privateKey, publicKey) {
    if (!NOBLE.isPublicKey(publicKey)) return undefined;
    const keys = {
      privateKey: privateKeyObject(privateKey),
      publicKey: publicKeyObject(publicKey),
    };
    return view(diffieHellman(keys));
  },
};

/** The primitives that are fastest on this runtime. */
export const nativeMlsCrypto: MlsCrypto = chosen();

function chosen(): MlsCrypto {
  const { deno, bun } = process.versions;
  return deno !== undefined ? DENO : bun !== undefined ? BUN : NODE;
}

function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return view(createHmac("sha256", key).update(data).digest());
}

function expand(key: Uint8Array, info: Uint8Array, size: number): Uint8Array {
  const expanded = new Uint8Array(size);
  let block = new Uint8Array(0);
  for (let at = 0, count = 1; at < size; at += HASH_SIZE, count++) {
    const hmac = createHmac("sha256", key).update(block).update(info);
    block.fill(0);
    block = view(hmac.update(Uint8Array.of(count)).digest());
    expanded.set(block.subarray(0, size - at), at);
  }
  block.fill(0);
  return expanded;
}

function keyExchange(privateKey: Uint8Array): ECDH {
  const exchange = createECDH(CURVE);
  exchange.setPrivateKey(privateKey);
  return exchange;
}

function privateKeyObject(privateKey: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, privateKey]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return key;
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const der = Buffer.concat([SPKI_PREFIX, publicKey]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

/** The same memory without the methods of Buffer, of which some mean something else. */
function view(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.length);
}
