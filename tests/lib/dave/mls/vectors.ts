/**
 * RFC 9420's published vectors for cipher suite 2. What the subset leaves out, and why:
 *
 * - `secret-tree.json`, the `_priv` and application fields of `message-protection.json`,
 *   `sender_data_secret`, `encryption_secret`: PrivateMessage, which DAVE does not use.
 * - `external_secret`, `external_pub`, `resumption_psk`: external joins and resumption.
 * - `psk_secret` cases of the passive clients, PSK proposals: DAVE has no pre-shared keys.
 * - Update, ReInit, ExternalInit and GroupContextExtensions proposals: the gateway sends none.
 * - Trees beside the welcome: DAVE's welcomes carry them.
 * - The fields of `messages.json` of other suites (key packages, welcomes): suite 2 only.
 *
 * @module
 */

import { type MlsCrypto, nobleMlsCrypto } from "../../../../lib/dave/mls/suite.ts";
import { hex, loadVectors, randomBytes, seededRandom } from "../../../tools/vectors.ts";

/** Reads the cases of a file of `tests/vectors/rfc9420`. */
export function rfcCases<T>(name: string): readonly T[] {
  return loadVectors<{ cases: readonly T[] }>(`rfc9420/${name}.json`).cases;
}

/** The primitives with seeded randomness. */
export function seededSuite(seed: number): MlsCrypto {
  const random = seededRandom(seed);
  return nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
}

/** A key pair of a private key in hexadecimal text. */
export function pairOf(suite: MlsCrypto, privateKey: string): {
  privateKey: Uint8Array;
  publicKey: Uint8Array;
} {
  return { privateKey: hex(privateKey), publicKey: suite.publicKey(hex(privateKey)) };
}
