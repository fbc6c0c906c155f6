import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { takeWhole, u16 } from "../../../../lib/dave/mls/codec.ts";
import {
  encodeContent,
  encodePublicMessage,
  hashProposal,
  signContent,
  tagMembership,
  takePublicMessage,
} from "../../../../lib/dave/mls/framing.ts";
import { generateKeyPair } from "../../../../lib/dave/mls/hpke.ts";
import { hashKeyPackage, takeKeyPackage } from "../../../../lib/dave/mls/key_package.ts";
import {
  encodeAppend,
  encodeRevoke,
  ExternalSender,
  MlsError,
  type MlsErrorCode,
  MlsMember,
} from "../../../../lib/dave/mls/mod.ts";
import type { Proposal } from "../../../../lib/dave/mls/proposal.ts";
import { encodeWelcome, takeWelcome, trimWelcome } from "../../../../lib/dave/mls/welcome.ts";
import { toHex } from "../../../tools/vectors.ts";
import { everybody, Insider, Party, stateOf, user } from "./party.ts";

/** What is done with a message. */
type Action = (member: MlsMember, message: Uint8Array) => unknown;

const commits: Action = (member, message) => member.processCommit(message);
const joins: Action = (member, message) => member.joinFromWelcome(message);
const proposes: Action = (member, message) => member.processProposals(message, everybody);

/** A message is refused, for a reason if one is told, and the member stays as it was. */
function assertRefused(
  member: MlsMember,
  action: Action,
  message: Uint8Array,
  code?: MlsErrorCode,
): void {
  const before = stateOf(member);
  const bytes = toHex(message);
  const error = assertThrows(() => action(member, message), MlsError);
  if (code !== undefined) assertEquals(error.code, code, error.message);
  assertEquals(stateOf(member), before);
  assertEquals(toHex(message), bytes);
}

/** Every truncation, one byte more, and bytes changed here and there. */
function assertFragile(member: MlsMember, action: Action, message: Uint8Array): void {
  const stride = Math.max(1, Math.floor(message.length / 150));
  for (let size = 0; size < message.length; size++) {
    assertRefused(member, action, message.slice(0, size));
  }
  assertRefused(member, action, Uint8Array.of(...message, 0));
  for (let at = 0; at < message.length; at += at < 16 ? 1 : stride) {
    const wrong = message.slice();
    wrong[at]! ^= 1 << (at & 7);
    assertRefused(member, action, wrong);
  }
}

/** A call of three, its epoch, and a commit with a path of each of the first two. */
function scene(seed: number): {
  party: Party;
  a: MlsMember;
  b: MlsMember;
  body: Uint8Array;
  commit: Uint8Array;
  welcome: Uint8Array;
  joiner: MlsMember;
} {
  const party = new Party(seed);
  const [a, b, c] = party.gather(3) as [MlsMember, MlsMember, MlsMember];
  const joiner = party.member(4);
  const keyPackage = joiner.createKeyPackage();
  const body = party.propose([keyPackage], [c.leafIndex!]);
  for (const member of [a, b]) member.processProposals(body, everybody);
  const { commit, welcome: full } = b.commit()!;
  const ref = hashKeyPackage(party.suite, keyPackage);
  const welcome = encodeWelcome(trimWelcome(takeWhole(full!, takeWelcome), ref));
  return { party, a, b, body, commit, welcome, joiner };
}

test("processProposals() refuses every truncation and changed bytes, and takes none of them", () => {
  const { party, b } = scene(1);
  const other = party.member(5).createKeyPackage();
  const body = party.propose([other], [0]);
  assertFragile(b, proposes, body);
  b.processProposals(body, everybody);
  assertEquals(b.pendingProposals, 4);
});

test("processProposals() refuses truncated revocations, and ignores references it does not know", () => {
  const { party, b } = scene(2);
  const { ref } = party.sender.remove(party.groupId, 1n, 2);
  const body = encodeRevoke([ref]);
  for (let size = 0; size < body.length; size++) assertRefused(b, proposes, body.slice(0, size));
  assertRefused(b, proposes, Uint8Array.of(2, ...body.slice(1)), "unsupported");
  b.processProposals(encodeRevoke([ref.map((byte) => byte ^ 1)]), everybody);
  assertEquals(b.pendingProposals, 2);
  b.processProposals(body, everybody);
  assertEquals(b.pendingProposals, 1);
});

