import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  displayableCode,
  pairwiseFingerprint,
  type UserIdentity,
  verificationCode,
  voicePrivacyCode,
} from "../../../lib/dave/codes.ts";
import { hex, loadVectors, toHex } from "../../tools/vectors.ts";

interface Identity {
  readonly user_id: string;
  readonly key_hex: string;
}

interface CodeVectors {
  readonly displayable: readonly {
    readonly data_hex: string;
    readonly digits: number;
    readonly group: number;
    readonly expect: string;
  }[];
  readonly refused: readonly {
    readonly size: number;
    readonly digits: number;
    readonly group: number;
  }[];
  readonly pairwise: readonly {
    readonly a: Identity;
    readonly b: Identity;
    readonly fingerprint_hex: string;
    readonly verification_code: string;
  }[];
}

const { displayable, refused, pairwise } = loadVectors<CodeVectors>("dave_codes.json");

function identityOf({ user_id, key_hex }: Identity): UserIdentity {
  return { userId: user_id, publicKey: hex(key_hex) };
}

test("displayableCode() agrees with davey", () => {
  for (const { data_hex, digits, group, expect } of displayable) {
    assertEquals(displayableCode(hex(data_hex), digits, group), expect);
  }
  assertEquals(displayable.length, 34);
});

for (const { size, digits, group } of refused) {
  test(`displayableCode() refuses ${digits} digits in groups of ${group} of ${size} bytes`, () => {
    assertThrows(() => displayableCode(new Uint8Array(size), digits, group), RangeError, "Cannot");
  });
}

test("displayableCode() refuses numbers that are no counts", () => {
  for (const [digits, group] of [[0, 5], [-5, 5], [5, -5], [7.5, 2.5], [NaN, 5], [5, NaN]]) {
    assertThrows(() => displayableCode(new Uint8Array(32), digits, group), RangeError, "Cannot");
  }
});

test("voicePrivacyCode() is 30 digits of the authenticator in groups of five", () => {
  const { data_hex, expect } = displayable.findLast(({ digits }) => digits === 30)!;
  assertEquals(voicePrivacyCode(hex(data_hex)), expect);
});

for (const [index, { a, b, fingerprint_hex, verification_code }] of pairwise.entries()) {
  test(`pairwiseFingerprint() and verificationCode() agree with davey, pair ${index}`, () => {
    const fingerprint = pairwiseFingerprint(identityOf(a), identityOf(b));
    assertEquals(toHex(fingerprint), fingerprint_hex);
    assertEquals(verificationCode(fingerprint), verification_code);
  });
}

test("pairwiseFingerprint() is the same for both users", () => {
  const { a, b, fingerprint_hex } = pairwise[2];
  assertEquals(toHex(pairwiseFingerprint(identityOf(b), identityOf(a))), fingerprint_hex);
});

for (
  const userId of ["", "-1", "abcd", "1.5", "0x10", " 1", "18446744073709551616", "9".repeat(21)]
) {
  test(`pairwiseFingerprint() refuses the user id "${userId}"`, () => {
    const right = { userId: "1", publicKey: new Uint8Array(65) };
    assertThrows(() => pairwiseFingerprint(right, { ...right, userId }), RangeError, "Cannot make");
  });
}

test("pairwiseFingerprint() is the same for both where the bytes of one begin those of the other", () => {
  const a = { userId: "0", publicKey: hex("01") };
  const b = { userId: "0", publicKey: hex("010000000000000000") };
  assertEquals(toHex(pairwiseFingerprint(a, b)), toHex(pairwiseFingerprint(b, a)));
});

test("pairwiseFingerprint() refuses an empty key", () => {
  const right = { userId: "1", publicKey: new Uint8Array(65) };
  const wrong = { userId: "2", publicKey: new Uint8Array(0) };
  assertThrows(() => pairwiseFingerprint(right, wrong), RangeError, "a key of 0 bytes");
});
