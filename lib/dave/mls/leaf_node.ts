/**
 * The leaf of a member (RFC 9420 section 7.2), with the basic credential as the only kind.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { Reader, u16, u32, u64, u8, vector } from "./codec.ts";
import { MlsError } from "./error.ts";
import { type Extension, takeExtensions } from "./extension.ts";
import { signWithLabel, verifyWithLabel } from "./labels.ts";
import { CIPHER_SUITE, type MlsCrypto } from "./suite.ts";

/** The protocol version mls10. */
export const PROTOCOL_VERSION = 1;
/** The basic credential: an identity and nothing that proves it. */
export const BASIC_CREDENTIAL = 1;

/** What a leaf was made for. */
export type LeafNodeSource = "key-package" | "update" | "commit";

const SOURCES: readonly LeafNodeSource[] = ["key-package", "update", "commit"];

/** What a member can do. */
export interface Capabilities {
  /** Protocol versions. */
  readonly versions: readonly number[];
  /** Cipher suites. */
  readonly suites: readonly number[];
  /** Extensions beyond those of RFC 9420. */
  readonly extensions: readonly number[];
  /** Kinds of credentials. */
  readonly credentials: readonly number[];
}

/** A member's keys and identity. */
export interface LeafNode {
  /** HPKE public key. */
  readonly encryptionKey: Uint8Array;
  /** Public key of its signatures. */
  readonly signatureKey: Uint8Array;
  /** Who it says to be. */
  readonly identity: Uint8Array;
  /** What it can do. */
  readonly capabilities: Capabilities;
  /** What the leaf was made for. */
  readonly source: LeafNodeSource;
  /** Where it was made for a commit: the parent hash. */
  readonly parentHash: Uint8Array | undefined;
  /** Its extensions. */
  readonly extensions: readonly Extension[];
  /** All bytes before the signature. */
  readonly content: Uint8Array;
  /** Signature by the own key. */
  readonly signature: Uint8Array;
}

/** Who a leaf is made for, and what keys it has. */
export interface LeafNodeKeys {
  /** HPKE public key. */
  readonly encryptionKey: Uint8Array;
  /** Public key of the signature. */
  readonly signatureKey: Uint8Array;
  /** Private key of the signature. */
  readonly signaturePrivateKey: Uint8Array;
  /** Who it is. */
  readonly identity: Uint8Array;
}

/** Where a leaf stands; a leaf in a key package stands nowhere yet. */
export interface LeafPlace {
  /** The group. */
  readonly groupId: Uint8Array;
  /** Index among the leaves. */
  readonly leafIndex: number;
}

/** Reads a LeafNode. */
export function takeLeafNode(reader: Reader): LeafNode {
  const start = reader.position;
  const encryptionKey = reader.vector();
  const signatureKey = reader.vector();
  const identity = takeCredential(reader);
  const capabilities = takeCapabilities(reader);
  const source = takeSource(reader);
  if (source === "key-package") takeLifetime(reader);
  const parentHash = source === "commit" ? reader.vector() : undefined;
  const extensions = takeExtensions(reader);
  const content = reader.since(start);
  const signature = reader.vector();
  const keys = { encryptionKey, signatureKey, identity };
  return { ...keys, capabilities, source, parentHash, extensions, content, signature };
}

/** Bytes of a LeafNode. */
export function encodeLeafNode(leaf: LeafNode): Uint8Array {
  return concat(leaf.content, vector(leaf.signature));
}

/** Reads a basic Credential: its identity. */
export function takeCredential(reader: Reader): Uint8Array {
  const type = reader.u16();
  if (type !== BASIC_CREDENTIAL) {
    throw new MlsError("unsupported", `Cannot read a credential: its type is ${type}, wanted 1`);
  }
  return reader.vector();
}

/** Bytes of a basic Credential. */
export function encodeCredential(identity: Uint8Array): Uint8Array {
  return concat(u16(BASIC_CREDENTIAL), vector(identity));
}