test("processCommit() refuses every truncation and changed bytes, and then the commit applies", () => {
  const { a, b, commit } = scene(3);
  assertFragile(a, commits, commit);
  assertEquals(a.processCommit(commit), "applied");
  assertEquals(b.processCommit(commit), "own");
  assertEquals(a.epochAuthenticator, b.epochAuthenticator);
});

test("joinFromWelcome() refuses every truncation and changed bytes, and then the welcome works", () => {
  const { b, commit, welcome, joiner } = scene(4);
  assertFragile(joiner, joins, welcome);
  joiner.joinFromWelcome(welcome);
  b.processCommit(commit);
  assertEquals(joiner.epochAuthenticator, b.epochAuthenticator);
});

test("setExternalSender() refuses every truncation, and keys that are none", () => {
  const party = new Party(5);
  const member = party.member(1);
  const sets: Action = (member, message) => member.setExternalSender(message);
  const { bytes } = new ExternalSender(party.suite);
  for (let size = 0; size < bytes.length; size++) assertRefused(member, sets, bytes.slice(0, size));
  const wrong = bytes.slice();
  wrong[66]! ^= 1;
  assertRefused(member, sets, wrong, "malformed");
});

test("what is replayed is refused: commit, welcome, proposals of the epoch before", () => {
  const { party, a, b, body, commit, welcome, joiner } = scene(6);
  a.processCommit(commit);
  b.processCommit(commit);
  joiner.joinFromWelcome(welcome);
  for (const member of [a, b, joiner]) {
    assertRefused(member, commits, commit, "wrong-epoch");
    assertRefused(member, proposes, body, "wrong-epoch");
    assertRefused(member, joins, welcome, "established");
  }
  joiner.reset();
  assertRefused(joiner, joins, welcome, "not-invited");
  joiner.createKeyPackage();
  assertRefused(joiner, joins, welcome, "not-invited");
  assertEquals(party.epoch, 1n);
});

test("messages of another epoch and of another group are refused", () => {
  const { party, a } = scene(7);
  const { sender, groupId } = party;
  const own = party.member(5).createKeyPackage();
  const later = sender.add(groupId, 2n, own).message;
  assertRefused(a, proposes, encodeAppend([later]), "wrong-epoch");
  const elsewhere = sender.add(user(1), 1n, own).message;
  assertRefused(a, proposes, encodeAppend([elsewhere]), "wrong-group");

  const other = scene(8);
  assertRefused(a, commits, other.commit, "bad-tag");
});

test("one bad proposal spoils its message: none of it is taken", () => {
  const { party, a } = scene(9);
  const good = party.sender.add(party.groupId, 1n, party.member(5).createKeyPackage());
  const bad = party.sender.remove(party.groupId, 1n, 3);
  assertRefused(a, proposes, encodeAppend([good.message, bad.message]), "bad-proposal");
});

test("proposals of another external sender, of a member, or with another index are refused", () => {
  const { party, a } = scene(10);
  const { suite, groupId } = party;
  const stranger = new ExternalSender(suite).remove(groupId, 1n, 1).message;
  assertRefused(a, proposes, encodeAppend([stranger]), "bad-signature");

  const { insider } = withInsider(party, [a]);
  const proposal = { type: "remove", leafIndex: 1 } as const;
  const { group } = insider;
  const sender = { kind: "member", index: 0 } as const;
  const content = encodeContent({ ...group!.context, sender }, { type: "proposal", proposal });
  const signature = signContent(suite, new Uint8Array(32).fill(1), content, group!.contextBytes);
  const auth = { content, signature, confirmationTag: undefined };
  const tag = tagMembership(suite, group!.secrets.membershipKey, auth, group!.contextBytes);
  const byMember = encodePublicMessage({ ...auth, membershipTag: tag });
  assertRefused(a, proposes, encodeAppend([byMember]), "wrong-sender");

  const { message } = party.sender.remove(groupId, party.epoch, 1);
  // Version, wire format, group, epoch and the sender's type stand before its index.
  message[4 + 9 + 8 + 1 + 3] = 1;
  assertRefused(a, proposes, encodeAppend([message]), "wrong-sender");
});

