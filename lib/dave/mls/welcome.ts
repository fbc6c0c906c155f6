/**
 * Welcomes (RFC 9420 section 12.4.3), with the ratchet tree inside and without pre-shared keys:
 * what brings those whom a commit adds into the group.
 *
 * @module
 */

import { concat, copy, EMPTY, erase, sameBytes, sameSecret } from "./bytes.ts";
import { EMPTY_VECTOR, Reader, u16, u32, u8, vector, vectorHeader } from "./codec.ts";
import { MlsError } from "./error.ts";
import {
  encodeExtensions,
  type Extension,
  RATCHET_TREE_EXTENSION,
  takeExtensions,
} from "./extension.ts";
import type { Group, NextEpoch } from "./group.ts";
import {
  encodeHpkeCiphertext,
  type HpkeCiphertext,
  type KeyPair,
  takeHpkeCiphertext,
} from "./hpke.ts";
import { encodeKeyPackage, hashKeyPackage, type KeyPackage } from "./key_package.ts";
import {
  deriveEpochSecret,
  deriveEpochSecrets,
  deriveWelcomeKey,
  encodeGroupContext,
  eraseEpochSecrets,
  type GroupContext,
  interimTranscript,
} from "./key_schedule.ts";
import { decryptWithLabel, encrypterWithLabel, signWithLabel, verifyWithLabel } from "./labels.ts";
import { type LeafNode, PROTOCOL_VERSION } from "./leaf_node.ts";
import type { Joiner } from "./proposal.ts";
import { RatchetTree } from "./ratchet_tree.ts";
import { CIPHER_SUITE, HASH_SIZE, type MlsCrypto } from "./suite.ts";
import { type PrivateKeys, unfoldPath } from "./tree_kem.ts";
import { directPath, standsWithin } from "./tree_math.ts";
import { checkTree } from "./tree_validation.ts";

/** A welcome for one or more. */
export interface Welcome {
  /** For each receiver, named by the reference of its key package, the secrets. */
  readonly secrets: readonly EncryptedGroupSecrets[];
  /** The group, encrypted with a key that follows from the secrets. */
  readonly encryptedGroupInfo: Uint8Array;
}

/** The secrets for one receiver. */
export interface EncryptedGroupSecrets {
  /** KeyPackageRef of the receiver. */
  readonly receiver: Uint8Array;
  /** GroupSecrets, encrypted to the init key. */
  readonly sealed: HpkeCiphertext;
}

/** What a receiver gets. */
export interface GroupSecrets {
  /** From which the epoch follows. */
  readonly joinerSecret: Uint8Array;
  /** Of the lowest node above the committer and the receiver, where the commit had a path. */
  readonly pathSecret: Uint8Array | undefined;
}

/** A group, signed by a member. */
export interface GroupInfo {
  /** What all members agree on. */
  readonly context: GroupContext;
  /** The tree. */
  readonly tree: RatchetTree;
  /** What shows that its signer has come to this epoch. */
  readonly confirmationTag: Uint8Array;
  /** Leaf of the member. */
  readonly signer: number;
  /** All bytes before the signature. */
  readonly content: Uint8Array;
  /** Signature by the member. */
  readonly signature: Uint8Array;
}

/** What a committer adds to a new epoch to welcome others to it. */
export interface Invitation {
  /** Leaf of the committer. */
  readonly leafIndex: number;
  /** Private key of its signature. */
  readonly signaturePrivateKey: Uint8Array;
  /** Who comes; with the path secret where the commit has a path. */
  readonly joiners: readonly (Joiner & { readonly pathSecret: Uint8Array | undefined })[];
}

/** The key package that a welcome answers, and its private keys. */
export interface OwnKeyPackage {
  /** The key package. */
  readonly keyPackage: KeyPackage;
  /** Key pair to which the welcome is encrypted. */
  readonly initKey: KeyPair;
  /** Key pair of the leaf. */
  readonly leafKey: KeyPair;
}

/** Reads a bare Welcome. */
export function takeWelcome(reader: Reader): Welcome {
  const suite = reader.u16();
  if (suite !== CIPHER_SUITE) {
    throw new MlsError("unsupported", `Cannot read a welcome: its suite is ${suite}, wanted 2`);
  }
  const secrets = reader.list((item) => {
    return { receiver: item.vector(), sealed: takeHpkeCiphertext(item) };
  });
  return { secrets, encryptedGroupInfo: reader.vector() };
}

/** Bytes of a bare Welcome. */
export function encodeWelcome({ secrets, encryptedGroupInfo }: Welcome): Uint8Array {
  const encoded = secrets.map(({ receiver, sealed }) =>
    concat(vector(receiver), encodeHpkeCiphertext(sealed))
  );
  return concat(u16(CIPHER_SUITE), vector(...encoded), vector(encryptedGroupInfo));
}

