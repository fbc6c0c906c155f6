import { assert, assertEquals } from "@std/assert";
import test from "node:test";

import type { Commit } from "../../../lib/dave/mls/commit_message.ts";
import { encodeContent, encodePublicMessage } from "../../../lib/dave/mls/framing.ts";
import {
  type LeafNodeKeys,
  makeCommitLeaf,
  makeKeyPackageLeaf,
} from "../../../lib/dave/mls/leaf_node.ts";
import { encodeId } from "../../../lib/dave/user_id.ts";
import { encodeWelcome, type Welcome } from "../../../lib/dave/mls/welcome.ts";
import { COMMIT_LIMIT, takeCommitWelcome } from "../../../lib/testing/dave/commit.ts";
import { toHex, truncations } from "../../tools/vectors.ts";
import { type Caller, CHANNEL, DaveCall } from "./dave_call.ts";

/** What is different in a commit that was captured. The service cannot check its signature. */
interface Changes {
  readonly groupId?: Uint8Array;
  readonly epoch?: bigint;
  readonly sender?: { readonly kind: "member" | "external"; readonly index: number };
  readonly confirmationTag?: Uint8Array;
  readonly membershipTag?: Uint8Array;
  readonly commit?: Partial<Commit>;
  readonly welcome?: Welcome | undefined;
}

function rebuilt(body: Uint8Array, changes: Changes): Uint8Array {
  const { message, commit, welcome } = takeCommitWelcome(body);
  const changed = { ...message, welcome, ...changes };
  const content = encodeContent(changed, {
    type: "commit",
    commit: { ...commit, ...changes.commit },
  });
  const { sender, membershipTag } = changed;
  const encoded = encodePublicMessage({
    ...changed,
    content,
    membershipTag: sender.kind === "member" ? membershipTag : undefined,
  });
  const tail = changed.welcome === undefined ? [] : encodeWelcome(changed.welcome);
  return Uint8Array.of(...encoded, ...tail);
}

/** Nobody's commit arrives; the last one of each is at hand. */
function hush(call: DaveCall): void {
  for (const { silent } of call.callers) silent.add(28);
}

/**
 * A group of three, from which one has gone and to which another comes: the commits of the
 * other two are at hand, each with a path and a welcome.
 */
function scene(seed = 1): { call: DaveCall; a: Caller; b: Caller; body: Uint8Array } {
  const call = new DaveCall(seed);
  const [a, b, c] = call.gather("1", "2", "3");
  hush(call);
  call.leave(c);
  call.join("4");
  call.settle();
  return { call, a, b, body: a.commits.at(-1)! };
}

function assertRefused(call: DaveCall, from: Caller, d: Uint8Array, reason: string): void {
  const { epoch } = call.room;
  const before = toHex(d);
  call.takeDropped();
  call.feed(from, { op: 28, d });
  assertEquals(call.takeDropped(), [`${from.userId} 28 ${reason}`]);
  assertEquals([call.room.epoch, toHex(d)], [epoch, before]);
}

/** A commit is taken, and the call comes together by it. */
function assertTaken(call: DaveCall, from: Caller, d: Uint8Array): void {
  const { epoch } = call.room;
  call.takeDropped();
  call.feed(from, { op: 28, d });
  assertEquals([call.room.epoch, call.takeDropped()], [epoch + 1n, []]);
  for (const { silent } of call.callers) silent.clear();
  call.settle();
  call.assertTogether();
}

test("a commit and its welcome are taken as they come", () => {
  const { call, a, body } = scene();
  assertTaken(call, a, rebuilt(body, {}));
});

test("a commit is refused at every truncation, and with one byte more", () => {
  const { call, a, body } = scene();
  const { bytes } = takeCommitWelcome(body);
  for (const cut of truncations(body)) {
    const reason = cut.length === bytes.length ? "wrong-welcome" : "malformed";
    assertRefused(call, a, cut, reason);
  }
  assertRefused(call, a, Uint8Array.of(...body, 0), "malformed");
  assertRefused(call, a, new Uint8Array(COMMIT_LIMIT + 1), "too-large");
  assertRefused(call, a, new Uint8Array(COMMIT_LIMIT), "unsupported");
  assertTaken(call, a, body);
});

test("a commit is refused for another group or epoch, or where an earlier one counts", () => {
  const { call, a, b, body } = scene();
  const { epoch } = call.room;
  assertRefused(call, a, rebuilt(body, { groupId: encodeId("1") }), "wrong-group");
  assertRefused(call, a, rebuilt(body, { epoch: epoch + 1n }), "wrong-epoch");
  assertRefused(call, a, rebuilt(body, { epoch: epoch - 1n }), "late");
  const other = b.commits.at(-1)!;
  assertTaken(call, a, body);
  assertRefused(call, b, other, "late");
  assertRefused(call, a, body, "late");
  call.assertTogether();
});

test("a commit is refused unless its sender is the member who brings it", () => {
  const { call, a, b, body } = scene();
  const [, , joiner] = call.callers;
  assertRefused(call, b, body, "wrong-sender");
  assertRefused(call, joiner, body, "not-a-member");
  for (const sender of [{ kind: "member", index: 1 }, { kind: "external", index: 0 }] as const) {
    assertRefused(call, a, rebuilt(body, { sender }), "wrong-sender");
  }
  assertTaken(call, b, b.commits.at(-1)!);
});

test("a commit is refused with a tag of another size", () => {
  const { call, a, body } = scene();
  for (const size of [0, 31, 33]) {
    const tag = new Uint8Array(size);
    assertRefused(call, a, rebuilt(body, { confirmationTag: tag }), "bad-tag");
    assertRefused(call, a, rebuilt(body, { membershipTag: tag }), "bad-tag");
  }
  assertTaken(call, a, body);
});

