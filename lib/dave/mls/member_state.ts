/**
 * All that a member is, as bytes to go on from elsewhere. What MLS has an encoding for has that
 * one. What follows from the rest is not written: hashes of trees and transcripts, public keys,
 * the context of a group whose id and external sender are known.
 *
 * @module
 */

import type { Secret } from "../../secret.ts";
import { makeSnapshot, readSnapshot } from "../snapshot.ts";
import { keyFor, sameBytes } from "./bytes.ts";
import { optional, type Reader, u32, u64, u8, vector, vectorHeader } from "./codec.ts";
import type { NewCommit, ReferencedProposal } from "./commit.ts";
import {
  type ExternalSenderInfo,
  externalSendersExtension,
  takeExternalSender,
} from "./external_sender.ts";
import type { Group } from "./group.ts";
import type { KeyPair } from "./hpke.ts";
import { encodeKeyPackage, takeKeyPackage } from "./key_package.ts";
import {
  encodeGroupContext,
  type EpochSecrets,
  type GroupContext,
  interimTranscript,
} from "./key_schedule.ts";
import { encodeProposal, takeProposal } from "./proposal.ts";
import { RatchetTree } from "./ratchet_tree.ts";
import { HASH_SIZE, type MlsCrypto, validPrivateKey } from "./suite.ts";
import type { PrivateKeys } from "./tree_kem.ts";
import { standsWithin } from "./tree_math.ts";
import type { OwnKeyPackage } from "./welcome.ts";

/** All that a member is. */
export interface MemberState {
  /** Id of the group. */
  readonly groupId: Uint8Array;
  /** Identity of the credential. */
  readonly identity: Uint8Array;
  /** Private key of the signatures. */
  readonly signaturePrivateKey: Uint8Array;
  /** The external sender, where it is known. */
  readonly externalSender: ExternalSenderInfo | undefined;
  /** The key package that waits for a welcome. */
  readonly ownKeyPackage: OwnKeyPackage | undefined;
  /** The group, which there is only with an external sender. */
  readonly group: Group | undefined;
  /** Proposals of the epoch, by `keyFor` of their references. */
  readonly proposals: ReadonlyMap<string, ReferencedProposal>;
  /** The own commit that waits to be chosen. */
  readonly ownCommit: NewCommit | undefined;
}

const VERSION = 1;

/** Writes the state of a member. All secrets are copied once, into what is returned. */
export function encodeMemberState(state: MemberState): Secret<Uint8Array> {
  const { externalSender, ownKeyPackage, group, proposals, ownCommit } = state;
  const waiting = Array.from(proposals.values(), ({ ref, proposal }) => [
    vector(ref),
    encodeProposal(proposal),
  ]);
  return makeSnapshot(VERSION, [
    vector(state.groupId),
    vector(state.identity),
    ...secret(state.signaturePrivateKey),
    optional(externalSender?.bytes),
    ...maybe(ownKeyPackage, keyPackageParts),
    ...maybe(group, (group) => [u64(group.context.epoch), ...groupParts(group)]),
    vector(...waiting.flat()),
    ...maybe(ownCommit, commitParts),
  ]);
}

/**
 * Reads the state of a member.
 *
 * @param suite The primitives.
 * @param snapshot What `encodeMemberState` returned.
 * @returns Views of one copy, but for the keys of maps.
 * @throws {RangeError} It is nothing of that kind, or of another version.
 */
export function restoreMemberState(suite: MlsCrypto, snapshot: Secret<Uint8Array>): MemberState {
  return readSnapshot("a member", VERSION, snapshot, (reader) => takeMemberState(suite, reader));
}

function takeMemberState(suite: MlsCrypto, reader: Reader): MemberState {
  const groupId = reader.vector();
  const identity = reader.vector();
  const signatureKeys = takeKeyPair(suite, reader);
  const externalSender = reader.optional(takeExternalSender);
  const ownKeyPackage = reader.optional((item) => takeOwnKeyPackage(suite, item));
  const owner = { groupId, identity, signatureKey: signatureKeys.publicKey, externalSender };
  const group = reader.optional((item) => takeGroup(suite, item, owner, item.u64()));
  const proposals = takeProposals(reader);
  const ownCommit = reader.optional((item) => {
    const [commit, welcome] = [item.vector(), item.optional((inner) => inner.vector())];
    if (group === undefined) throw malformed("a commit without a group");
    return { commit, welcome, group: takeGroup(suite, item, owner, group.context.epoch + 1n) };
  });
  const { privateKey: signaturePrivateKey } = signatureKeys;
  const who = { groupId, identity, signaturePrivateKey };
  return { ...who, externalSender, ownKeyPackage, group, proposals, ownCommit };
}

function keyPackageParts({ keyPackage, initKey, leafKey }: OwnKeyPackage): Uint8Array[] {
  const keys = [...secret(initKey.privateKey), ...secret(leafKey.privateKey)];
  return [encodeKeyPackage(keyPackage), ...keys];
}

function takeOwnKeyPackage(suite: MlsCrypto, reader: Reader): OwnKeyPackage {
  const keyPackage = takeKeyPackage(reader);
  const initKey = takeKeyPair(suite, reader);
  const leafKey = takeKeyPair(suite, reader);
  const fits = sameBytes(initKey.publicKey, keyPackage.initKey) &&
    sameBytes(leafKey.publicKey, keyPackage.leaf.encryptionKey);
  if (!fits) throw malformed("a key package with other keys");
  return { keyPackage, initKey, leafKey };
}

