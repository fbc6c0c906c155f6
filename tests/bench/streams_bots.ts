/**
 * The process that `streams.ts` measures: bots of one library, which join, play and stop as a line
 * on the standard input says. Its argument is a `FleetOptions` as JSON, its first line its runtime's
 * version.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { currentRuntime } from "../../examples/demo/runtimes.ts";
import {
  BOTS_PER_SERVER,
  type Fleet,
  type FleetBot,
  type FleetCommand,
  type FleetOptions,
  type FleetUsage,
  type Place,
} from "./streams_fleet.ts";
import { ownFleet } from "./streams_own.ts";
import { peerFleet } from "./streams_peer.ts";

/** Bots that join at a time; both of a call are among them. */
const JOINING = 20;
const SECURE_TIME_LIMIT = 30_000;
/** Starts are spread over so many milliseconds. */
const FRAME = 20;
const FLOOD_BATCH = 64;
const STALL_INTERVAL = 1000;
const FIRST_ID = 100000000000000000n;

class Control {
  readonly #options: FleetOptions;
  readonly #fleet: Fleet;
  readonly #bots: FleetBot[] = [];
  #playing = 0;

  constructor(options: FleetOptions, fleet: Fleet) {
    this.#options = options;
    this.#fleet = fleet;
  }

  async obey(command: FleetCommand): Promise<unknown> {
    switch (command.do) {
      case "join":
        return await this.#join(command.count);
      case "play":
        return await this.#play(command.count);
      case "flood":
        return await this.#flood(command.ms);
      case "usage":
        return this.#usage();
    }
  }

  async #join(count: number): Promise<{ mode: string | undefined }> {
    while (this.#bots.length < count) {
      const first = this.#bots.length;
      const joined = Array.from(
        { length: JOINING },
        (_, i) => this.#fleet.join(this.#place(first + i)),
      );
      this.#bots.push(...await Promise.all(joined));
      await this.#secured(first);
    }
    return { mode: this.#bots[0]?.mode };
  }

  /** Two bots in each call: one who is alone does not encrypt end to end. */
  #place(index: number): Place {
    return {
      endpoint: this.#options.endpoints[Math.floor(index / BOTS_PER_SERVER)]!,
      guildId: String(FIRST_ID + BigInt(index >> 1)),
      channelId: String(FIRST_ID + BigInt(index >> 1)),
      userId: String(FIRST_ID + BigInt(index)),
    };
  }

  async #secured(first: number): Promise<void> {
    const deadline = performance.now() + SECURE_TIME_LIMIT;
    while (this.#options.dave && !this.#bots.slice(first).every((bot) => bot.isSecure)) {
      if (performance.now() > deadline) {
        throw new Error(`Cannot measure: bots from ${first} on have no end-to-end encryption`);
      }
      await sleep(20);
    }
  }

  async #play(count: number): Promise<object> {
    while (this.#playing > count) this.#bots[--this.#playing]!.stop();
    const share = Math.ceil((count - this.#playing) / FRAME);
    while (this.#playing < count) {
      const until = Math.min(count, this.#playing + share);
      while (this.#playing < until) this.#bots[this.#playing++]!.play();
      await sleep(1);
    }
    return {};
  }

  /** One bot sends as fast as it goes, and no faster: what is not sent costs as well. */
  async #flood(ms: number): Promise<object> {
    const bot = this.#bots[0]!;
    const end = performance.now() + ms;
    let unsent = bot.unsent;
    while (performance.now() < end) {
      for (let i = 0; i < FLOOD_BATCH; i++) bot.send();
      await setImmediate();
      while (unsent !== (unsent = bot.unsent)) await sleep(1);
    }
    return {};
  }

  #usage(): FleetUsage {
    const { user, system } = process.cpuUsage();
    return {
      at: performance.now(),
      cpu: user + system,
      rss: process.memoryUsage().rss,
      sent: this.#fleet.sent,
      unsent: this.#bots.reduce((sum, bot) => sum + bot.unsent, 0),
    };
  }
}

function standStill(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2]!) as FleetOptions;
  const fleet = await (options.subject === "sotto" ? ownFleet(options) : peerFleet(options));
  const control = new Control(options, fleet);
  const { stall = 0 } = options;
  if (stall > 0) setInterval(standStill, STALL_INTERVAL, stall);
  console.log(JSON.stringify(process.versions[currentRuntime()]));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await control.obey(JSON.parse(line))));
  }
  process.exit();
}