/** The Welcome without what is for others than the owner of one key package. */
export function trimWelcome({ secrets, encryptedGroupInfo }: Welcome, ref: Uint8Array): Welcome {
  const own = secrets.filter(({ receiver }) => sameBytes(receiver, ref));
  return { secrets: own, encryptedGroupInfo };
}

/** Makes the Welcome to an epoch, for all who come. */
export function makeWelcome(
  suite: MlsCrypto,
  next: NextEpoch,
  tree: RatchetTree,
  { leafIndex, signaturePrivateKey, joiners }: Invitation,
): Uint8Array {
  const content = concat(
    next.contextBytes,
    encodeExtensions([{ type: RATCHET_TREE_EXTENSION, data: tree.encode() }]),
    vector(next.confirmationTag),
    u32(leafIndex),
  );
  const signature = signWithLabel(suite, signaturePrivateKey, "GroupInfoTBS", content);
  const { key, nonce } = deriveWelcomeKey(suite, next.joinerSecret);
  const encryptedGroupInfo = suite.seal(key, nonce, EMPTY, concat(content, vector(signature)));
  erase(key, nonce);
  const encrypt = encrypterWithLabel(suite, "Welcome", encryptedGroupInfo);
  const secrets = joiners.map(({ keyPackage, pathSecret }) => {
    const plain = encodeGroupSecrets({ joinerSecret: next.joinerSecret, pathSecret });
    const receiver = hashKeyPackage(suite, encodeKeyPackage(keyPackage));
    const sealed = encrypt(keyPackage.initKey, plain);
    erase(plain);
    return { receiver, sealed };
  });
  return encodeWelcome({ secrets, encryptedGroupInfo });
}

/**
 * Joins a group.
 *
 * @param own The key package that was added, and its keys; they stay the caller's.
 * @returns The group.
 * @throws {MlsError} The welcome is not for us, or not valid.
 */
export function joinGroup(suite: MlsCrypto, welcome: Welcome, own: OwnKeyPackage): Group {
  const { joinerSecret, pathSecret } = decryptSecrets(suite, welcome, own);
  try {
    const info = decryptGroupInfo(suite, welcome, joinerSecret);
    const leafIndex = checkGroupInfo(suite, info, own.keyPackage);
    const { context, tree, confirmationTag } = info;
    const contextBytes = encodeGroupContext(context);
    const privateKeys = joinTree(suite, info, leafIndex, own.leafKey, pathSecret);
    const epochSecret = deriveEpochSecret(suite, joinerSecret, contextBytes);
    const secrets = deriveEpochSecrets(suite, epochSecret);
    const { confirmedTranscriptHash } = context;
    const wanted = suite.hmac(secrets.confirmationKey, confirmedTranscriptHash);
    if (!sameSecret(confirmationTag, wanted)) {
      eraseEpochSecrets(secrets);
      erase(...privateKeys.values());
      throw new MlsError("bad-tag", "Cannot join: the confirmation tag is wrong");
    }
    const interimTranscriptHash = interimTranscript(
      suite,
      confirmedTranscriptHash,
      confirmationTag,
    );
    return { context, contextBytes, tree, interimTranscriptHash, leafIndex, privateKeys, secrets };
  } finally {
    erase(joinerSecret, pathSecret);
  }
}

/** Decrypts what a welcome holds for the owner of a key package. */
export function decryptSecrets(
  suite: MlsCrypto,
  { secrets, encryptedGroupInfo }: Welcome,
  { keyPackage, initKey }: Omit<OwnKeyPackage, "leafKey">,
): GroupSecrets {
  const ref = hashKeyPackage(suite, encodeKeyPackage(keyPackage));
  const own = secrets.find(({ receiver }) => sameBytes(receiver, ref));
  if (own === undefined) {
    throw new MlsError("not-invited", "Cannot join: the welcome is not for us");
  }
  const plain = decryptWithLabel(suite, initKey, "Welcome", encryptedGroupInfo, own.sealed);
  if (plain === undefined) {
    throw new MlsError("bad-ciphertext", "Cannot join: the secrets cannot be decrypted");
  }
  try {
    return takeGroupSecrets(plain);
  } finally {
    erase(plain);
  }
}

/** Decrypts the group that a welcome holds. */
export function decryptGroupInfo(
  suite: MlsCrypto,
  welcome: Welcome,
  joinerSecret: Uint8Array,
): GroupInfo {
  const { key, nonce } = deriveWelcomeKey(suite, joinerSecret);
  const plain = suite.open(key, nonce, EMPTY, welcome.encryptedGroupInfo);
  erase(key, nonce);
  if (plain === undefined) {
    throw new MlsError("bad-ciphertext", "Cannot join: the group info cannot be decrypted");
  }
  const reader = new Reader(plain);
  const info = takeGroupInfo(reader);
  reader.end();
  return info;
}

