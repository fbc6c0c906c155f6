/**
 * Loads the test vectors, and makes hostile variants of valid bytes.
 *
 * @module
 */

import { readFileSync } from "node:fs";

/** An encrypted packet, with all that led to it. */
export interface TransportVector {
  readonly id: string;
  readonly kind: "rtp" | "rtcp";
  readonly mode: string;
  readonly key: string | null;
  readonly clear_prefix: string;
  readonly aad: string | null;
  readonly nonce_wire: string | null;
  readonly nonce: string | null;
  readonly encrypted_plaintext: string;
  readonly ciphertext: string | null;
  readonly tag: string | null;
  readonly packet: string;
  readonly fields: {
    readonly seq: number;
    readonly timestamp: number;
    readonly ssrc: number;
    readonly payload_type: number;
    readonly csrc: readonly number[];
    readonly ext_body: string | null;
    readonly padding: number;
    readonly opus: string;
  };
}

/** `transport.json` */
export interface TransportVectors {
  readonly vectors: readonly TransportVector[];
  readonly ip_discovery: readonly {
    readonly id: string;
    readonly packet: string;
    readonly fields: { readonly ssrc: number; readonly ip: string; readonly port: number };
  }[];
  readonly negative: readonly {
    readonly id: string;
    readonly packet: string;
    readonly why: string;
    readonly key: string | null;
  }[];
  readonly udp_keepalive: readonly { readonly id: string; readonly packet: string }[];
  readonly ws_binary: readonly {
    readonly id: string;
    readonly frame: string;
    readonly fields: { readonly seq?: number; readonly op: number; readonly payload: string };
  }[];
}

/** Reads a file of `tests/vectors`. */
export function loadVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8")) as T;
}

/** Finds the item with an id that starts so. */
export function byId<T extends { readonly id: string }>(items: readonly T[], id: string): T {
  const item = items.find((candidate) => candidate.id.startsWith(`${id}-`));
  if (item === undefined) throw new Error(`No vector ${id}`);
  return item;
}

/** Bytes of a hexadecimal text. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Hexadecimal text of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Each proper prefix of the bytes, from none to all but one. */
export function truncations(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, size) => bytes.slice(0, size));
}

/** The bytes with each of their bits flipped in turn. */
export function bitFlips(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: 8 * bytes.length }, (_, bit) => {
    const flipped = bytes.slice();
    flipped[bit >>> 3] ^= 0x80 >>> (bit & 7);
    return flipped;
  });
}

/** A seeded source of unsigned 32-bit integers (xorshift). */
export function seededRandom(seed: number): () => number {
  let x = seed >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>>= 0;
  };
}

/** So many seeded random bytes. */
export function randomBytes(random: () => number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random() >>> 24);
}

/** How an error shows a wrong value. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** JSON values of every kind, for readers that must not trust a field. */
export const JSON_KINDS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 32,
  1e300,
  "",
  "text",
  [],
  [null],
  {},
  { "": {} },
];
