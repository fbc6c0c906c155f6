/**
 * The other side of end-to-end encryption, for a session that is driven by hand: a gateway that
 * is the external sender, and one other member who founds the group and invites.
 *
 * @module
 */

import { encodeAppend, ExternalSender, MlsMember, nobleMlsCrypto } from "../../lib/dave/mls/mod.ts";
import { encodeId } from "../../lib/dave/user_id.ts";
import { encodeBinary } from "../../lib/messages.ts";
import { randomBytes, seededRandom } from "./vectors.ts";

/** Invites into the group of a channel. */
export class DaveInviter {
  readonly #groupId: Uint8Array;
  readonly #sender: ExternalSender;
  readonly #member: MlsMember;
  #seq = 0;

  /** Founds the group of a channel, with one user. */
  constructor(channelId: string, userId: string) {
    const random = seededRandom(7);
    const crypto = nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
    this.#groupId = encodeId(channelId);
    this.#sender = new ExternalSender(crypto);
    this.#member = new MlsMember({
      crypto,
      groupId: this.#groupId,
      identity: encodeId(userId),
    });
    this.#member.setExternalSender(this.#sender.bytes);
  }

  /** Op 25, as a binary frame. */
  externalSender(): Uint8Array {
    return this.#frame(25, this.#sender.bytes);
  }

  /** Op 30 for the owner of a key package: the body of op 26. */
  welcome(keyPackage: Uint8Array, transitionId: number): Uint8Array {
    const { message } = this.#sender.add(this.#groupId, this.#member.epoch!, keyPackage);
    this.#member.processProposals(encodeAppend([message]), () => true);
    const { commit, welcome } = this.#member.commit()!;
    this.#member.processCommit(commit);
    return this.#frame(30, Uint8Array.of(transitionId >>> 8, transitionId, ...welcome!));
  }

  /** Op 30 that nobody can read. */
  garbage(): Uint8Array {
    return this.#frame(30, Uint8Array.of(0, 1, 2));
  }

  #frame(op: number, body: Uint8Array): Uint8Array {
    return encodeBinary(op, body, ++this.#seq);
  }
}
