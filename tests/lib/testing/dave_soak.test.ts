// Invariant: whatever clients do, in whatever order it arrives, soon after they have calmed down
// all of them are in one group, or the call has no encryption since one of them has none.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";

import { SeededRandom } from "../../../lib/testing/seeded_random.ts";
import { type Caller, DaveCall } from "./dave_call.ts";

const USERS = 7;
const ANSWERS = [23, 26, 28];
/** Milliseconds in which a client may have to wait with its recovery. */
const CALM = 100_000;

/** Something happens in a call. */
class Course {
  readonly call: DaveCall;
  readonly random: SeededRandom;
  readonly counts: Record<string, number> = {};

  constructor(seed: number) {
    this.call = new DaveCall(seed);
    this.random = new SeededRandom(seed);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.random.next() * items.length)];
  }

  /** One event, and then some of what is under way arrives. */
  step(): void {
    const { callers } = this.call;
    const absent = Array.from({ length: USERS }, (_, i) => String(100 + i)).filter((id) =>
      callers.every(({ userId }) => userId !== id)
    );
    const caller = this.pick(callers);
    const id = this.pick(absent);
    const roll = this.random.next();
    if (id !== undefined && (caller === undefined || roll < 0.25)) this.#join(id);
    else if (caller !== undefined && roll < 0.4) this.#leave(caller);
    else if (caller !== undefined && roll < 0.6) this.#spoil(caller);
    else if (caller !== undefined && roll < 0.7) this.#hush(caller);
    else if (caller !== undefined && roll < 0.73) this.#describe(caller);
    else this.#pass(this.random.next() * 3000);
    const carried = this.random.next() * 60;
    for (let i = 0; i < carried; i++) this.#carry();
  }

  /** All do what they should, and soon nothing is left to be done. */
  calmDown(): void {
    const { call } = this;
    for (const { silent } of call.callers) silent.clear();
    for (const caller of [...call.callers]) {
      call.deliver(caller);
      if (!caller.got.some((message) => message.startsWith("4:"))) call.describe(caller);
    }
    call.run(CALM);
    call.assertTogether();
    assertEquals(call.room.next(), undefined);
    const count = call.events.length;
    call.run(CALM);
    assertEquals(call.events.length, count);
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  #join(id: string): void {
    const version = this.random.next() < 0.94 ? 1 : 0;
    this.#count(`join ${version}`);
    const caller = this.call.enter(id, version);
    if (this.random.next() < 0.8) this.call.describe(caller);
  }

  /** Whoever keeps a call from being encrypted does not stay for long. */
  #leave(caller: Caller): void {
    this.#count("leave");
    this.call.leave(this.call.callers.find(({ daveVersion }) => daveVersion === 0) ?? caller);
  }

  /** The next commit or welcome does not arrive as it was sent. */
  #spoil({ down }: Caller): void {
    const index = down.findIndex(({ op }) => op === 29 || op === 30);
    if (index < 0) return this.#pass(10);
    this.#count("spoil");
    const message = down[index] as { readonly op: 29; readonly d: Uint8Array };
    down[index] = { ...message, d: message.d.slice(0, message.d.length / 2) };
  }

  /** It does not answer for a while, or does so again. */
  #hush({ silent }: Caller): void {
    if (silent.size > 0) return silent.clear();
    this.#count("hush");
    silent.add(this.pick(ANSWERS)!);
  }

  #describe(caller: Caller): void {
    this.#count("describe");
    this.call.describe(caller);
  }

  #pass(duration: number): void {
    this.#count("pass");
    this.call.now += duration;
    this.call.wake();
  }

  #carry(): void {
    const caller = this.pick(this.call.callers);
    if (caller !== undefined) this.call.carry(caller, this.random.next() < 0.5);
  }
}

for (const seed of [1, 2, 3]) {
  test(`DaveRoom after 400 random events, seed ${seed}, brings all together`, () => {
    const course = new Course(seed);
    const { call, counts } = course;
    for (let i = 1; i <= 400; i++) {
      course.step();
      if (i % 100 === 0) course.calmDown();
    }
    const kinds = ["join 0", "join 1", "leave", "spoil", "hush", "describe", "pass"];
    assertEquals(kinds.filter((kind) => counts[kind] === undefined), []);
    const epochs = call.events.filter((event) => event.startsWith("dave-commit")).length;
    assert(epochs > 80, `${epochs} epochs`);
  });
}