test("an unrecognized user, a removal of nobody and a commit among proposals are refused", () => {
  const { party, a, commit } = scene(11);
  const add = party.propose([party.member(5).createKeyPackage()]);
  const strangers: Action = (member, message) =>
    member.processProposals(message, (identity) => identity[7] !== 5);
  assertRefused(a, strangers, add, "unrecognized-user");
  assertRefused(a, proposes, party.propose([], [3]), "bad-proposal");
  assertRefused(a, proposes, party.propose([], [0xffffffff]), "bad-proposal");
  assertRefused(a, proposes, encodeAppend([commit]), "unsupported");
});

test("key packages with anything changed are refused, although the gateway has signed them", () => {
  const { party, a } = scene(12);
  const own = party.member(5).createKeyPackage();
  for (let at = 0; at < own.length; at += at < 8 ? 1 : 9) {
    const wrong = own.slice();
    wrong[at]! ^= 1;
    let message: Uint8Array;
    try {
      message = party.propose([wrong]);
    } catch (error) {
      assert(error instanceof MlsError);
      continue;
    }
    assertRefused(a, proposes, message);
  }
});

test("commit() refuses proposals that make a user or a key be there twice, until one is revoked", () => {
  const { party, a } = scene(13);
  const twice = party.sender.add(party.groupId, 1n, party.member(4).createKeyPackage());
  a.processProposals(encodeAppend([twice.message]), everybody);
  assertThrows(() => a.commit(), MlsError, "a user is there twice");
  a.processProposals(encodeRevoke([twice.ref]), everybody);
  assert(a.commit() !== undefined);

  const key = new Uint8Array(32).fill(9);
  const [x, y] = [party.member(21, key), party.member(22, key)];
  a.processProposals(party.propose([x, y].map((own) => own.createKeyPackage())), everybody);
  assertThrows(() => a.commit(), MlsError, "a key is there twice");
});

/** The insider joins a group by the next commit. */
function withInsider(party: Party, members: MlsMember[]): { insider: Insider } {
  const insider = new Insider(party, 66);
  for (const member of members) {
    member.processProposals(party.propose([insider.keyPackage]), everybody);
  }
  const { commit, welcome } = members[0]!.commit()!;
  for (const member of members) member.processCommit(commit);
  party.epoch++;
  insider.join(welcome!);
  return { insider };
}

/** A proposal that a member knows, and its reference. */
function propose(
  party: Party,
  member: MlsMember,
  message: Uint8Array,
): { ref: Uint8Array; proposal: Proposal } {
  member.processProposals(encodeAppend([message]), everybody);
  const read = takeWhole(message, takePublicMessage);
  assert(read.body.type === "proposal");
  return { ref: hashProposal(party.suite, read), proposal: read.body.proposal };
}

test("of an insider, a sound commit applies; with anything forged it is refused", () => {
  const party = new Party(14);
  const [a, b] = party.gather(2) as [MlsMember, MlsMember];
  const { insider } = withInsider(party, [a, b]);
  const joiner = party.member(7).createKeyPackage();
  const message = party.sender.add(party.groupId, party.epoch, joiner).message;
  const { ref, proposal } = propose(party, a, message);
  const commit = { proposals: [{ ref }], path: undefined };
  const refused = (bytes: Uint8Array, code: MlsErrorCode) => assertRefused(a, commits, bytes, code);

  refused(
    insider.commit({ proposals: [{ proposal }], path: undefined }, [proposal]),
    "bad-proposal",
  );
  refused(insider.commit({ proposals: [], path: undefined }, []), "bad-proposal");
  const unknown = { proposals: [{ ref: ref.map((byte) => byte ^ 1) }], path: undefined };
  refused(insider.commit(unknown, [proposal]), "unknown-proposal");
  const repeated = { proposals: [{ ref }, { ref }], path: undefined };
  refused(insider.commit(repeated, [proposal]), "bad-tree");
  refused(insider.commit(commit, []), "bad-tag");
  refused(insider.commit(commit, [proposal], { leafIndex: 1 }), "bad-signature");
  refused(insider.commit(commit, [proposal], { leafIndex: 0 }), "wrong-sender");
  refused(insider.commit(commit, [proposal], { leafIndex: 9 }), "wrong-sender");
  const wrongTags = { ...insider.group!.secrets, membershipKey: new Uint8Array(32) };
  refused(insider.commit(commit, [proposal], { secrets: wrongTags }), "bad-tag");

  assertEquals(a.processCommit(insider.commit(commit, [proposal])), "applied");
  assertEquals(a.roster.length, 4);
});

