/**
 * Wycheproof's AEAD files, through the AEADs of the transport.
 *
 * The transport has keys of 256 bits, nonces of 96 (GCM) or 192 bits (XChaCha20-Poly1305) and
 * tags of 128. What it cannot express runs through the primitive of `@noble/ciphers` itself: other
 * sizes, and ChaCha20-Poly1305 with a nonce of 96 bits, which is the inside of
 * XChaCha20-Poly1305 but cannot be reached through it, because no key is known whose HChaCha20
 * is a given one.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";

import { nativeAead, nodeAes256gcm } from "../../../adapters/native_aead.ts";
import { type Aead, type AeadProvider, TAG_SIZE } from "../../../lib/aead.ts";
import { nobleCiphers, pureCiphers } from "../../../lib/secretbox.ts";
import { caseOf, ShapeError, type VectorCase } from "./case.ts";
import { expectEqual, fail, type Fields, hexField, isFields, textField } from "./fields.ts";

/** A case of an AEAD file. */
export interface AeadCase {
  /** 16 to 32 bytes. */
  readonly key: Uint8Array;
  /** The nonce, of any size. */
  readonly iv: Uint8Array;
  /** The additional data. */
  readonly aad: Uint8Array;
  /** The plaintext. */
  readonly msg: Uint8Array;
  /** The ciphertext without the tag. */
  readonly ct: Uint8Array;
  /** The tag. */
  readonly tag: Uint8Array;
  /** Whether it must open, and seal to the same bytes; otherwise it must not open. */
  readonly valid: boolean;
}

/** What runs a case. */
export interface AeadUnderTest {
  /** Which implementation. */
  readonly name: string;
  /** The cipher with the case's key. */
  readonly aead: Aead;
}

/** The providers that are in use. */
export const PROVIDERS: readonly (readonly [name: string, provider: AeadProvider])[] = [
  ["nobleCiphers", nobleCiphers],
  ["pureCiphers", pureCiphers],
  ["nativeAead", nativeAead],
  ["node:crypto", { ...nobleCiphers, aes256gcm: nodeAes256gcm }],
];

interface Algorithm {
  readonly primitive: Primitive;
  /** Where the transport has it: the cipher and the size of its nonces. */
  readonly transport?: readonly [name: "aes256gcm" | "xchacha20poly1305", nonceSize: number];
}

type Primitive = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => {
  encrypt(plain: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
};

const ALGORITHMS: { readonly [name: string]: Algorithm } = {
  "AES-GCM": { primitive: gcm, transport: ["aes256gcm", 12] },
  "XCHACHA20-POLY1305": { primitive: xchacha20poly1305, transport: ["xchacha20poly1305", 24] },
  "CHACHA20-POLY1305": { primitive: chacha20poly1305 },
};

/**
 * Takes a Wycheproof file apart.
 *
 * @param file The parsed file.
 * @returns Its cases, or `undefined` where it is no Wycheproof file.
 * @throws {ShapeError} It is one of another algorithm.
 */
export function wycheproofCases(file: Fields): VectorCase[] | undefined {
  const { testGroups, algorithm } = file;
  if (!Array.isArray(testGroups)) return undefined;
  if (typeof algorithm !== "string" || !Object.hasOwn(ALGORITHMS, algorithm)) {
    const names = Object.keys(ALGORITHMS).join(", ");
    throw new ShapeError(
      `the algorithm is ${JSON.stringify(algorithm)}, the transport has ${names}`,
    );
  }
  return testGroups.flatMap((group, index) => {
    const tests = isFields(group) && Array.isArray(group.tests) ? group.tests : [undefined];
    const section = `testGroups[${index}]`;
    return tests.map((test) => caseOf(section, test, (fields) => runCase(algorithm, fields)));
  });
}

/** Reads a case. @throws {Error} A field is wrong. */
export function readAeadCase(fields: Fields): AeadCase {
  const result = textField(fields, "result");
  if (result !== "valid" && result !== "invalid") fail(`"result" is ${result}`);
  const [key, iv, aad] = ["key", "iv", "aad"].map((name) => hexField(fields, name));
  const [msg, ct, tag] = ["msg", "ct", "tag"].map((name) => hexField(fields, name));
  return { key, iv, aad, msg, ct, tag, valid: result === "valid" };
}

/** The implementations in use that can express a case; none where the transport cannot. */
export function transportAeads(algorithm: string, { key, iv, tag }: AeadCase): AeadUnderTest[] {
  const transport = ALGORITHMS[algorithm].transport;
  if (transport === undefined || key.length !== 32 || tag.length !== TAG_SIZE) return [];
  const [cipher, nonceSize] = transport;
  if (iv.length !== nonceSize) return [];
  return PROVIDERS.map(([name, provider]) => ({ name, aead: provider[cipher](key) }));
}

/**
 * Checks an implementation against a case.
 *
 * @throws {Error} It does not do what the case says.
 */
export function checkAead({ name, aead }: AeadUnderTest, vector: AeadCase): void {
  const { aad, msg, ct, tag, iv, valid } = vector;
  const into = new Uint8Array(ct.length);
  const opened = aead.open(concat(aad, ct, tag), aad.length, ct.length, iv, into);
  if (opened !== valid) fail(`${name} ${opened ? "opens" : "rejects"} it`);
  if (!valid) return;
  expectEqual(`The plaintext of ${name}`, into, msg);
  const packet = concat(aad, msg, new Uint8Array(TAG_SIZE));
  aead.seal(packet, aad.length, msg.length, iv);
  expectEqual(`The packet of ${name}`, packet, concat(aad, ct, tag));
}

/**
 * Checks the primitive of `@noble/ciphers` against a case.
 *
 * @throws {Error} It does not do what the case says.
 */
export function checkPrimitive(algorithm: string, vector: AeadCase): void {
  const { key, iv, aad, msg, ct, tag, valid } = vector;
  const { primitive } = ALGORITHMS[algorithm];
  let plain: Uint8Array | undefined;
  try {
    plain = primitive(key, iv, aad).decrypt(concat(ct, tag));
  } catch {
    // What noble refuses it throws at.
  }
  if ((plain !== undefined) !== valid) fail(`The primitive ${valid ? "rejects" : "opens"} it`);
  if (!valid) return;
  expectEqual("The plaintext", plain, msg);
  expectEqual("The ciphertext", primitive(key, iv, aad).encrypt(msg), concat(ct, tag));
}

function runCase(algorithm: string, fields: Fields): string | void {
  const vector = readAeadCase(fields);
  const aeads = transportAeads(algorithm, vector);
  for (const aead of aeads) checkAead(aead, vector);
  if (aeads.length > 0) return;
  checkPrimitive(algorithm, vector);
  return "outside of what the transport can express: run through the primitive";
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
