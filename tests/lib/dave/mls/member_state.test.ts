// Invariant: a member that was restored goes on as the one it was taken from, which is no member
// any more.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { Reader } from "../../../../lib/dave/mls/codec.ts";
import { encodeAppend, encodeRevoke, MlsError, MlsMember } from "../../../../lib/dave/mls/mod.ts";
import { makeSnapshot } from "../../../../lib/dave/snapshot.ts";
import { LocalProtocolError } from "../../../../lib/errors.ts";
import { Secret } from "../../../../lib/secret.ts";
import { bitFlips, seededRandom, toHex, truncations } from "../../../tools/vectors.ts";
import { everybody, Party, stateOf, user } from "./party.ts";

const EPOCHS = 30;
const VERSION = 1;

/** Hands a member on; the old one must be of no use. */
function handOn(member: MlsMember, party: Party): MlsMember {
  const before = [stateOf(member), toHex(member.signatureKey)];
  const state = member.exportState();
  assertEnded(member, party);
  const restored = MlsMember.restore(state, party.suite);
  assertEquals([stateOf(restored), toHex(restored.signatureKey)], before);
  return restored;
}

function assertEnded(member: MlsMember, party: Party): void {
  const exported = "it was exported";
  assertThrows(() => member.exportState(), LocalProtocolError, exported);
  assertThrows(() => member.createKeyPackage(), LocalProtocolError, exported);
  assertThrows(() => member.setExternalSender(party.sender.bytes), LocalProtocolError, exported);
  assertThrows(() => member.exportSecret("x", user(1), 16), LocalProtocolError);
  assertThrows(() => member.processProposals(encodeRevoke([]), everybody), MlsError);
  assertThrows(() => member.processCommit(new Uint8Array(9)), MlsError);
  assertThrows(() => member.joinFromWelcome(new Uint8Array(9)), MlsError);
  member.reset();
  member.close();
  assertThrows(() => member.createKeyPackage(), LocalProtocolError, exported);
  assertEquals([member.commit(), member.epoch, member.roster], [undefined, undefined, []]);
}

/** Everybody is handed on. */
function relay(members: readonly MlsMember[], party: Party): MlsMember[] {
  const commits = members.map((member) => member.commit());
  const restored = members.map((member) => handOn(member, party));
  assertEquals(restored.map((member) => member.commit()), commits);
  return restored;
}

function propose(members: readonly MlsMember[], body: Uint8Array): void {
  for (const member of members) member.processProposals(body, everybody);
}

/** A guest comes or goes in each epoch, everybody's commits are chosen in turn, and all agree. */
function goOn(party: Party, members: readonly MlsMember[]): void {
  let guest: MlsMember | undefined;
  for (let i = 0; i < EPOCHS; i++) {
    const turn = i % members.length;
    const staying = [...members.slice(turn), ...members.slice(0, turn)];
    const next = guest === undefined ? party.member(20 + i) : undefined;
    if (next !== undefined) party.step(staying, [next]);
    else party.step(staying, [], [guest!.leafIndex!]);
    guest = next;
    assertAgree(guest === undefined ? members : [...members, guest], party);
  }
}

function assertAgree(members: readonly MlsMember[], party: Party): void {
  for (const { epoch } of members) assertEquals(epoch, party.epoch);
  const all = members.map((member) => toHex(member.epochAuthenticator!));
  assertEquals(new Set(all).size, 1);
}

test("founders and joiners go on who are handed on at each point until they are in the group", () => {
  const party = new Party(1);
  const { suite: crypto, groupId } = party;
  let members = [1, 2, 3, 4].map((id) => new MlsMember({ crypto, groupId, identity: user(id) }));
  members = relay(members, party);
  for (const member of members) member.setExternalSender(party.sender.bytes);
  members = relay(members, party);
  const keyPackages = members.map((member) => member.createKeyPackage());
  members = relay(members, party);
  propose(members.slice(0, 1), party.propose(keyPackages.slice(1)));
  members = members.map((member) => handOn(member, party));
  const { commit, welcome } = members[0]!.commit()!;
  members = relay(members, party);
  const [founder, ...joiners] = members as [MlsMember, ...MlsMember[]];
  assertEquals(founder.processCommit(commit), "own");
  for (const joiner of joiners) joiner.joinFromWelcome(welcome!);
  party.epoch++;
  members = relay(members, party);
  assertAgree(members, party);
  goOn(party, members);
});

