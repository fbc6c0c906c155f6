// Invariant: whatever becomes of one message of end-to-end encryption, or of the WebSocket
// around it, all who stay in the call hear each other bit for bit again, and encrypted.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import test from "node:test";
import { createDave } from "../../lib/dave/create.ts";
import { RECOVERY_COUNT } from "../../lib/dave/recovery_guard.ts";
import {
  DAVE_BINARY_POINTS,
  DAVE_TEXT_POINTS,
  type Fault,
  type FaultRule,
} from "../../lib/testing/faults.ts";
import { type SimulatedBot, Simulation } from "../../lib/testing/simulation.ts";

const GUILD = "41771983423143937";
const CHANNEL = "127121515262115840";
const [ALICE, BOB, CAROL, DAN] = ["101", "102", "103", "104"];

/** Milliseconds between frames of a bot. */
const FRAME_INTERVAL = 100;
/** Milliseconds in which every frame must come through before a call counts as whole. */
const PROOF = 2000;
/** Milliseconds in which a call must be whole again. */
const PATIENCE = 90_000;

const FAULTS: readonly Fault[] = ["lose", "double", "malform", { late: 700 }, "cut"];

/** A call in which everybody speaks, all the time. */
class Call {
  readonly sim: Simulation;
  readonly #bots = new Map<string, SimulatedBot>();
  #count = 0;

  constructor(faults: readonly FaultRule[]) {
    this.sim = new Simulation({ faults });
  }

  get bots(): SimulatedBot[] {
    return [...this.#bots.values()];
  }

  join(userId: string, encrypted = true): void {
    const dave = encrypted ? createDave() : undefined;
    const bot = this.sim.bot({ userId, guildId: GUILD, dave });
    this.#bots.set(userId, bot);
    bot.join(CHANNEL);
    bot.speak();
  }

  leave(userId: string): void {
    this.#bots.get(userId)!.leave();
    this.#bots.delete(userId);
  }

  /** Lets time pass; tells whether each frame was sent and heard by all others. */
  talk(duration: number): boolean {
    for (const bot of this.bots) bot.frames.length = 0;
    const said = new Map<string, string[]>(this.bots.map(({ userId }) => [userId, []]));
    let silent = 0;
    for (let time = 0; time < duration; time += FRAME_INTERVAL) {
      for (const bot of this.bots) {
        const opus = Uint8Array.of(0xfc, ++this.#count >>> 8, this.#count & 0xff);
        if (bot.send(opus)) said.get(bot.userId)!.push(String(opus));
        else silent++;
      }
      this.sim.run(FRAME_INTERVAL);
    }
    return silent === 0 && this.bots.every((listener) =>
      this.bots.every((speaker) => {
        const heard = listener.frames.filter(({ userId }) => userId === speaker.userId);
        return listener === speaker ||
          String(heard.map(({ opus }) => String(opus))) === String(said.get(speaker.userId));
      })
    );
  }

  /** Everybody who stays is in one group and hears all others. */
  assertWhole(): void {
    const start = this.sim.now;
    const isEncrypted = () =>
      this.bots.every(({ session: { dave } }) => dave!.protocolVersion === 1);
    while (!(this.talk(PROOF) && isEncrypted())) {
      assertLessOrEqual(this.sim.now - start, PATIENCE, this.#describe());
    }
  }

  #describe(): string {
    return this.bots.map(({ userId, session, receiver }) => {
      const { protocolVersion, ready, keyCount } = session.dave ?? {};
      const { state } = session;
      return JSON.stringify({
        userId,
        state,
        protocolVersion,
        ready,
        keyCount,
        ...receiver.undecryptable,
      });
    }).join("\n");
  }
}

/** Joins, a leave, a downgrade and an upgrade: every message of the gateway comes. */
function live(call: Call): void {
  call.join(ALICE);
  call.talk(500);
  call.join(BOB);
  call.talk(3000);
  call.join(CAROL);
  call.talk(3000);
  call.leave(BOB);
  call.talk(3000);
  call.join(DAN, false);
  call.talk(3000);
  call.leave(DAN);
  call.talk(3000);
}

function nameOf(fault: Fault): string {
  return typeof fault === "string" ? fault : Object.keys(fault)[0];
}

for (const on of [...DAVE_TEXT_POINTS, ...DAVE_BINARY_POINTS]) {
  for (const fault of FAULTS) {
    for (const skip of [0, 1]) {
      test(`a call is whole again after ${on} number ${skip + 1}: ${nameOf(fault)}`, () => {
        const call = new Call([{ on, fault, times: 1, skip }]);
        live(call);
        assert(call.sim.events.some((event) => event.type === "fault" && event.on === on));
        call.assertWhole();
        for (const { events } of call.bots) {
          const recoveries = events.filter(({ type }) => type === "daveRecovery");
          assertLessOrEqual(recoveries.length, RECOVERY_COUNT);
        }
      });
    }
  }
}

test("a call without faults is whole, and nobody has started over", () => {
  const call = new Call([]);
  live(call);
  call.assertWhole();
  for (const { events } of call.bots) {
    const types = events.map(({ type }) => type);
    assertEquals(types.filter((type) => type === "daveRecovery" || type === "daveIgnored"), []);
  }
});