test("an insider cannot commit its own removal, nor a removal without a path", () => {
  const party = new Party(15);
  const [a, b] = party.gather(3) as [MlsMember, MlsMember];
  const { insider } = withInsider(party, [a, b]);
  for (const [leaf, code] of [[3, "bad-proposal"], [1, "bad-path"]] as const) {
    const { message } = party.sender.remove(party.groupId, party.epoch, leaf);
    const { ref, proposal } = propose(party, a, message);
    const commit = { proposals: [{ ref }], path: undefined };
    assertRefused(a, commits, insider.commit(commit, [proposal]), code);
    a.processProposals(encodeRevoke([ref]), everybody);
  }
});

test("an insider's path applies, but not with another signature key or a secret exchanged", () => {
  const party = new Party(20);
  const [a, b] = party.gather(3) as [MlsMember, MlsMember];
  const { insider } = withInsider(party, [a, b]);
  const { message } = party.sender.remove(party.groupId, party.epoch, 2);
  const { ref, proposal } = propose(party, a, message);
  const send = (made: ReturnType<Insider["path"]>, path = made.path) =>
    insider.commit({ proposals: [{ ref }], path }, [proposal], {}, made);

  const disguised = insider.path([proposal], generateKeyPair(party.suite));
  assertRefused(a, commits, send(disguised), "bad-path");
  const made = insider.path([proposal]);
  const [node, ...nodes] = made.path.nodes;
  const other = insider.path([proposal]).path.nodes[0]!;
  const exchanged = [{ ...node!, secrets: other.secrets }, ...nodes];
  assertRefused(a, commits, send(made, { ...made.path, nodes: exchanged }), "bad-ciphertext");
  const stray = new Uint8Array(32).fill(5);
  const untrue = insider.path([proposal], undefined, () => stray);
  assertRefused(a, commits, send(untrue), "bad-path");
  const short = insider.path([proposal], undefined, (secret) => secret.slice(1));
  assertRefused(a, commits, send(short), "bad-ciphertext");
  assertEquals(a.processCommit(send(made)), "applied");
  assertEquals(a.roster.length, 3);
});

test("who is not in the group yet neither applies a commit nor takes one for its own", () => {
  const { party, commit, joiner } = scene(16);
  assertRefused(joiner, commits, commit, "not-established");
  assertRefused(party.member(9), commits, commit, "not-established");
});

test("a welcome to another group, or of another external sender, is refused", () => {
  const { welcome, party, joiner } = scene(17);
  joiner.setExternalSender(new ExternalSender(party.suite).bytes);
  assertRefused(joiner, joins, welcome, "wrong-sender");
  joiner.setExternalSender(party.sender.bytes);
  joiner.joinFromWelcome(welcome);

  const other = new Party(18);
  const founder = other.member(1);
  const stray = new MlsMember({ crypto: other.suite, groupId: user(9), identity: user(2) });
  stray.setExternalSender(other.sender.bytes);
  founder.processProposals(other.propose([stray.createKeyPackage()]), everybody);
  assertRefused(stray, joins, founder.commit()!.welcome!, "wrong-group");
});

test("key packages of other versions and suites are refused as unsupported", () => {
  const own = new Party(19).member(1).createKeyPackage();
  for (const [version, suite] of [[2, 2], [1, 1], [1, 3]] as const) {
    const wrong = Uint8Array.of(...u16(version), ...u16(suite), ...own.slice(4));
    const error = assertThrows(() => takeWhole(wrong, takeKeyPackage), MlsError);
    assertEquals(error.code, "unsupported");
  }
});
