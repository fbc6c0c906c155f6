/**
 * `@snazzah/davey` and `DaveSession` share calls, frames included: in each epoch all have the same
 * members and the same code, and hear each other.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import test from "node:test";
import { currentRuntime, RUNTIMES } from "../../examples/demo/runtimes.ts";
import { pairwiseFingerprint, type UserIdentity, verificationCode } from "../../lib/dave/codes.ts";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";
import { loadDavey } from "../tools/davey.ts";
import { toHex } from "../tools/vectors.ts";
import {
  type Caller,
  DaveyCaller,
  OurCaller,
  SessionCall,
  type Taken,
} from "./davey_session_call.ts";
import { installPeer } from "./install.ts";

const davey = loadDavey(await installPeer("davey"));

const FIRST_USER = 900000000000000000n;
const OVERLAP = 10_000;
/** Members of a call in which each hears all others in each epoch. */
const HEARS_ALL = 5;
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** A frame as it was spoken and as it is on its way. */
interface Spoken {
  readonly from: Caller;
  readonly frame: Uint8Array;
  readonly sealed: Uint8Array;
}

/** A call whose every step a seed decides. */
class RandomCall {
  readonly call = new SessionCall();
  readonly counts = { ours: 0, davey: 0, joined: 0, left: 0, again: 0, largest: 0, opened: 0 };
  readonly #random: SeededRandom;
  #users = 0n;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** Somebody who has connected. */
  caller(kind: Caller["kind"] = this.below(2) === 0 ? "ours" : "davey"): Caller {
    const userId = String(FIRST_USER + this.#users++);
    const caller = kind === "ours" ? new OurCaller(userId) : new DaveyCaller(davey, userId);
    this.call.connect(caller);
    return caller;
  }

  /** One epoch towards a number of members, with what was said before, meanwhile and after. */
  step(wanted: number): void {
    const { call, counts } = this;
    const members = call.members;
    const before = members.map((from) => this.say(from));
    const joins = Math.max(0, Math.min(wanted - members.length, 1 + this.below(4)));
    const join = Array.from({ length: joins }, () => this.caller());
    // At least one stays who can commit.
    const others = members.toSpliced(this.below(members.length), 1);
    const leaves = joins === 0 || this.below(4) === 0 ? others.slice(0, 1 + this.below(3)) : [];
    const again = this.below(5) === 0 || join.length + leaves.length === 0
      ? others.filter((caller) => !leaves.includes(caller)).slice(0, 1)
      : [];
    if (join.length + leaves.length + again.length === 0) join.push(this.caller());
    for (const caller of again) call.connect(caller);
    const staying = members.filter((one) => !leaves.includes(one) && !again.includes(one));
    const joining = [...join, ...again];
    const taken = call.advance({
      joins: joining,
      leaves,
      choose: (commits) => commits[this.below(commits.length)]!,
      prepared: () => {
        call.assertReady([...staying, ...joining]);
        this.#exchange(staying, staying);
      },
    });
    call.now += this.below(OVERLAP + 1);
    this.#hearOld(before, staying);
    this.check();
    counts[taken.by.kind]++;
    counts.joined += join.length;
    counts.left += leaves.length;
    counts.again += again.length;
    counts.largest = Math.max(counts.largest, call.members.length);
  }

  /** All have the same members and the same code, and hear each other, each frame once. */
  check(): void {
    const { members } = this.call;
    const roster = members.map(({ userId }) => userId).sort();
    const [code] = members[0]!.codes();
    assertEquals(code?.length, 30);
    for (const member of members) {
      assertEquals(member.codes(), [code, code]);
      assertEquals(member.roster(), roster);
    }
    this.#exchange(members, members);
    const from = members[this.below(members.length)]!;
    for (const to of members) {
      if (to !== from) {
        assertEquals(to.open(from.userId, from.seal(SILENCE), this.call.now), SILENCE);
      }
    }
  }

  /** Each speaks, and is heard: by all, or in a large call by three of them. */
  #exchange(speakers: readonly Caller[], hearers: readonly Caller[]): void {
    const [first, stride] = [this.below(hearers.length), 1 + this.below(hearers.length)];
    for (const [index, from] of speakers.entries()) {
      const spoken = this.say(from);
      const all = hearers.filter((one) => one !== from);
      const some = hearers.length <= HEARS_ALL
        ? all
        : [0, 1, 2].map((i) => all[(first + index + i * stride) % all.length]!);
      for (const to of new Set(some)) this.hear(spoken, to, true);
    }
  }

