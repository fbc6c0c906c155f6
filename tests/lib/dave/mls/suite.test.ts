import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { validPrivateKey } from "../../../../lib/dave/mls/suite.ts";
import { hex, loadVectors, toHex } from "../../../tools/vectors.ts";
import { seededSuite } from "./vectors.ts";

const suite = seededSuite(1);

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

test("MlsCrypto.verify() agrees with Wycheproof's ECDSA cases, and how many", () => {
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
});

// A compressed point is a public key to others, not to MLS (RFC 9420 section 5.1.1).
test("MlsCrypto.agree() agrees with Wycheproof's ECDH cases, and how many", () => {
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
});

test("MlsCrypto.extract() and expand() agree with Wycheproof's HKDF cases, and how many", () => {
  const counts = { valid: 0, invalid: 0, acceptable: 0 };
  const { testGroups } = loadVectors<File<HkdfGroup>>("wycheproof/hkdf_sha256_test.json");
  for (const { tcId, result, ikm, salt, info, size, okm } of testGroups.flatMap((g) => g.tests)) {
    counts[result]++;
    // The only invalid cases ask for more than HKDF can give, which nobody asks for here.
    if (result === "invalid") assert(size > 255 * 32);
    else {
      const key = suite.extract(hex(salt), hex(ikm));
      assertEquals(toHex(suite.expand(key, hex(info), size)), okm, String(tcId));
    }
  }
  assertEquals(counts, { valid: 83, invalid: 3, acceptable: 0 });
});

test("MlsCrypto.open() returns what seal() has sealed, and nothing else", () => {
  const [key, nonce] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2)];
  const sealed = suite.seal(key, nonce, Uint8Array.of(3), Uint8Array.of(4, 5));
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), sealed), Uint8Array.of(4, 5));
  assertEquals(suite.open(key, nonce, Uint8Array.of(4), sealed), undefined);
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), sealed.slice(1)), undefined);
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), new Uint8Array(3)), undefined);
});

test("validPrivateKey() holds from 1 to less than the order of P-256", () => {
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  assertEquals(validPrivateKey(hex("00".repeat(31) + "01")), true);
  assertEquals(validPrivateKey(hex(order.slice(0, -1) + "0")), true);
  assertEquals(validPrivateKey(hex(order)), false);
  assertEquals(validPrivateKey(hex("ff".repeat(32))), false);
  assertEquals(validPrivateKey(new Uint8Array(32)), false);
  assertEquals(validPrivateKey(new Uint8Array(31).fill(1)), false);
});

test("MlsCrypto.isPublicKey() holds for uncompressed points of the curve alone", () => {
  const key = suite.publicKey(hex("00".repeat(31) + "05"));
  const off = key.slice();
  off[64]! ^= 1;
  const hybrid = key.slice();
  hybrid[0] = 6;
  assertEquals(suite.isPublicKey(key), true);
  for (const wrong of [off, hybrid, key.slice(1), key.slice(0, 33), new Uint8Array(65)]) {
    assertEquals(suite.isPublicKey(wrong), false);
  }
});
