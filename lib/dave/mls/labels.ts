/**
 * The functions of RFC 9420 that carry a label: derivation (section 8), signature, public-key
 * encryption and reference (section 5).
 *
 * @module
 */

import { ascii, concat, EMPTY } from "./bytes.ts";
import { u16, u32, vectorHeader } from "./codec.ts";
import { decrypt, encrypt, type HpkeCiphertext, keyContextOf, type KeyPair } from "./hpke.ts";
import { HASH_SIZE, type MlsCrypto } from "./suite.ts";

/** ExpandWithLabel. */
export function expandWithLabel(
  suite: MlsCrypto,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  size: number,
): Uint8Array {
  return suite.expand(secret, concat(u16(size), ...labelled(label, context)), size);
}

/** DeriveSecret. */
export function deriveSecret(suite: MlsCrypto, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(suite, secret, label, EMPTY, HASH_SIZE);
}

/** DeriveTreeSecret (section 9.1). */
export function deriveTreeSecret(
  suite: MlsCrypto,
  secret: Uint8Array,
  label: string,
  generation: number,
  size: number,
): Uint8Array {
  return expandWithLabel(suite, secret, label, u32(generation), size);
}

/** SignWithLabel. */
export function signWithLabel(
  suite: MlsCrypto,
  privateKey: Uint8Array,
  label: string,
  content: Uint8Array,
): Uint8Array {
  return suite.sign(privateKey, concat(...labelled(label, content)));
}

/** VerifyWithLabel. */
export function verifyWithLabel(
  suite: MlsCrypto,
  publicKey: Uint8Array,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): boolean {
  return suite.verify(publicKey, concat(...labelled(label, content)), signature);
}

/** EncryptWithLabel, for many receivers: what is the same for all of them is computed once. */
export function encrypterWithLabel(
  suite: MlsCrypto,
  label: string,
  context: Uint8Array,
): (publicKey: Uint8Array, plain: Uint8Array) => HpkeCiphertext {
  const keyContext = keyContextOf(suite, concat(...labelled(label, context)));
  return (publicKey, plain) => encrypt(suite, publicKey, keyContext, plain);
}

/** DecryptWithLabel; `undefined` where the ciphertext is not what it must be. */
export function decryptWithLabel(
  suite: MlsCrypto,
  keyPair: KeyPair,
  label: string,
  context: Uint8Array,
  sealed: HpkeCiphertext,
): Uint8Array | undefined {
  const keyContext = keyContextOf(suite, concat(...labelled(label, context)));
  return decrypt(suite, keyPair, keyContext, sealed);
}

/** RefHash. */
export function refHash(suite: MlsCrypto, label: string, value: Uint8Array): Uint8Array {
  return suite.sha256(concat(...vectors(ascii(label), value)));
}

/** The parts of a label and its content. */
function labelled(label: string, content: Uint8Array): Uint8Array[] {
  return vectors(ascii(`MLS 1.0 ${label}`), content);
}

/** The parts of two vectors, to be joined with others in one go. */
function vectors(first: Uint8Array, second: Uint8Array): Uint8Array[] {
  return [vectorHeader(first.length), first, vectorHeader(second.length), second];
}