  /**
   * Frames of the epoch before are heard. By davey not of those who have left, nor of those whom
   * it has not heard yet in that epoch: it takes nothing older than the first frame.
   */
  #hearOld(before: readonly Spoken[], staying: readonly Caller[]): void {
    for (const spoken of before) {
      const known = staying.includes(spoken.from) && before.length <= HEARS_ALL;
      for (const to of staying.slice(0, 4)) {
        if (to !== spoken.from && (known || to.kind === "ours")) this.hear(spoken, to, false);
      }
    }
  }

  /** Somebody hears a frame, and once only. */
  hear({ from, frame, sealed }: Spoken, to: Caller, replay: boolean): void {
    const { now } = this.call;
    const opened = to.open(from.userId, sealed, now);
    const who = `${from.kind} to ${to.kind}`;
    assert(opened !== undefined, `${who}: ${to instanceof OurCaller ? to.session.openFault : ""}`);
    assertEquals(toHex(opened), toHex(frame), who);
    if (replay) assertEquals(to.open(from.userId, sealed, now), undefined, `${who}, again`);
    this.counts.opened++;
  }

  /** A frame of somebody, sealed. */
  say(from: Caller): Spoken {
    const frame = Uint8Array.from({ length: this.below(200) }, () => this.below(256));
    const sealed = from.seal(frame);
    assertGreater(sealed.length, frame.length);
    return { from, frame, sealed };
  }
}

/** Steps a call through numbers of members: both kinds have their commits taken. */
function run(seed: number, epochs: number, wanted: (epoch: number) => number): RandomCall {
  const random = new RandomCall(seed);
  random.call.advance({ joins: [random.caller(), random.caller()] });
  random.check();
  for (let epoch = 1; epoch < epochs; epoch++) random.step(wanted(epoch));
  const { ours, davey } = random.counts;
  assertEquals(ours + davey, epochs - 1);
  for (const count of [ours, davey]) assertGreater(count, epochs / 8);
  return random;
}

/** Each runtime has calls of its own: together 450 epochs of small groups, 60 of larger ones. */
const SEED = 10 * RUNTIMES.indexOf(currentRuntime());

test("members of ours and of davey share 150 epochs and hear each other: 2 to 4 members", () => {
  const { joined, left, again, opened } = run(SEED + 1, 150, (epoch) => 2 + epoch % 3).counts;
  for (const count of [joined, left, again]) assertGreater(count, 5);
  assertGreater(opened, 900);
});

test("members of ours and of davey share 20 epochs and hear each other: 5 to 8 members", () => {
  const { joined, left, again, opened } = run(SEED + 2, 20, (epoch) => 5 + epoch % 4).counts;
  for (const count of [joined, left, again]) assertGreater(count, 0);
  assertGreater(opened, 400);
});

test("members of ours and of davey share 14 epochs and hear each other: up to 30 members", () => {
  const { largest, opened } = run(3, 14, (epoch) => Math.min(30, 4 * (epoch + 1))).counts;
  assertEquals(largest, 30);
  assertGreater(opened, 1000);
});

/** Callers in one group, of both kinds in turn. */
function gather(seed: number, count: number): { random: RandomCall; members: Caller[] } {
  const random = new RandomCall(seed);
  const kinds = ["ours", "davey"] as const;
  const members = Array.from({ length: count }, (_, i) => random.caller(kinds[i % 2]));
  random.call.advance({ joins: members });
  random.check();
  return { random, members };
}

test("who has missed a commit or a welcome says so by op 31, and is removed and added in one commit", () => {
  const { random, members } = gather(4, 5);
  const { call } = random;
  for (let round = 0; round < 16; round++) {
    const victim = members[round % members.length]!;
    const guest = random.caller();
    const welcomed = round % 3 === 0;
    call.advance({ joins: [guest], deaf: [welcomed ? guest : victim] });
    if (!welcomed) call.advance({ joins: [random.caller()] });
    else call.tell(guest, { op: 30, d: Uint8Array.of(0, 7, 0, 2, round) });
    const lost = welcomed ? guest : victim;
    assertEquals(call.invalid.splice(0).map(([userId]) => userId), [lost.userId]);
    call.advance({ joins: [lost] });
    random.check();
    call.now += 15_000;
    call.advance({ leaves: call.members.filter((member) => !members.includes(member)) });
    random.check();
  }
});

