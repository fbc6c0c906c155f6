/**
 * One packet of each encryption mode, sealed by others (PyNaCl and OpenSSL), as bytes in hex.
 * The key is the bytes 0 to 31.
 *
 * @module
 */

import type { EncryptionMode } from "../../lib/packet.ts";

/** A packet, before and after it is sealed. */
export interface KnownPacket {
  /** The mode. */
  readonly mode: EncryptionMode;
  /** The clear header. */
  readonly clear: string;
  /** What is encrypted. */
  readonly plain: string;
  /** Nonce of the counter. */
  readonly counter: number;
  /** What stands behind the clear header once it is sealed. */
  readonly sealed: string;
}

/** The nonce of the mode whose nonces are random. */
export const RANDOM_NONCE = "404142434445464748494a4b4c4d4e4f5051525354555657";

const CLEAR = "807812340a0b0c0ddeadbeef";
const OPUS = "fc030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3eaf1f8ff060d";

/** A packet for each mode. */
export const KNOWN_PACKETS: readonly KnownPacket[] = [
  {
    mode: "aead_aes256_gcm_rtpsize",
    clear: CLEAR,
    plain: OPUS,
    counter: 1,
    sealed: "b835c7bb1445d2856b0727d9f9ea6be50b4cb341567baa931537322fceaaf00520356094391a2b9b" +
      "81641fc4a8fac05436baac3162da101800000001",
  },
  {
    mode: "aead_xchacha20_poly1305_rtpsize",
    clear: CLEAR,
    plain: OPUS,
    counter: 1,
    sealed: "f5a45b31771fb7f2fadce5dd9467f0764c68bdfaefda9296292190f82fd187961a209eb9e0585440" +
      "41014cf6e6991c01b7e0017909031c5a00000001",
  },
  {
    mode: "aead_aes256_gcm",
    clear: CLEAR,
    plain: OPUS,
    counter: 0x20,
    sealed: "323dd9ce4288a7ae811bfff40b89a065cd48fc336db851f7fe31113b41550c6a984c21f31ba5a4ae" +
      "0082b9cd2f290a96bcda613bfe3e461d00000020",
  },
  {
    mode: "xsalsa20_poly1305_lite_rtpsize",
    clear: "907812340a0b0c0ddeadbeefbede0001",
    plain: `10b29002${OPUS}`,
    counter: 2,
    sealed: "260773257ba4b400eee4399e7f982e6fcc9df44228013de9e6006a16faee81908cd95bc627a8addc" +
      "ac8627e9b4e669fa5d86b358e9a1ca9d7897e50400000002",
  },
  {
    mode: "xsalsa20_poly1305_lite",
    clear: CLEAR,
    plain: OPUS,
    counter: 1,
    sealed: "a7008759b7cfa7eca8805afba8c802e332a8df6f5faed17e36d38620c6f1dca8f3ff23af21d295cf" +
      "76956370b4eaf118d69207680c27175900000001",
  },
  {
    mode: "xsalsa20_poly1305_suffix",
    clear: CLEAR,
    plain: OPUS,
    counter: 0,
    sealed: "b38b4e795c2e34f95231f311f501bb54b6145f68224e9d07f262332838de0494a2443cd5e5ccc955" +
      `407e9073391e4d8108d783e01648c009${RANDOM_NONCE}`,
  },
  {
    mode: "xsalsa20_poly1305",
    clear: CLEAR,
    plain: OPUS,
    counter: 0,
    sealed: "fc982b217d77b33c503f09438b47d1c86dd08535712a3c6a2eb1646051cf52f0919c82f6a84e4c8d" +
      "ec0f74ffaf37d050cb295703dfa64346",
  },
  { mode: "plain", clear: CLEAR, plain: OPUS, counter: 0, sealed: OPUS },
];
