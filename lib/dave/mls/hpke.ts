/**
 * Hybrid public-key encryption (RFC 9180) as MLS uses it: base mode, one message a context,
 * no additional data, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
 *
 * @module
 */

import { extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, EMPTY, erase } from "./bytes.ts";
import { type Reader, u16, u8, vector } from "./codec.ts";
import {
  AEAD_KEY_SIZE,
  AEAD_NONCE_SIZE,
  HASH_SIZE,
  type MlsCrypto,
  randomBytes,
  validPrivateKey,
} from "./suite.ts";

/** What is encrypted to a public key. */
export interface HpkeCiphertext {
  /** Ephemeral public key. */
  readonly kemOutput: Uint8Array;
  /** Ciphertext and tag. */
  readonly ciphertext: Uint8Array;
}

/** A private key and its public key. */
export interface KeyPair {
  /** 32 bytes; erased by whoever holds it last. */
  readonly privateKey: Uint8Array;
  /** Uncompressed point. */
  readonly publicKey: Uint8Array;
}

const KEM_SUITE = concat(ascii("KEM"), u16(0x0010));
const HPKE_SUITE = concat(ascii("HPKE"), u16(0x0010), u16(0x0001), u16(0x0001));

const DKP_PRK = labelOf(KEM_SUITE, "dkp_prk");
const CANDIDATE = labelOf(KEM_SUITE, "candidate");
const EAE_PRK = labelOf(KEM_SUITE, "eae_prk");
const SHARED_SECRET = labelOf(KEM_SUITE, "shared_secret");
const INFO_HASH = labelOf(HPKE_SUITE, "info_hash");
const SECRET = labelOf(HPKE_SUITE, "secret");
const KEY = labelOf(HPKE_SUITE, "key");
const BASE_NONCE = labelOf(HPKE_SUITE, "base_nonce");

/** The base mode, and the hash of its absent pre-shared key's id. */
const NO_PSK = concat(u8(0), extract(sha256, labelOf(HPKE_SUITE, "psk_id_hash"), EMPTY));

/** Reads an HPKECiphertext. */
export function takeHpkeCiphertext(reader: Reader): HpkeCiphertext {
  return { kemOutput: reader.vector(), ciphertext: reader.vector() };
}

/** Bytes of an HPKECiphertext. */
export function encodeHpkeCiphertext(sealed: HpkeCiphertext): Uint8Array {
  return concat(vector(sealed.kemOutput), vector(sealed.ciphertext));
}

/** A random key pair. */
export function generateKeyPair(suite: MlsCrypto): KeyPair {
  const seed = randomBytes(suite, HASH_SIZE);
  const pair = deriveKeyPair(suite, seed);
  erase(seed);
  return pair;
}

/** DeriveKeyPair: the key pair that follows from a secret. */
export function deriveKeyPair(suite: MlsCrypto, secret: Uint8Array): KeyPair {
  const root = labeledExtract(suite, EMPTY, DKP_PRK, secret);
  let privateKey = EMPTY;
  // The odds that one candidate is no private key are 1 to 2^32.
  for (let counter = 0; !validPrivateKey(privateKey); counter++) {
    privateKey = labeledExpand(suite, root, CANDIDATE, u8(counter), HASH_SIZE);
  }
  erase(root);
  return { privateKey, publicKey: suite.publicKey(privateKey) };
}

/** What all keys of one `info` have in common: base mode, no pre-shared key. */
export function keyContextOf(suite: MlsCrypto, info: Uint8Array): Uint8Array {
  return concat(NO_PSK, labeledExtract(suite, EMPTY, INFO_HASH, info));
}

/**
 * Encrypts to a public key.
 *
 * @param keyContext What `keyContextOf` returned.
 * @throws {RangeError} The public key is none: received ones are checked where they come in.
 */
export function encrypt(
  suite: MlsCrypto,
  publicKey: Uint8Array,
  keyContext: Uint8Array,
  plain: Uint8Array,
): HpkeCiphertext {
  const ephemeral = generateKeyPair(suite);
  const shared = suite.agree(ephemeral.privateKey, publicKey);
  erase(ephemeral.privateKey);
  if (shared === undefined) throw new RangeError("Cannot encrypt: the public key is none");
  const kemOutput = ephemeral.publicKey;
  const { key, nonce } = schedule(suite, shared, concat(kemOutput, publicKey), keyContext);
  const ciphertext = suite.seal(key, nonce, EMPTY, plain);
  erase(key, nonce);
  return { kemOutput, ciphertext };
}

/** Decrypts with a key pair; `undefined` where the ciphertext is not what it must be. */
export function decrypt(
  suite: MlsCrypto,
  keyPair: KeyPair,
  keyContext: Uint8Array,
  sealed: HpkeCiphertext,
): Uint8Array | undefined {
  const shared = suite.agree(keyPair.privateKey, sealed.kemOutput);
  if (shared === undefined) return undefined;
  const keys = concat(sealed.kemOutput, keyPair.publicKey);
  const { key, nonce } = schedule(suite, shared, keys, keyContext);
  const plain = suite.open(key, nonce, EMPTY, sealed.ciphertext);
  erase(key, nonce);
  return plain;
}

/** ExtractAndExpand of the KEM, then KeySchedule of the base mode. Erases what it is given. */
function schedule(
  suite: MlsCrypto,
  agreed: Uint8Array,
  publicKeys: Uint8Array,
  context: Uint8Array,
): { key: Uint8Array; nonce: Uint8Array } {
  const early = labeledExtract(suite, EMPTY, EAE_PRK, agreed);
  const shared = labeledExpand(suite, early, SHARED_SECRET, publicKeys, HASH_SIZE);
  const secret = labeledExtract(suite, shared, SECRET, EMPTY);
  const key = labeledExpand(suite, secret, KEY, context, AEAD_KEY_SIZE);
  const nonce = labeledExpand(suite, secret, BASE_NONCE, context, AEAD_NONCE_SIZE);
  erase(agreed, early, shared, secret);
  return { key, nonce };
}

function labeledExtract(
  suite: MlsCrypto,
  salt: Uint8Array,
  label: Uint8Array,
  secret: Uint8Array,
): Uint8Array {
  const input = concat(label, secret);
  const key = suite.extract(salt, input);
  erase(input);
  return key;
}

function labeledExpand(
  suite: MlsCrypto,
  key: Uint8Array,
  label: Uint8Array,
  info: Uint8Array,
  size: number,
): Uint8Array {
  return suite.expand(key, concat(u16(size), label, info), size);
}

/** What stands before the content that it is for. */
function labelOf(id: Uint8Array, label: string): Uint8Array {
  return concat(ascii("HPKE-v1"), id, ascii(label));
}