/** Makes and signs the leaf of a key package: valid for ever, as the gateway demands. */
export function makeKeyPackageLeaf(suite: MlsCrypto, keys: LeafNodeKeys): LeafNode {
  const source = concat(u8(1), u64(0n), u64(0xffff_ffff_ffff_ffffn));
  return makeLeaf(suite, keys, source, undefined);
}

/** Makes and signs the leaf of a commit. */
export function makeCommitLeaf(
  suite: MlsCrypto,
  keys: LeafNodeKeys,
  parentHash: Uint8Array,
  place: LeafPlace,
): LeafNode {
  return makeLeaf(suite, keys, concat(u8(3), vector(parentHash)), place);
}

/**
 * Checks what a leaf says of itself: its keys, its capabilities and its signature.
 *
 * @throws {MlsError} Something is wrong with it.
 */
export function checkLeafNode(
  suite: MlsCrypto,
  leaf: LeafNode,
  place: LeafPlace | undefined,
): void {
  const { versions, suites, credentials, extensions } = leaf.capabilities;
  const capable = versions.includes(PROTOCOL_VERSION) && suites.includes(CIPHER_SUITE) &&
    credentials.includes(BASIC_CREDENTIAL);
  if (!capable) throw new MlsError("unsupported", "Cannot accept a leaf: it cannot do DAVE's MLS");
  const lacking = leaf.extensions.find(({ type }) => !extensions.includes(type));
  if (lacking !== undefined) {
    throw new MlsError("unsupported", "Cannot accept a leaf: it has an extension it cannot do");
  }
  if (!suite.isPublicKey(leaf.encryptionKey)) {
    throw new MlsError("malformed", "Cannot accept a leaf: its encryption key is none");
  }
  const content = signedContent(leaf.content, leaf.source, place);
  const { signatureKey, signature } = leaf;
  if (!verifyWithLabel(suite, signatureKey, "LeafNodeTBS", content, signature)) {
    throw new MlsError("bad-signature", "Cannot accept a leaf: its signature is wrong");
  }
}

function makeLeaf(
  suite: MlsCrypto,
  keys: LeafNodeKeys,
  source: Uint8Array,
  place: LeafPlace | undefined,
): LeafNode {
  const { encryptionKey, signatureKey, signaturePrivateKey, identity } = keys;
  const content = concat(
    vector(encryptionKey),
    vector(signatureKey),
    encodeCredential(identity),
    CAPABILITIES,
    source,
    vector(),
  );
  const kind = SOURCES[source[0]! - 1]!;
  const tbs = signedContent(content, kind, place);
  const signature = signWithLabel(suite, signaturePrivateKey, "LeafNodeTBS", tbs);
  // To read it back is the shortest way to a leaf like all others.
  return takeLeafNode(new Reader(concat(content, vector(signature))));
}

function signedContent(
  content: Uint8Array,
  source: LeafNodeSource,
  place: LeafPlace | undefined,
): Uint8Array {
  if (source === "key-package") return content;
  if (place === undefined) {
    throw new MlsError("bad-key-package", `Cannot accept a leaf: it was made for a ${source}`);
  }
  return concat(content, vector(place.groupId), u32(place.leafIndex));
}

function takeSource(reader: Reader): LeafNodeSource {
  const source = SOURCES[reader.u8() - 1];
  if (source === undefined) throw new MlsError("malformed", "Cannot read a leaf: unknown source");
  return source;
}

/** Members do not check lifetimes: they have no clock in common, and the gateway wants no end. */
function takeLifetime(reader: Reader): void {
  reader.u64();
  reader.u64();
}

function takeCapabilities(reader: Reader): Capabilities {
  const take = (item: Reader) => item.u16();
  const versions = reader.list(take);
  const suites = reader.list(take);
  const extensions = reader.list(take);
  reader.list(take);
  return { versions, suites, extensions, credentials: reader.list(take) };
}

const CAPABILITIES = concat(
  vector(u16(PROTOCOL_VERSION)),
  vector(u16(CIPHER_SUITE)),
  vector(),
  vector(),
  vector(u16(BASIC_CREDENTIAL)),
);
