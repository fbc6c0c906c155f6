/**
 * The external sender: the gateway, which is no member and proposes who comes and who goes (RFC
 * 9420 section 12.1.8.1). Here is what members know of it, and its own half, for a server.
 *
 * @module
 */

import { concat, EMPTY, erase } from "./bytes.ts";
import { type Reader, takeWhole, u8, vector } from "./codec.ts";
import { type Extension, EXTERNAL_SENDERS_EXTENSION } from "./extension.ts";
import {
  encodeContent,
  encodePublicMessage,
  hashProposal,
  signContent,
  takePublicMessage,
} from "./framing.ts";
import { generateKeyPair, type KeyPair } from "./hpke.ts";
import { takeKeyPackage } from "./key_package.ts";
import { encodeCredential, takeCredential } from "./leaf_node.ts";
import type { Proposal } from "./proposal.ts";
import type { MlsCrypto } from "./suite.ts";

/** Index of the only external sender. */
export const EXTERNAL_SENDER_INDEX = 0;
/** First byte of opcode 27's body where it brings proposals. */
export const APPEND = 0;
/** First byte of opcode 27's body where it takes proposals back. */
export const REVOKE = 1;

/** What members know of the external sender. */
export interface ExternalSenderInfo {
  /** Public key of its signatures. */
  readonly signatureKey: Uint8Array;
  /** The ExternalSender as it came. */
  readonly bytes: Uint8Array;
}

/** Reads an ExternalSender: the body of opcode 25. */
export function takeExternalSender(reader: Reader): ExternalSenderInfo {
  const start = reader.position;
  const signatureKey = reader.vector();
  takeCredential(reader);
  return { signatureKey, bytes: reader.since(start) };
}

/** The extension by which a group knows its external sender. */
export function externalSendersExtension(sender: ExternalSenderInfo): Extension {
  return { type: EXTERNAL_SENDERS_EXTENSION, data: vector(sender.bytes) };
}

/** A proposal as it is sent, and the reference by which it is revoked. */
export interface SentProposal {
  /** The MLSMessage. */
  readonly message: Uint8Array;
  /** Its ProposalRef. */
  readonly ref: Uint8Array;
}

/** Signs proposals as the gateway does. */
export class ExternalSender {
  /** The ExternalSender that opcode 25 tells. */
  readonly bytes: Uint8Array;
  readonly #suite: MlsCrypto;
  readonly #keys: KeyPair;

  /**
   * Makes an external sender with a new key.
   *
   * @param suite The primitives.
   * @param identity What its credential says.
   */
  constructor(suite: MlsCrypto, identity: Uint8Array = Uint8Array.of(0)) {
    this.#suite = suite;
    this.#keys = generateKeyPair(suite);
    this.bytes = concat(vector(this.#keys.publicKey), encodeCredential(identity));
  }

  /**
   * Proposes to add the owner of a key package.
   *
   * @param groupId The group.
   * @param epoch Its epoch.
   * @param keyPackage The body of opcode 26.
   * @throws {MlsError} The key package is not one of cipher suite 2. More is not checked.
   */
  add(groupId: Uint8Array, epoch: bigint, keyPackage: Uint8Array): SentProposal {
    return this.#propose(groupId, epoch, {
      type: "add",
      keyPackage: takeWhole(keyPackage, takeKeyPackage),
    });
  }

  /**
   * Proposes to remove a member.
   *
   * @param groupId The group.
   * @param epoch Its epoch.
   * @param leafIndex The member's leaf.
   */
  remove(groupId: Uint8Array, epoch: bigint, leafIndex: number): SentProposal {
    return this.#propose(groupId, epoch, { type: "remove", leafIndex });
  }

  /** Overwrites the private key with zeros. */
  close(): void {
    erase(this.#keys.privateKey);
  }

  #propose(groupId: Uint8Array, epoch: bigint, proposal: Proposal): SentProposal {
    const sender = { kind: "external", index: EXTERNAL_SENDER_INDEX } as const;
    const content = encodeContent({ groupId, epoch, sender }, { type: "proposal", proposal });
    const signature = signContent(this.#suite, this.#keys.privateKey, content, EMPTY);
    const message = encodePublicMessage({
      content,
      signature,
      confirmationTag: undefined,
      membershipTag: undefined,
    });
    return { message, ref: hashProposal(this.#suite, takeWhole(message, takePublicMessage)) };
  }
}

/** Body of opcode 27 that brings proposals. */
export function encodeAppend(messages: readonly Uint8Array[]): Uint8Array {
  return concat(u8(APPEND), vector(...messages));
}

/** Body of opcode 27 that takes proposals back. */
export function encodeRevoke(refs: readonly Uint8Array[]): Uint8Array {
  return concat(u8(REVOKE), vector(...refs.map((ref) => vector(ref))));
}