/** Checks a group info against its tree, and finds the leaf of a key package in it. */
function checkGroupInfo(suite: MlsCrypto, info: GroupInfo, { leaf: own }: KeyPackage): number {
  const { context, tree, signer, content, signature } = info;
  const leaf = tree.leaf(signer);
  if (
    leaf === undefined ||
    !verifyWithLabel(suite, leaf.signatureKey, "GroupInfoTBS", content, signature)
  ) throw new MlsError("bad-signature", "Cannot join: the group info's signature is wrong");
  if (!sameBytes(tree.hash(suite), context.treeHash)) {
    throw new MlsError("bad-tree", "Cannot join: the tree has another hash");
  }
  const leafIndex = findLeaf(tree, own);
  if (leafIndex === undefined || leafIndex === signer) {
    throw new MlsError("bad-tree", "Cannot join: we are not in the tree");
  }
  checkTree(suite, tree, context.groupId, leafIndex);
  return leafIndex;
}

/** Index of the leaf that is the same, bit by bit. */
function findLeaf(tree: RatchetTree, leaf: LeafNode): number | undefined {
  for (const [index, { content, signature }] of tree.members()) {
    if (sameBytes(content, leaf.content) && sameBytes(signature, leaf.signature)) return index;
  }
  return undefined;
}

/** The private keys with which a member starts: its leaf's, and those that follow from a secret. */
function joinTree(
  suite: MlsCrypto,
  { tree, signer }: GroupInfo,
  leafIndex: number,
  leafKey: KeyPair,
  pathSecret: Uint8Array | undefined,
): PrivateKeys {
  const leafEntry = [2 * leafIndex, copy(leafKey.privateKey)] as const;
  if (pathSecret === undefined) return new Map([leafEntry]);
  const nodes = directPath(2 * signer, tree.leafCount)
    .filter((node) => standsWithin(2 * leafIndex, node) && tree.parent(node) !== undefined);
  const { privateKeys, commitSecret } = unfoldPath(suite, tree, nodes, pathSecret);
  erase(commitSecret);
  return privateKeys.set(...leafEntry);
}

function takeGroupInfo(reader: Reader): GroupInfo {
  const context = takeGroupContext(reader);
  const extensions = takeExtensions(reader);
  const confirmationTag = reader.vector();
  const signer = reader.u32();
  const content = reader.since(0);
  return {
    context,
    tree: takeTree(extensions),
    confirmationTag,
    signer,
    content,
    signature: reader.vector(),
  };
}

function takeTree(extensions: readonly Extension[]): RatchetTree {
  const extension = extensions.find(({ type }) => type === RATCHET_TREE_EXTENSION);
  if (extension === undefined) throw new MlsError("bad-tree", "Cannot join: there is no tree");
  const reader = new Reader(extension.data);
  const tree = RatchetTree.take(reader);
  reader.end();
  return tree;
}

function takeGroupContext(reader: Reader): GroupContext {
  const version = reader.u16();
  const suite = reader.u16();
  if (version !== PROTOCOL_VERSION || suite !== CIPHER_SUITE) {
    throw new MlsError(
      "unsupported",
      `Cannot join: the group has version ${version} and cipher suite ${suite}, wanted 1 and 2`,
    );
  }
  return {
    groupId: reader.vector(),
    epoch: reader.u64(),
    treeHash: reader.vector(),
    confirmedTranscriptHash: reader.vector(),
    extensions: takeExtensions(reader),
  };
}

function takeGroupSecrets(plain: Uint8Array): GroupSecrets {
  const reader = new Reader(plain);
  const joinerSecret = copy(reader.vector());
  const pathSecret = reader.optional((item) => copy(item.vector()));
  const psks = reader.vector();
  if (psks.length > 0) throw new MlsError("unsupported", "Cannot join: the group has a PSK");
  reader.end();
  const sized = [joinerSecret, pathSecret].every((s) => s === undefined || s.length === HASH_SIZE);
  if (!sized) throw new MlsError("malformed", "Cannot join: a secret has another size");
  return { joinerSecret, pathSecret };
}

/** Bytes of a GroupSecrets, made in one piece: there are no other copies of the secrets. */
function encodeGroupSecrets({ joinerSecret, pathSecret }: GroupSecrets): Uint8Array {
  const size = vectorHeader(HASH_SIZE);
  const path = pathSecret === undefined ? [u8(0)] : [u8(1), size, pathSecret];
  return concat(size, joinerSecret, ...path, EMPTY_VECTOR);
}