test("a member of ours that cannot hear those of davey any more is added anew", () => {
  const { random, members } = gather(5, 4);
  const { call } = random;
  const [ours, davey] = members as [Caller, Caller];
  call.advance({ joins: [random.caller()], deaf: members.filter((one) => one === ours), id: 77 });
  // Around a transition frames may fail.
  call.now += 10_001;
  for (let i = 0; i < 25; i++) {
    assertEquals(ours.open(davey.userId, davey.seal(Uint8Array.of(i)), call.now), undefined);
  }
  call.announce({ op: 11, d: { user_ids: [] } });
  assertEquals(call.invalid.map(([userId]) => userId), [ours.userId]);
  call.advance({ joins: [ours] });
  random.check();
});

test("a downgrade lets plaintext through at once, and an upgrade ends it", () => {
  const { random, members } = gather(6, 4);
  const { call } = random;
  const ours = members.filter(({ kind }) => kind === "ours");
  const plain = Uint8Array.of(1, 2, 3);
  const hearsPlain = (to: Caller) =>
    members.every((from) => from === to || to.open(from.userId, plain, call.now)?.length === 3);
  for (const to of members) assert(!hearsPlain(to));
  for (const founder of members.slice(0, 2)) {
    call.announce({ op: 21, d: { transition_id: 500, protocol_version: 0 } });
    call.assertReady(members);
    for (const to of members) assert(hearsPlain(to));
    const late = members.map((from) => random.say(from));
    call.announce({ op: 22, d: { transition_id: 500 } });
    for (const to of members) {
      assertEquals(to.seal(plain), plain);
      assert(hearsPlain(to));
      for (const spoken of late) if (spoken.from !== to) random.hear(spoken, to, false);
    }
    call.dissolve();
    call.announce({ op: 24, d: { protocol_version: 1, epoch: 1 } });
    const prepared = () => {
      call.assertReady(members);
      // discord.js lets nothing through meanwhile.
      for (const to of ours) assert(hearsPlain(to));
    };
    const choose = (commits: readonly Taken[]) => commits.find(({ by }) => by === founder)!;
    call.advance({ joins: members, choose, prepared });
    random.check();
    call.now += OVERLAP - 1;
    for (const to of ours) assert(hearsPlain(to));
    call.now += 1;
    for (const to of ours) assert(!hearsPlain(to));
    random.check();
  }
});

test("the last one standing starts over, and others join it by a transition with id 0", () => {
  for (const left of ["ours", "davey"] as const) {
    for (const right of ["ours", "davey"] as const) {
      for (const founder of [left, right]) {
        const { random, members } = gather(7, 4);
        const { call } = random;
        const last = members.find(({ kind }) => kind === left)!;
        for (const member of members) if (member !== last) call.disconnect(member);
        call.dissolve();
        call.announce({ op: 24, d: { protocol_version: 1, epoch: 1 } });
        call.announce({ op: 21, d: { transition_id: 0, protocol_version: 1 } });
        call.assertReady([]);
        const joiner = random.caller(right);
        const choose = (commits: readonly Taken[]) =>
          commits.find(({ by }) => by.kind === founder)!;
        call.advance({
          joins: [last, joiner],
          choose,
          id: 0,
          prepared: () => call.assertReady([]),
        });
        random.check();
      }
    }
  }
});

test("fingerprints and codes of two are those of davey", async () => {
  const { members } = gather(8, 4);
  const [a, b, c, d] = members as [OurCaller, DaveyCaller, OurCaller, DaveyCaller];
  const { identities } = a.session;
  assertEquals(identities, c.session.identities);
  for (const [davey, other] of [[b, a], [b, d], [d, c]] as const) {
    const [one, two] = [davey, other].map(({ userId }) =>
      identities.find((identity) => identity.userId === userId)!
    ) as [UserIdentity, UserIdentity];
    const fingerprint = pairwiseFingerprint(one, two);
    const theirs = await davey.session.getPairwiseFingerprint(0, other.userId);
    assertEquals(toHex(theirs), toHex(fingerprint));
    assertEquals(
      await davey.session.getVerificationCode(other.userId),
      verificationCode(fingerprint),
    );
  }
});