test("members go on who are handed on with proposals and commits, whosever is chosen", () => {
  const party = new Party(2);
  const [gone, ...first] = relay(party.gather(5), party) as [MlsMember, ...MlsMember[]];
  let members = first;
  let joiner = party.member(9);
  propose(members, party.propose([joiner.createKeyPackage()]));
  members = members.map((member) => handOn(member, party));
  const extra = party.sender.remove(party.groupId, party.epoch, gone.leafIndex!);
  propose(members, encodeAppend([extra.message]));
  members = relay(members, party);
  propose(members, encodeRevoke([extra.ref]));
  assertEquals(members.map((member) => member.pendingProposals), [1, 1, 1, 1]);
  propose(members, party.propose([], [gone.leafIndex!]));
  const [, { commit, welcome }] = members.map((member) => member.commit()!);
  [joiner, ...members] = relay([joiner, ...members], party) as [MlsMember, ...MlsMember[]];
  const outcomes = members.map((member) => member.processCommit(commit));
  assertEquals(outcomes, ["applied", "own", "applied", "applied"]);
  joiner.joinFromWelcome(welcome!);
  party.epoch++;
  members = relay([joiner, ...members], party);
  assertAgree(members, party);
  goOn(party, members);
});

test("a member goes on that is handed on after its removal, and with the key package to return", () => {
  const party = new Party(3);
  let members = party.gather(4);
  propose(members, party.propose([], [2]));
  const { commit } = members[0]!.commit()!;
  members = members.map((member) => handOn(member, party));
  const outcomes = members.map((member) => member.processCommit(commit));
  assertEquals(outcomes, ["own", "applied", "removed", "applied"]);
  party.epoch++;
  members = relay(members, party);
  let [again] = members.splice(2, 1) as [MlsMember];
  again.reset();
  const keyPackage = again.createKeyPackage();
  again = handOn(again, party);
  propose(members, party.propose([keyPackage]));
  const made = members[1]!.commit()!;
  for (const member of members) member.processCommit(made.commit);
  again.joinFromWelcome(made.welcome!);
  party.epoch++;
  goOn(party, [...members, again]);
});

/** A member that has all there is: an epoch, proposals, a commit, and a key package. */
function rich(seed: number): { party: Party; member: MlsMember } {
  const party = new Party(seed);
  const [a, b, c, d] = party.gather(4) as [MlsMember, MlsMember, MlsMember, MlsMember];
  party.step([a, b, c], [], [d.leafIndex!]);
  const add = party.propose([party.member(5).createKeyPackage()], [c.leafIndex!]);
  b.processProposals(add, everybody);
  b.commit();
  b.createKeyPackage();
  return { party, member: b };
}

test("exportState() gives the same bytes for the same member, and shows none of them", () => {
  const { party, member } = rich(41);
  const state = member.exportState();
  const bytes = state.reveal().slice();
  assertEquals(toHex(MlsMember.restore(state, party.suite).exportState().reveal()), toHex(bytes));
  assertEquals(toHex(state.reveal()), toHex(bytes));
  assertEquals([String(state), JSON.stringify(state)], ["[redacted]", `"[redacted]"`]);
  assertEquals(inspect(state).length < 100, true);
});

test("a member that was restored erases its keys when it is closed, or gives them away", () => {
  const { party: { suite }, member } = rich(42);
  const keys: Uint8Array[] = [];
  const publicKey = (privateKey: Uint8Array) => {
    keys.push(privateKey);
    return suite.publicKey(privateKey);
  };
  const left = () => keys.filter((key) => key.some((byte) => byte !== 0)).length;
  const first = MlsMember.restore(member.exportState(), { ...suite, publicKey });
  assert(left() > 5);
  const second = MlsMember.restore(first.exportState(), suite);
  assertEquals(left(), 0);
  const third = MlsMember.restore(second.exportState(), { ...suite, publicKey });
  assert(left() > 5);
  third.close();
  assertEquals(left(), 0);
  assertThrows(() => third.exportState(), LocalProtocolError, "it was closed");
});

test("restore() refuses every truncation, changed bits, and other versions", () => {
  const { party, member } = rich(43);
  const whole = member.exportState().reveal();
  const small = new Party(48).member(1).exportState().reveal();
  const restore = (state: Uint8Array) => MlsMember.restore(new Secret(state), party.suite);
  for (const wrong of truncations(small)) assertThrows(() => restore(wrong), RangeError);
  const random = seededRandom(44);
  for (let i = 0; i < 2000; i++) {
    const wrong = (i % 10 === 0 ? whole : small).slice();
    wrong[random() % wrong.length]! ^= 1 << random() % 8;
    assertThrows(() => restore(wrong), RangeError);
  }
  for (const wrong of bitFlips(small.subarray(0, 2))) {
    const version = wrong[0]! << 8 | wrong[1]!;
    const text = `its state has version ${version}, want 1`;
    assertThrows(() => restore(Uint8Array.of(...wrong, ...small.subarray(2))), RangeError, text);
  }
  assertEquals(stateOf(restore(whole)), stateOf(restore(whole)));
});

