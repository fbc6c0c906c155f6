/**
 * What is proposed to the members of a call, and what each of them must still be told (op 27).
 *
 * Theory of operation: what is outstanding follows from the state of the room alone: whoever has
 * given up a leaf is to be removed, whoever has offered a key package is to be added. Each member
 * remembers what it was told in this epoch; the difference is what it is sent.
 *
 * @module
 */

import { keyFor } from "../../dave/mls/bytes.ts";
import { encodeAppend, encodeRevoke, type ExternalSender } from "../../dave/mls/mod.ts";
import type { RoomLeaves } from "./leaves.ts";
import type { RoomLeaf, RoomMember, RoomProposal } from "./member.ts";

/** Where proposals are made. */
export interface ProposalPlace {
  /** Signs them. */
  readonly sender: ExternalSender;
  /** Id of the group. */
  readonly groupId: Uint8Array;
  /** Its epoch; 0 where everybody has a group of its own. */
  readonly epoch: bigint;
}

/**
 * All that is outstanding in a group. Proposals of this epoch that were made before stay the same.
 *
 * @param place Where.
 * @param leaves The leaves of the group.
 * @param members The clients of the call.
 */
export function proposeChanges<Client>(
  place: ProposalPlace,
  leaves: RoomLeaves<Client>,
  members: readonly RoomMember<Client>[],
): RoomProposal<Client>[] {
  const abandoned = [...leaves].filter(({ owner }) => owner === undefined);
  const joining = members.filter(({ leaf, keyPackage }) =>
    leaf === undefined && keyPackage !== undefined
  );
  return [
    ...abandoned.map((leaf) => leaf.removal ??= proposeRemoval(place, leaf, leaves.indexOf(leaf))),
    ...joining.map((member) => member.addition ??= proposeAddition(place, member)),
  ];
}

/**
 * Tells a member of a change of what it may commit.
 *
 * @param member The member; remembers it.
 * @param proposals All that it may commit.
 * @returns Bodies of op 27, what is taken back before what is new.
 */
export function updateProposals<Client>(
  member: RoomMember<Client>,
  proposals: readonly RoomProposal<Client>[],
): Uint8Array[] {
  const { told } = member;
  const wanted = new Map(proposals.map((proposal) => [keyFor(proposal.ref), proposal]));
  const revoked = [...told].filter(([key]) => !wanted.has(key));
  const appended = [...wanted].filter(([key]) => !told.has(key));
  member.told = wanted;
  const bodies: Uint8Array[] = [];
  if (revoked.length > 0) bodies.push(encodeRevoke(revoked.map(([, { ref }]) => ref)));
  if (appended.length > 0) bodies.push(encodeAppend(appended.map(([, { message }]) => message)));
  return bodies;
}

function proposeRemoval<Client>(
  { sender, groupId, epoch }: ProposalPlace,
  removed: RoomLeaf<Client>,
  index: number,
): RoomProposal<Client> {
  const sent = sender.remove(groupId, epoch, index);
  return { ...sent, removed, added: undefined, keyPackage: undefined };
}

function proposeAddition<Client>(
  { sender, groupId, epoch }: ProposalPlace,
  added: RoomMember<Client>,
): RoomProposal<Client> {
  const { keyPackage } = added;
  const sent = sender.add(groupId, epoch, keyPackage!.bytes);
  return { ...sent, removed: undefined, added, keyPackage };
}