function commitParts({ commit, welcome, group }: NewCommit): Uint8Array[] {
  return [vector(commit), optional(welcome && vector(welcome)), ...groupParts(group)];
}

/** A group without what follows from its member and its epoch. */
function groupParts({ context, tree, leafIndex, privateKeys, secrets }: Group): Uint8Array[] {
  const keys = Array.from(privateKeys, ([node, key]) => [u32(node), ...secret(key)]).flat();
  return [
    vector(context.confirmedTranscriptHash),
    tree.encode(),
    u32(leafIndex),
    vectorHeader(keys.reduce((size, part) => size + part.length, 0)),
    ...keys,
    ...secret(secrets.initSecret),
    ...secret(secrets.confirmationKey),
    ...secret(secrets.membershipKey),
    ...secret(secrets.exporterSecret),
    ...secret(secrets.epochAuthenticator),
  ];
}

/** What is known of a group before it is read. */
interface GroupOwner extends Pick<MemberState, "groupId" | "identity" | "externalSender"> {
  readonly signatureKey: Uint8Array;
}

function takeGroup(suite: MlsCrypto, reader: Reader, owner: GroupOwner, epoch: bigint): Group {
  const { groupId, externalSender } = owner;
  if (externalSender === undefined) throw malformed("a group without an external sender");
  const confirmedTranscriptHash = reader.vector();
  const tree = RatchetTree.take(reader);
  const leafIndex = reader.u32();
  checkOwnLeaf(tree, leafIndex, owner);
  const privateKeys = takePrivateKeys(suite, reader, tree, leafIndex);
  const secrets = takeSecrets(reader);
  const context: GroupContext = {
    groupId,
    epoch,
    treeHash: tree.hash(suite),
    confirmedTranscriptHash,
    extensions: [externalSendersExtension(externalSender)],
  };
  const contextBytes = encodeGroupContext(context);
  const confirmationTag = suite.hmac(secrets.confirmationKey, confirmedTranscriptHash);
  const interimTranscriptHash = interimTranscript(suite, confirmedTranscriptHash, confirmationTag);
  return { context, contextBytes, tree, interimTranscriptHash, leafIndex, privateKeys, secrets };
}

function checkOwnLeaf(tree: RatchetTree, leafIndex: number, owner: GroupOwner): void {
  const leaf = tree.leaf(leafIndex);
  const own = leaf !== undefined && sameBytes(leaf.identity, owner.identity) &&
    sameBytes(leaf.signatureKey, owner.signatureKey);
  if (!own) throw malformed("another member at the own leaf");
}

/** Keys of the own leaf and of nodes above it: no more than the tree is high, so few to check. */
function takePrivateKeys(
  suite: MlsCrypto,
  reader: Reader,
  tree: RatchetTree,
  leafIndex: number,
): PrivateKeys {
  const keys: PrivateKeys = new Map();
  reader.list((item) => {
    const node = item.u32();
    const publicKey = tree.encryptionKey(node);
    if (keys.has(node) || publicKey === undefined || !standsWithin(2 * leafIndex, node)) {
      throw malformed("a private key of no node above the own leaf");
    }
    const pair = takeKeyPair(suite, item);
    if (!sameBytes(pair.publicKey, publicKey)) throw malformed("a private key of another node");
    keys.set(node, pair.privateKey);
  });
  if (!keys.has(2 * leafIndex)) throw malformed("no private key of the own leaf");
  return keys;
}

function takeSecrets(reader: Reader): EpochSecrets {
  const initSecret = takeSecret(reader);
  const confirmationKey = takeSecret(reader);
  const membershipKey = takeSecret(reader);
  const exporterSecret = takeSecret(reader);
  const epochAuthenticator = takeSecret(reader);
  return { initSecret, confirmationKey, membershipKey, exporterSecret, epochAuthenticator };
}

function takeProposals(reader: Reader): Map<string, ReferencedProposal> {
  const proposals = new Map<string, ReferencedProposal>();
  reader.list((item) => {
    const ref = item.vector();
    const key = keyFor(ref);
    if (proposals.has(key)) throw malformed("a proposal twice");
    proposals.set(key, { ref, proposal: takeProposal(item) });
  });
  return proposals;
}

function takeKeyPair(suite: MlsCrypto, reader: Reader): KeyPair {
  const privateKey = takeSecret(reader);
  if (!validPrivateKey(privateKey)) throw malformed("a private key that is none");
  return { privateKey, publicKey: suite.publicKey(privateKey) };
}

/** A vector of the secret as it is: it is copied when all parts are put together, not before. */
function secret(bytes: Uint8Array): Uint8Array[] {
  return [vectorHeader(HASH_SIZE), bytes];
}

function takeSecret(reader: Reader): Uint8Array {
  const bytes = reader.vector();
  if (bytes.length !== HASH_SIZE) throw malformed(`a secret of ${bytes.length} bytes`);
  return bytes;
}

function maybe<T>(value: T | undefined, parts: (value: T) => Uint8Array[]): Uint8Array[] {
  return value === undefined ? [u8(0)] : [u8(1), ...parts(value)];
}

function malformed(what: string): RangeError {
  return new RangeError(`Cannot restore a member: its state has ${what}`);
}