test("restore() of changed bytes with a right hash gives a member or a RangeError, and soon", () => {
  const { party, member } = rich(45);
  const bytes = member.exportState().reveal();
  const content = bytes.slice(2, -32);
  const random = seededRandom(46);
  const found = { refused: 0, restored: 0 };
  for (let i = 0; i < 400; i++) {
    const wrong = content.slice(0, i % 4 === 0 ? random() % content.length : content.length);
    for (let flips = random() % 3; flips >= 0; flips--) {
      if (wrong.length > 0) wrong[random() % wrong.length]! ^= 1 << random() % 8;
    }
    try {
      const restored = MlsMember.restore(makeSnapshot(VERSION, [wrong]), party.suite);
      assertEquals(restored.roster.some(({ leafIndex }) => leafIndex === restored.leafIndex), true);
      found.restored++;
    } catch (error) {
      assert(error instanceof RangeError, String(error));
      found.refused++;
    }
  }
  assert(found.refused > 100 && found.restored > 20, JSON.stringify(found));
});

test("restore() refuses what does not fit together", () => {
  const party = new Party(47);
  const { suite } = party;
  const fault = (change: (fields: Fields) => void) => {
    const fields = fieldsOf(party.member(1).exportState().reveal());
    change(fields);
    const state = makeSnapshot(VERSION, [Uint8Array.of(...Object.values(fields).flat())]);
    return assertThrows(() => MlsMember.restore(state, suite), RangeError).message;
  };
  const has = "Cannot restore a member: its state has";
  assertEquals(
    fault((fields) => fields.signatureKey.fill(0, 1)),
    `${has} a private key that is none`,
  );
  assertEquals(
    fault((fields) => fields.signatureKey.splice(0, 33, 1, 7)),
    `${has} a secret of 1 bytes`,
  );
  assertEquals(
    fault((fields) => fields.identity[8]! ^= 1),
    `${has} another member at the own leaf`,
  );
  assertEquals(
    fault((fields) => fields.signatureKey[32]! ^= 1),
    `${has} another member at the own leaf`,
  );
  assertEquals(
    fault((fields) => fields.externalSender = [0]),
    `${has} a group without an external sender`,
  );
  const other = fieldsOf(party.member(1).exportState().reveal());
  assertEquals(
    fault((fields) => fields.keys = other.keys),
    `${has} a private key of another node`,
  );
  assertEquals(
    fault((fields) => fields.keys[4] = 1),
    `${has} a private key of no node above the own leaf`,
  );
  assertEquals(fault((fields) => fields.keys = [0]), `${has} no private key of the own leaf`);
  assertEquals(
    fault((fields) => fields.ownKeyPackage = [2]),
    "Cannot restore a member: its state is malformed",
  );
});

/** The fields of a founder's state. */
interface Fields {
  readonly head: number[];
  readonly identity: number[];
  readonly signatureKey: number[];
  externalSender: number[];
  ownKeyPackage: number[];
  readonly group: number[];
  keys: number[];
  readonly tail: number[];
}

function fieldsOf(state: Uint8Array): Fields {
  const reader = new Reader(state.slice(2, -32));
  const field = (take: () => unknown): number[] => {
    const start = reader.position;
    take();
    return [...reader.since(start)];
  };
  const vector = () => reader.vector();
  const head = field(vector);
  const identity = field(vector);
  const signatureKey = field(vector);
  const externalSender = field(() => {
    assertNotEquals(reader.u8(), 0);
    vector();
    reader.u16();
    vector();
  });
  const ownKeyPackage = field(() => reader.u8());
  const group = field(() => {
    reader.u8();
    reader.u64();
    vector();
    vector();
    reader.u32();
  });
  const keys = field(vector);
  const tail = field(() => {
    for (let i = 0; i < 5; i++) vector();
    vector();
    assertEquals(reader.u8(), 0);
  });
  assert(reader.done);
  return { head, identity, signatureKey, externalSender, ownKeyPackage, group, keys, tail };
}
