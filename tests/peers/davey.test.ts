/**
 * `@snazzah/davey` and our MLS share calls: random joins, leaves and re-adds, all members
 * commit, and whichever commit is taken, all come to the same epoch. Here it is MLS on the pure
 * primitives; whole sessions with their frames, and many more epochs, are in
 * `davey_session.test.ts`.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import test from "node:test";
import { ExternalSender, nobleMlsCrypto } from "../../lib/dave/mls/mod.ts";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";
import { loadDavey } from "../tools/davey.ts";
import { Call, type Caller, daveyCaller, ourCaller } from "./davey_call.ts";
import { installPeer } from "./install.ts";

const davey = loadDavey(await installPeer("davey"));

const CHANNEL = "1234567890123456789";
const FIRST_USER = 900000000000000000n;

/** A call whose every step a seed decides. */
class RandomCall {
  readonly counts = {
    commits: { ours: 0, davey: 0 },
    joined: 0,
    left: 0,
    again: 0,
    largest: 0,
  };
  readonly #random: SeededRandom;
  readonly #suite;
  readonly #sender: ExternalSender;
  readonly #call: Call;
  #users = 0n;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#suite = nobleMlsCrypto((into) => random.fill(into));
    this.#sender = new ExternalSender(this.#suite);
    this.#call = new Call(CHANNEL, this.#sender, this.#caller());
  }

  /** One epoch towards a number of members. */
  step(wanted: number): void {
    const { callers } = this.#call;
    const joins = Math.min(wanted - callers.length, 1 + this.#below(4));
    const join = Array.from(
      { length: joins < 0 ? 0 : joins },
      () => this.#caller(),
    );
    // At least one stays who can commit.
    const others = callers.slice(1 + this.#below(callers.length)).slice(0, 3);
    const leaving = joins <= 0 || this.#below(4) === 0 ? others.slice(0, 2) : [];
    const again = this.#below(5) === 0 || join.length + leaving.length === 0
      ? callers.filter((caller) => !leaving.includes(caller)).slice(1, 2)
      : [];
    join.push(...again.map(({ userId }) => this.#caller(userId)));
    if (join.length + leaving.length === 0) join.push(this.#caller());
    const ours = callers.filter(({ kind }) => kind === "ours");
    const committers = new Set(ours.length === 0 ? [] : [this.#pick(ours), this.#pick(ours)]);
    const taken = this.#call.advance({
      join,
      leave: leaving.map(({ userId }) => userId),
      // The first always stays, so that there is a commit.
      commits: (caller) => caller === callers[0] || committers.has(caller),
      choose: (sent) => {
        const own = sent.filter(({ by }) => by.kind === "ours");
        return this.#pick(own.length > 0 && this.#below(2) === 0 ? own : sent);
      },
      revoke: this.#below(8) === 0 ? this.#caller() : undefined,
    });
    this.counts.commits[taken.kind]++;
    this.counts.joined += join.length - again.length;
    this.counts.left += leaving.length;
    this.counts.again += again.length;
    this.counts.largest = Math.max(
      this.counts.largest,
      this.#call.callers.length,
    );
  }

  #caller(userId: string = String(FIRST_USER + this.#users++)): Caller {
    const { bytes } = this.#sender;
    return this.#below(2) === 0
      ? ourCaller(this.#suite, userId, CHANNEL, bytes)
      : daveyCaller(davey, userId, CHANNEL, bytes);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }
}

/** Steps a call through numbers of members: both kinds have their commits taken. */
function run(seed: number, epochs: number, wanted: (epoch: number) => number): RandomCall {
  const call = new RandomCall(seed);
  for (let epoch = 0; epoch < epochs; epoch++) call.step(wanted(epoch));
  const { ours, davey } = call.counts.commits;
  assertEquals(ours + davey, epochs);
  assertGreater(ours, epochs / 8);
  assertGreater(davey, epochs / 8);
  return call;
}

test("members of ours and of davey come to the same 80 epochs: 2 to 4 members", () => {
  const { joined, left, again } = run(1, 80, (epoch) => 2 + epoch % 3).counts;
  for (const count of [joined, left, again]) assertGreater(count, 10);
});

test("members of ours and of davey come to the same 20 epochs: 5 to 8 members", () => {
  const { joined, left, again } = run(2, 20, (epoch) => 5 + epoch % 4).counts;
  for (const count of [joined, left, again]) assertGreater(count, 2);
});

test("members of ours and of davey come to the same 14 epochs: up to 30 members", () => {
  const { largest } = run(3, 14, (epoch) => Math.min(30, 4 * (epoch + 1))).counts;
  assertEquals(largest, 30);
});
