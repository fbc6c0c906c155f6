/**
 * Wycheproof's cases for the primitives of MLS, through any implementation of them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { MlsCrypto } from "../../../../lib/dave/mls/suite.ts";
import { hex, loadVectors, toHex } from "../../../tools/vectors.ts";

interface File<T> {
  readonly testGroups: readonly T[];
}

interface Case {
  readonly tcId: number;
  readonly result: "valid" | "invalid" | "acceptable";
}

interface EcdsaGroup {
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly (Case & { readonly msg: string; readonly sig: string })[];
}

interface EcdhGroup {
  readonly tests: readonly (Case & {
    readonly public: string;
    readonly private: string;
    readonly shared: string;
    readonly flags: readonly string[];
  })[];
}

interface HkdfGroup {
  readonly tests: readonly (Case & {
    readonly ikm: string;
    readonly salt: string;
    readonly info: string;
    readonly size: number;
    readonly okm: string;
  })[];
}

/** `verify` holds for the valid cases of ECDSA alone. All cases are run. */
export function checkEcdsaCases(suite: MlsCrypto): void {
  const counts = { valid: 0, invalid: 0, acceptable: 0 };
  const { testGroups } = loadVectors<File<EcdsaGroup>>(
    "wycheproof/ecdsa_secp256r1_sha256_test.json",
  );
  for (const { publicKey, tests } of testGroups) {
    const key = hex(publicKey.uncompressed);
    for (const { tcId, result, msg, sig } of tests) {
      assertEquals(suite.verify(key, hex(msg), hex(sig)), result === "valid", String(tcId));
      counts[result]++;
    }
  }
  assertEquals(counts, { valid: 174, invalid: 310, acceptable: 0 });
}

/**
 * `agree` yields what the cases of ECDH say. A compressed point is a public key to others, not to
 * MLS (RFC 9420 section 5.1.1). All cases are run.
 */
export function checkEcdhCases(suite: MlsCrypto): void {
  const counts: Record<string, number> = {};
  const { testGroups } = loadVectors<File<EcdhGroup>>(
    "wycheproof/ecdh_secp256r1_ecpoint_test.json",
  );
  for (const vector of testGroups.flatMap(({ tests }) => tests)) {
    const { tcId, result, shared, flags } = vector;
    const compressed = flags.includes("CompressedPoint");
    const agreed = suite.agree(
      hex(vector.private.slice(-64).padStart(64, "0")),
      hex(vector.public),
    );
    const wanted = result === "invalid" || compressed ? undefined : shared;
    assertEquals(agreed && toHex(agreed), wanted, String(tcId));
    const kind = compressed ? "compressed" : result;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  assertEquals(counts, { valid: 330, compressed: 8, invalid: 17 });
}

/**
 * `extract` and `expand` yield what the cases of HKDF say. The only invalid ones ask for more than
 * HKDF can give, which nobody asks for here.
 */
export function checkHkdfCases(suite: MlsCrypto): void {
  const counts = { valid: 0, invalid: 0, acceptable: 0 };
  const { testGroups } = loadVectors<File<HkdfGroup>>("wycheproof/hkdf_sha256_test.json");
  for (const { tcId, result, ikm, salt, info, size, okm } of testGroups.flatMap((g) => g.tests)) {
    counts[result]++;
    if (result === "invalid") assert(size > 255 * 32);
    else {
      const key = suite.extract(hex(salt), hex(ikm));
      assertEquals(toHex(suite.expand(key, hex(info), size)), okm, String(tcId));
    }
  }
  assertEquals(counts, { valid: 83, invalid: 3, acceptable: 0 });
}
