import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { keyFor } from "../../../../lib/dave/mls/bytes.ts";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { takePublicMessage } from "../../../../lib/dave/mls/framing.ts";
import { LocalProtocolError } from "../../../../lib/errors.ts";
import {
  encodeAppend,
  encodeRevoke,
  ExternalSender,
  type MlsCrypto,
  MlsError,
  MlsMember,
} from "../../../../lib/dave/mls/mod.ts";
import { SeededRandom } from "../../../../lib/testing/seeded_random.ts";
import { toHex } from "../../../tools/vectors.ts";
import { everybody, Party, stateOf, user } from "./party.ts";
import { seededSuite } from "./vectors.ts";

const LABEL = "Discord Secure Frames v0";

function assertAgree(members: readonly MlsMember[]): void {
  const secrets = members.map((member) => toHex(member.exportSecret(LABEL, user(7), 16)));
  const states = members.map((member) => {
    const { epoch, epochAuthenticator, roster } = member;
    return { epoch, epochAuthenticator, roster };
  });
  for (const state of states) assertEquals(state, states[0]);
  assertEquals(new Set(secrets).size, 1);
}

test("MlsMember founds a group of its own once it knows the external sender", () => {
  const party = new Party(1);
  const options = { crypto: party.suite, groupId: party.groupId, identity: user(1) };
  const member = new MlsMember(options);
  assertEquals([member.epoch, member.epochAuthenticator, member.leafIndex], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals([member.roster, member.established, member.commit()], [[], false, undefined]);
  assertThrows(() => member.exportSecret(LABEL, user(1), 16), LocalProtocolError);
  member.setExternalSender(party.sender.bytes);
  assertEquals([member.epoch, member.established, member.leafIndex], [0n, false, 0]);
  const { signatureKey } = member;
  assertEquals(member.roster, [{ leafIndex: 0, identity: user(1), signatureKey }]);
  assertEquals(signatureKey.length, 65);
});

test("members who were added agree with those who have added them, epoch by epoch", () => {
  const party = new Party(2);
  const [a, b, c, d, e] = [1, 2, 3, 4, 5].map((id) => party.member(id)) as [
    MlsMember,
    MlsMember,
    MlsMember,
    MlsMember,
    MlsMember,
  ];
  party.step([a], [b]);
  assertAgree([a, b]);
  party.step([b, a], [c, d, e]);
  assertAgree([a, b, c, d, e]);
  party.step([e, a, c, d], [], [b.leafIndex!]);
  assertAgree([a, c, d, e]);
  assertEquals(a.roster.map(({ identity }) => identity[7]), [1, 3, 4, 5]);
  assertEquals(a.epoch, 3n);
});

test("exportSecret() depends on label, context and size", () => {
  const [a] = new Party(3).gather(2);
  const secret = toHex(a!.exportSecret(LABEL, user(1), 16));
  assertEquals(toHex(a!.exportSecret(LABEL, user(1), 16)), secret);
  assertNotEquals(toHex(a!.exportSecret(LABEL, user(2), 16)), secret);
  assertNotEquals(toHex(a!.exportSecret("Other", user(1), 16)), secret);
  assertNotEquals(toHex(a!.exportSecret(LABEL, user(1), 32)).slice(0, 32), secret);
});

test("exportSecrets() derives for each context what exportSecret() does", () => {
  const [a] = new Party(3).gather(2);
  const contexts = [user(1), user(2), user(1)];
  const wanted = contexts.map((context) => a!.exportSecret(LABEL, context, 16));
  assertEquals(a!.exportSecrets(LABEL, contexts, 16), wanted);
  assertEquals(a!.exportSecrets(LABEL, [], 16), []);
});

test("of simultaneous commits any can be chosen, and all who made another one follow it", () => {
  for (const chosen of [0, 1, 2]) {
    const party = new Party(4);
    const members = party.gather(3);
    const [d, e] = [party.member(4), party.member(5)];
    const body = party.propose([d.createKeyPackage(), e.createKeyPackage()]);
    const commits = members.map((member) => {
      member.processProposals(body, everybody);
      return member.commit()!;
    });
    const { commit, welcome } = commits[chosen]!;
    const outcomes = members.map((member) => member.processCommit(commit));
    assertEquals(outcomes, [0, 1, 2].map((i) => i === chosen ? "own" : "applied"));
    for (const member of [d, e]) member.joinFromWelcome(welcome!);
    assertAgree([...members, d, e]);
  }
});

test("a member that is removed and added again in one commit has a new leaf", () => {
  const party = new Party(5);
  const [a, b, c] = party.gather(3) as [MlsMember, MlsMember, MlsMember];
  const leaf = b.leafIndex!;
  const key = toHex(b.signatureKey);
  b.reset();
  assertEquals([b.epoch, b.established], [0n, false]);
  party.step([c, a], [b], [leaf]);
  assertAgree([a, b, c]);
  assertEquals([b.epoch, toHex(b.signatureKey)], [2n, key]);
});

test("commit() stays the same until the proposals change, and leaves the group alone", () => {
  const party = new Party(6);
  const [a] = party.gather(2);
  const before = stateOf(a!);
  assertEquals(a!.commit(), undefined);
  const first = party.propose([party.member(3).createKeyPackage()]);
  a!.processProposals(first, everybody);
  const commit = a!.commit()!;
  assertEquals(a!.commit(), commit);
  a!.processProposals(first, everybody);
  assertEquals(a!.pendingProposals, 1);
  assertEquals(a!.commit(), commit);
  a!.processProposals(party.propose([party.member(4).createKeyPackage()]), everybody);
  assertNotEquals(a!.commit(), commit);
  assertEquals({ ...stateOf(a!) as object, pendingProposals: 0 }, before);
});

test("revoked proposals are not committed, and with the last of them goes the commit", () => {
  const party = new Party(7);
  const [a, b, c] = party.gather(3) as [MlsMember, MlsMember, MlsMember];
  const d = party.member(4);
  const remove = party.sender.remove(party.groupId, 1n, c.leafIndex!);
  const add = party.sender.add(party.groupId, 1n, d.createKeyPackage());
  for (const member of [a, b, c]) {
    member.processProposals(encodeAppend([remove.message, add.message]), everybody);
    member.processProposals(encodeRevoke([remove.ref, new Uint8Array(32)]), everybody);
    assertEquals(member.pendingProposals, 1);
  }
  const { commit } = c.commit()!;
  for (const member of [a, b, c]) member.processCommit(commit);
  assertEquals(a.roster.length, 4);

  party.epoch++;
  const again = party.sender.remove(party.groupId, 2n, c.leafIndex!);
  a.processProposals(encodeAppend([again.message]), everybody);
  const stale = a.commit()!.commit;
  a.processProposals(encodeRevoke([again.ref]), everybody);
  assertEquals([a.pendingProposals, a.commit()], [0, undefined]);
  // What was revoked cannot be committed any more, not even by ourselves.
  assertThrows(() => a.processCommit(stale), MlsError);
  assertAgree([a, b, c]);
});

test("commit() makes no commit where the own removal is proposed, and others' removes us", () => {
  const party = new Party(8);
  const [a, b] = party.gather(2) as [MlsMember, MlsMember];
  const body = party.propose([], [b.leafIndex!]);
  for (const member of [a, b]) member.processProposals(body, everybody);
  assertEquals(b.commit(), undefined);
  const { commit, welcome } = a.commit()!;
  assertEquals(welcome, undefined);
  assertEquals(b.processCommit(commit), "removed");
  assertEquals([b.epoch, b.roster], [undefined, []]);
  assertEquals(a.processCommit(commit), "own");
  assertEquals(a.roster.length, 1);
});

test("a commit of additions alone has no path, one with a removal has one", () => {
  const party = new Party(9);
  const [a, b] = party.gather(4) as [MlsMember, MlsMember];
  a.processProposals(party.propose([party.member(9).createKeyPackage()]), everybody);
  const short = a.commit()!.commit.length;
  b.processProposals(party.propose([], [3]), everybody);
  assert(short < 220);
  assert(b.commit()!.commit.length > 2 * short);
});

test("a commit's path holds no secret for who joins with it, but the welcome does", () => {
  const party = new Party(17);
  const [a, b, c] = party.gather(4) as [MlsMember, MlsMember, MlsMember];
  const joiner = party.member(5);
  const body = party.propose([joiner.createKeyPackage()], [3]);
  for (const member of [a, b, c]) member.processProposals(body, everybody);
  const { commit, welcome } = a.commit()!;
  const message = takeWhole(commit, takePublicMessage);
  assert(message.body.type === "commit");
  assertEquals(message.body.commit.path!.nodes.map(({ secrets }) => secrets.length), [1, 1]);
  for (const member of [a, b, c]) member.processCommit(commit);
  joiner.joinFromWelcome(welcome!);
  party.epoch++;
  const [d, e] = [party.member(6), party.member(7)];
  party.step([a, b, c, joiner], [d, e]);
  // The path of d is encrypted to node 3, whose key the joiner has from the welcome alone.
  party.step([d, a, b, c, joiner], [], [e.leafIndex!]);
  assertAgree([a, b, c, d, joiner]);
});

test("createKeyPackage() makes the one before useless, and a welcome uses the last one up", () => {
  const party = new Party(10);
  const [a, b] = [party.member(1), party.member(2)];
  const old = b.createKeyPackage();
  b.createKeyPackage();
  a.processProposals(party.propose([old]), everybody);
  const { commit, welcome } = a.commit()!;
  assertEquals(assertThrows(() => b.joinFromWelcome(welcome!), MlsError).code, "not-invited");
  assertEquals(a.processCommit(commit), "own");
  b.reset();
  assertEquals(assertThrows(() => b.joinFromWelcome(welcome!), MlsError).code, "not-invited");
});

test("setExternalSender() founds anew for another sender, not in an established group", () => {
  const party = new Party(11);
  const [a, b] = party.gather(2) as [MlsMember, MlsMember];
  const other = new ExternalSender(party.suite);
  const before = stateOf(a);
  a.setExternalSender(party.sender.bytes);
  const error = assertThrows(() => a.setExternalSender(other.bytes), MlsError);
  assertEquals(error.code, "established");
  assertEquals(stateOf(a), before);
  b.reset();
  const authenticator = b.epochAuthenticator;
  b.setExternalSender(party.sender.bytes);
  assertEquals(b.epochAuthenticator, authenticator);
  b.setExternalSender(other.bytes);
  assertNotEquals(b.epochAuthenticator, authenticator);
});

test("MlsMember takes a signature key that outlives it, and leaves the caller's array alone", () => {
  const party = new Party(12);
  const key = new Uint8Array(32).fill(3);
  const member = party.member(1, key);
  assertEquals(member.signatureKey, party.suite.publicKey(key));
  member.close();
  assertEquals(key, new Uint8Array(32).fill(3));
  assertThrows(() => party.member(1, new Uint8Array(32)), RangeError);
});

test("members of random calls agree, epoch by epoch, whoever commits: 2 to 12 members", () => {
  const random = new SeededRandom(13);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const party = new Party(13);
  let members = party.gather(2);
  for (let epoch = 0; epoch < 40; epoch++) {
    const room = 12 - members.length;
    const joining = Array.from(
      { length: Math.min(room, below(4)) },
      (_, i) => party.member(100 + 4 * epoch + i),
    );
    const leaving = members.filter(() => joining.length === 0 || below(6) === 0)
      .slice(0, Math.min(2, members.length - 2));
    if (joining.length + leaving.length === 0) joining.push(party.member(100 + 4 * epoch));
    const staying = members.filter((member) => !leaving.includes(member));
    const first = below(staying.length);
    const ordered = [...staying.slice(first), ...staying.slice(0, first)];
    party.step(ordered, joining, leaving.map((member) => member.leafIndex!));
    members = [...staying, ...joining];
    assertAgree(members);
  }
});

/** The primitives, remembering every secret that they have seen. */
function watched(): { suite: MlsCrypto; privateKeys: Uint8Array[]; secrets: Uint8Array[] } {
  const suite = seededSuite(14);
  const privateKeys: Uint8Array[] = [];
  const secrets: Uint8Array[] = [];
  const keep = (list: Uint8Array[], bytes: Uint8Array): Uint8Array => {
    list.push(bytes);
    return bytes;
  };
  return {
    privateKeys,
    secrets,
    suite: {
      ...suite,
      publicKey: (privateKey) => suite.publicKey(keep(privateKeys, privateKey)),
      agree: (privateKey, publicKey) => {
        const shared = suite.agree(keep(privateKeys, privateKey), publicKey);
        return shared && keep(secrets, shared);
      },
      extract: (salt, secret) => {
        const key = suite.extract(salt, secret);
        // Two extractions of HPKE hash public labels.
        const isPublic = /^HPKE-v1HPKE.{6}(?:psk_id|info)_hash/s.test(keyFor(secret));
        return isPublic ? key : keep(secrets, key);
      },
      expand: (key, info, size) => keep(secrets, suite.expand(key, info, size)),
    },
  };
}

const left = (list: readonly Uint8Array[]): Uint8Array[] =>
  list.filter((bytes) => bytes.some((byte) => byte !== 0));

test("all private keys and secrets are overwritten with zeros once the member is closed", () => {
  const { suite, privateKeys, secrets } = watched();
  const party = new Party(14);
  const [a, b] = party.gather(3) as [MlsMember, MlsMember];
  const options = { crypto: suite, groupId: party.groupId, identity: user(9) };
  const member = new MlsMember(options);
  member.setExternalSender(party.sender.bytes);
  party.step([a, b], [member]);
  party.step([member, a], [party.member(10)], [b.leafIndex!]);
  party.step([a, member], [], [1]);
  member.processProposals(party.propose([], [a.leafIndex!]), everybody);
  member.commit();
  member.createKeyPackage();
  const authenticator = member.epochAuthenticator!;
  assert(left(privateKeys).length > 0);
  member.close();
  assert(privateKeys.length > 20 && secrets.length > 100);
  assertEquals(left(privateKeys), []);
  assertEquals(left(secrets), []);
  assert(authenticator.some((byte) => byte !== 0));
});

test("the secrets of an epoch are overwritten with zeros when the next one begins", () => {
  const { suite, privateKeys, secrets } = watched();
  const party = new Party(15);
  const [a] = party.gather(2) as [MlsMember, MlsMember];
  const options = { crypto: suite, groupId: party.groupId, identity: user(9) };
  const member = new MlsMember(options);
  member.setExternalSender(party.sender.bytes);
  party.step([a], [member]);
  const old = [...secrets];
  const oldKeys = [...privateKeys];
  party.step([member, a], [], [1]);
  // The signature key stays.
  const [signatureKey, ...others] = left(oldKeys);
  assertEquals(suite.publicKey(signatureKey!), member.signatureKey);
  assertEquals(others, []);
  assertEquals(left(old), [signatureKey!]);
});

test("a closed member refuses to start anew, and reset() leaves it without a group", () => {
  const party = new Party(18);
  const [member] = party.gather(2) as [MlsMember];
  member.close();
  assertEquals([member.epoch, member.roster, member.commit()], [undefined, [], undefined]);
  assertThrows(() => member.createKeyPackage(), LocalProtocolError, "it was closed");
  assertThrows(() => member.setExternalSender(party.sender.bytes), LocalProtocolError);
  member.reset();
  assertEquals(member.epoch, undefined);
});

test("an MlsMember has no text form but its type's", () => {
  const [member] = new Party(16).gather(2);
  assertEquals([JSON.stringify(member), String(member)], ["{}", "[object Object]"]);
});