test("a commit is refused unless it covers all proposals, once each, by reference", () => {
  const { call, a, body } = scene();
  const { proposals } = takeCommitWelcome(body).commit;
  assertEquals(proposals.length, 2);
  const [first, second] = proposals;
  const unknown = { ref: new Uint8Array(32) };
  const inline = { proposal: { type: "remove", leafIndex: 2 } } as const;
  const sets = [[], [first], [second], [first, first], [...proposals, first]];
  for (
    const wrong of [...sets, [...proposals, unknown], [...proposals, inline], [inline, second]]
  ) {
    assertRefused(call, a, rebuilt(body, { commit: { proposals: wrong } }), "wrong-proposals");
  }
  assertTaken(call, a, body);
});

test("a commit that is older than what was proposed last is refused", () => {
  const { call, a } = scene();
  const partial = a.commits.at(-1)!;
  call.join("5");
  call.settle();
  assertRefused(call, a, partial, "wrong-proposals");
  assertTaken(call, a, a.commits.at(-1)!);
  assertEquals(call.callers.length, 4);
});

test("a commit that removes needs a path, whose leaf is the sender's own and signed", () => {
  const { call, a, b, body } = scene();
  const { path } = takeCommitWelcome(body).commit;
  const other = takeCommitWelcome(b.commits.at(-1)!).commit.path!;
  assert(path !== undefined);
  const withPath = (changed: Commit["path"]) => rebuilt(body, { commit: { path: changed } });
  assertRefused(call, a, withPath(undefined), "bad-path");
  const own = { ...path.leaf, signaturePrivateKey: path.leaf.signatureKey.slice(1, 33) };
  const { groupId, sender: { index: leafIndex } } = takeCommitWelcome(body).message;
  const leafWith = (keys: Partial<LeafNodeKeys>) =>
    makeCommitLeaf(call.crypto, { ...own, ...keys }, own.parentHash!, { groupId, leafIndex });
  const { identity, signatureKey } = other.leaf;
  const otherKey = { signatureKey, signaturePrivateKey: signatureKey.slice(1, 33) };
  const wrong = [
    ...[other.leaf, leafWith({ identity }), leafWith(otherKey)],
    makeKeyPackageLeaf(call.crypto, own),
  ];
  for (const leaf of wrong) assertRefused(call, a, withPath({ ...path, leaf }), "bad-path");
  const leaf = { ...path.leaf, signature: other.leaf.signature };
  assertRefused(call, a, withPath({ ...path, leaf }), "bad-signature");
  assertTaken(call, a, body);
});

test("a commit that only adds needs no path", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2");
  hush(call);
  call.join("3");
  call.settle();
  assertEquals(takeCommitWelcome(a.commits.at(-1)!).commit.path, undefined);
  assertTaken(call, a, a.commits.at(-1)!);
});

test("a commit needs a welcome for exactly those whom it adds", () => {
  const call = new DaveCall();
  const [a] = call.gather("1", "2", "3");
  hush(call);
  for (const userId of ["4", "5"]) call.join(userId);
  call.settle();
  const body = a.commits.at(-1)!;
  const welcome = takeCommitWelcome(body).welcome!;
  const [first, second] = welcome.secrets;
  const stranger = { ...first, receiver: new Uint8Array(32) };
  for (
    const secrets of [[], [first], [second], [first, first], [first, stranger], [
      ...welcome.secrets,
      stranger,
    ]]
  ) {
    assertRefused(
      call,
      a,
      rebuilt(body, { welcome: { ...welcome, secrets } }),
      "wrong-welcome",
    );
  }
  assertRefused(call, a, rebuilt(body, { welcome: undefined }), "wrong-welcome");
  assertTaken(call, a, rebuilt(body, { welcome: { ...welcome, secrets: [second, first] } }));
});

test("a commit that adds nobody has no welcome", () => {
  const call = new DaveCall();
  const [a, b, c] = call.gather("1", "2", "3");
  hush(call);
  call.leave(b);
  call.settle();
  const body = a.commits.at(-1)!;
  assertEquals(takeCommitWelcome(body).welcome, undefined);
  const welcome = { secrets: [], encryptedGroupInfo: new Uint8Array(8) };
  assertRefused(call, a, rebuilt(body, { welcome }), "wrong-welcome");
  assertTaken(call, c, c.commits.at(-1)!);
});

test("the first commit of all is of whoever founds the group, at leaf 0", () => {
  const call = new DaveCall();
  for (const userId of ["1", "2", "3"]) call.join(userId);
  hush(call);
  call.settle();
  const [a, b, c] = call.callers;
  const [body, other] = [a.commits.at(-1)!, b.commits.at(-1)!];
  assertRefused(call, a, other, "wrong-proposals");
  const sender = { kind: "member", index: 1 } as const;
  assertRefused(call, a, rebuilt(body, { sender }), "wrong-sender");
  assertRefused(call, b, rebuilt(other, { epoch: 1n }), "wrong-epoch");
  assertTaken(call, b, other);
  assertRefused(call, a, body, "late");
  assertRefused(call, c, c.commits.at(-1)!, "late");
  assertEquals(encodeId(CHANNEL), takeCommitWelcome(body).message.groupId);
});

test("a proposal is no commit", () => {
  const { call, a } = scene();
  const joiner = call.join("5");
  call.deliver(joiner);
  call.carry(joiner, true);
  // What op 27 does is one byte, the size of its vector here two.
  const body = a.down.findLast(({ op }) => op === 27)!.d as Uint8Array;
  assertRefused(call, a, body.slice(3), "unsupported");
});
