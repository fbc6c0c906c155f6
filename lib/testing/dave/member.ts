/**
 * What the delivery service knows of the clients of a call, of the leaves of their group, and of
 * what is proposed.
 *
 * @module
 */

import type { SentProposal } from "../../dave/mls/mod.ts";
import type { AdmittedKeyPackage } from "./key_package.ts";

/** Milliseconds for which a key package is awaited before it is asked for; doubles each time. */
export const ASK_PATIENCE = 5000;

/** A client in a call. */
export interface DaveClient {
  /** User id. */
  readonly userId: string;
  /** The channel of the call. */
  readonly channelId: string;
  /** Highest DAVE version that the client speaks; 0 is none. */
  readonly daveVersion: number;
}

/** A leaf of the group. */
export interface RoomLeaf<Client> {
  /** Whose it is; `undefined` where its owner is gone or has given it up. */
  owner: RoomMember<Client> | undefined;
  /** Public key of its owner's signatures. */
  readonly signatureKey: Uint8Array;
  /** The proposal to remove it, once it was made: the epoch ends with it, and so does the leaf. */
  removal: RoomProposal<Client> | undefined;
}

/** A proposal of this epoch. */
export interface RoomProposal<Client> extends SentProposal {
  /** The key package that it adds. */
  readonly keyPackage: AdmittedKeyPackage | undefined;
  /** Whose key package it is. */
  readonly added: RoomMember<Client> | undefined;
  /** The leaf that it removes. */
  readonly removed: RoomLeaf<Client> | undefined;
}

/** A client, and how far it has come. */
export class RoomMember<Client> {
  /** The client. */
  readonly client: Client;
  /** Whether it has got Session Description. */
  described = false;
  /** Whether it was told the external sender (op 25). */
  knowsSender = false;
  /** Its leaf in the group, while it is in it. */
  leaf: RoomLeaf<Client> | undefined;
  /** Proposals that it was told in this epoch, by `keyFor` of their references. */
  told: ReadonlyMap<string, RoomProposal<Client>> = new Map();
  /** The proposal to add it, once it was made in this epoch. */
  addition: RoomProposal<Client> | undefined;
  /** When it is asked for a key package. */
  askAt: number | undefined;
  #keyPackage: AdmittedKeyPackage | undefined;
  #patience = ASK_PATIENCE;

  /** @param client The client. */
  constructor(client: Client) {
    this.client = client;
  }

  /** The key package with which it can be added next. */
  get keyPackage(): AdmittedKeyPackage | undefined {
    return this.#keyPackage;
  }

  /** Replaces its key package. Outside of the group it has forgotten the proposals with that. */
  offer(keyPackage: AdmittedKeyPackage): void {
    this.#keyPackage = keyPackage;
    this.addition = undefined;
    this.askAt = undefined;
    this.#patience = ASK_PATIENCE;
    if (this.leaf === undefined) this.told = new Map();
  }

  /** It is about to send a key package, or should be. @param now Monotonic milliseconds. */
  awaitKeyPackage(now: number): void {
    this.askAt = now + this.#patience;
  }

  /** It was asked for a key package in vain. @param now Monotonic milliseconds. */
  awaitLonger(now: number): void {
    this.#patience *= 2;
    this.awaitKeyPackage(now);
  }

  /** It takes a leaf, and its key package is used up. */
  sit(leaf: RoomLeaf<Client>): void {
    this.leaf = leaf;
    this.#keyPackage = undefined;
  }

  /** It has neither leaf nor key package any more. */
  leaveGroup(): void {
    if (this.leaf !== undefined) this.leaf.owner = undefined;
    this.leaf = undefined;
    this.#keyPackage = undefined;
    this.askAt = undefined;
    this.forgetProposals();
  }

  /** What was proposed is of the past. */
  forgetProposals(): void {
    this.told = new Map();
    this.addition = undefined;
  }
}
