import { assert, assertEquals, assertNotEquals } from "@std/assert";
import test from "node:test";
import { deriveKeyPair } from "../../../../lib/dave/mls/hpke.ts";
import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encrypterWithLabel,
  expandWithLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from "../../../../lib/dave/mls/labels.ts";
import { hex, toHex } from "../../../tools/vectors.ts";
import { pairOf, rfcCases, seededSuite } from "./vectors.ts";

type Texts = Readonly<Record<string, string>>;

interface CryptoBasics {
  readonly derive_secret: Texts;
  readonly derive_tree_secret: Texts & { readonly generation: never; readonly length: never };
  readonly encrypt_with_label: Texts;
  readonly expand_with_label: Texts & { readonly length: never };
  readonly ref_hash: Texts;
  readonly sign_with_label: Texts;
}

const suite = seededSuite(2);
const cases = rfcCases<CryptoBasics>("crypto-basics");
const basics = cases[0]!;

test("RFC 9420's crypto-basics has one case for suite 2", () => {
  assertEquals(cases.length, 1);
});

test("deriveSecret() and expandWithLabel() agree with RFC 9420's vectors", () => {
  const { derive_secret: secret, expand_with_label: expanded } = basics;
  assertEquals(toHex(deriveSecret(suite, hex(secret.secret!), secret.label!)), secret.out);
  const size = Number(expanded.length);
  const context = hex(expanded.context!);
  const out = expandWithLabel(suite, hex(expanded.secret!), expanded.label!, context, size);
  assertEquals(toHex(out), expanded.out);
});

test("deriveTreeSecret() agrees with RFC 9420's vectors", () => {
  const { secret, label, generation, length, out } = basics.derive_tree_secret;
  const derived = deriveTreeSecret(suite, hex(secret!), label!, Number(generation), Number(length));
  assertEquals(toHex(derived), out);
});

test("refHash() agrees with RFC 9420's vectors", () => {
  const { label, value, out } = basics.ref_hash;
  assertEquals(toHex(refHash(suite, label!, hex(value!))), out);
});

test("verifyWithLabel() accepts RFC 9420's signature and our own, under their label alone", () => {
  const { priv, pub, label, content, signature } = basics.sign_with_label;
  const verify = (name: string, text: string, bytes: Uint8Array) =>
    verifyWithLabel(suite, hex(pub!), name, hex(text), bytes);
  assert(verify(label!, content!, hex(signature!)));
  const own = signWithLabel(suite, hex(priv!), label!, hex(content!));
  assert(verify(label!, content!, own));
  assertEquals(verify("Other", content!, own), false);
  assertEquals(verify(label!, `${content}00`, own), false);
});

test("decryptWithLabel() decrypts RFC 9420's ciphertext and our own, in their context alone", () => {
  const { priv, pub, label, context, plaintext, kem_output, ciphertext } =
    basics.encrypt_with_label;
  const pair = pairOf(suite, priv!);
  assertEquals(toHex(pair.publicKey), pub);
  const sealed = { kemOutput: hex(kem_output!), ciphertext: hex(ciphertext!) };
  const opened = decryptWithLabel(suite, pair, label!, hex(context!), sealed);
  assertEquals(opened && toHex(opened), plaintext);
  const encrypt = encrypterWithLabel(suite, label!, hex(context!));
  const [own, other] = [0, 1].map(() => encrypt(pair.publicKey, hex(plaintext!)));
  for (const ciphertext of [own!, other!]) {
    const again = decryptWithLabel(suite, pair, label!, hex(context!), ciphertext);
    assertEquals(again && toHex(again), plaintext);
  }
  assertNotEquals(own, other);
  assertEquals(decryptWithLabel(suite, pair, "Other", hex(context!), own!), undefined);
  const off = { ...own!, kemOutput: own!.kemOutput.slice(0, 64) };
  assertEquals(decryptWithLabel(suite, pair, label!, hex(context!), off), undefined);
});

// RFC 9180 appendix A.3.1, whose KEM is the one of suite 2.
test("deriveKeyPair() agrees with RFC 9180's vector", () => {
  const seed = "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e";
  const pair = deriveKeyPair(suite, hex(seed));
  assertEquals(
    toHex(pair.privateKey),
    "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb",
  );
});
