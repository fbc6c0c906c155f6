/**
 * A simulation for one row, and what happens there.
 *
 * @module
 */

import type { GatewayInput } from "../../lib/testing/gateway_io.ts";
import type { SimulatedBot } from "../../lib/testing/simulated_bot.ts";
import { Simulation } from "../../lib/testing/simulation.ts";
import { aimed, BOT, CHANNEL, FRIEND, GUEST, GUILD, isHeard, opusOf, PROBE_COUNT } from "./cast.ts";
import type { Deed, FaultRow, Step } from "./row.ts";
import { Watch } from "./virtual_watch.ts";

/** How long a join, a move or a leave may take. */
const SETTLED = 1000;
const STEP = 10;
/** With it the server takes tokens of the gateway stub alone. */
const UNUSED_TOKEN = "token-that-nobody-has";
/** After that the server has noticed that a client is gone. */
const FORGOTTEN = 60_000;

/** A simulation that notes when op 4 of the bot comes. */
class Counting extends Simulation {
  readonly op4: number[] = [];

  override feedGateway(input: GatewayInput): void {
    if (input.type === "voiceState" && input.userId === BOT) this.op4.push(this.now);
    super.feedGateway(input);
  }

  /** Faults that were committed, as `Ready lose`. */
  get faults(): string[] {
    return this.events.flatMap((event) =>
      event.type === "fault" ? [`${event.on} ${event.fault}`] : []
    );
  }
}

/** A friend in a channel, and a bot that is to join it. */
export class VirtualStage {
  /** The simulation. */
  readonly sim: Counting;
  /** The bot. */
  readonly watch: Watch;
  readonly #friend: SimulatedBot;

  /** Sets the faults of a row; the bot has not joined. */
  constructor({ server, endpoint, faults = [], hang }: FaultRow, seed: number) {
    this.sim = new Counting({
      seed,
      server: { ...server, token: UNUSED_TOKEN },
      ...endpoint === undefined ? {} : { endpoint },
    });
    this.#friend = this.sim.bot({ userId: FRIEND, guildId: GUILD });
    this.watch = new Watch(this.sim, hang);
    this.#friend.join(CHANNEL);
    this.#friend.speak();
    this.sim.run(SETTLED);
    this.sim.setFaults(aimed(faults));
  }

  /** The bot joins, before and after what happens meanwhile. */
  join(meanwhile: readonly Step[]): void {
    const joinedAt = this.sim.now;
    for (const step of meanwhile.filter(({ at }) => at < 0)) this.perform(step);
    this.watch.bot.join(CHANNEL);
    this.watch.bot.speak();
    this.play(meanwhile.filter(({ at }) => at >= 0), joinedAt);
  }

  /** Lets time pass until the bot is ready for the first time. */
  runUntilReady(): void {
    const limit = this.sim.now + SETTLED;
    while (this.watch.readyAt === undefined && this.sim.now < limit) this.sim.run(STEP);
    this.sim.run(STEP);
  }

  /** Does one thing after another, each in its time, until the bot's end. */
  play(steps: readonly Step[], origin: number): void {
    for (const step of steps) {
      this.sim.run(Math.max(0, origin + step.at - this.sim.now));
      if (this.watch.closedAt !== undefined) return;
      this.perform(step);
    }
  }

  /** Does something. */
  perform(deed: Deed): void {
    const { sim } = this;
    const guildId = GUILD;
    switch (deed.do) {
      case "setFaults":
        return sim.setFaults(aimed(deed.faults));
      case "close":
        return sim.feedServer({ type: "closeClient", userId: BOT, code: deed.code });
      case "cut":
        return sim.feedServer({ type: "cutClient", userId: BOT });
      case "move":
        return sim.feedGateway({ ...deed, type: "moveUser", guildId, userId: BOT });
      case "kick":
        return sim.feedGateway({ type: "disconnectUser", guildId, userId: BOT });
      case "reallocate":
        return sim.feedGateway({ type: "reallocate", guildId });
      case "limit": {
        const { limit } = deed;
        return sim.feedGateway({ type: "setUserLimit", guildId, channelId: CHANNEL, limit });
      }
      case "interrupt":
        return sim.feedGateway({ ...deed, type: "interrupt", userId: BOT });
      case "closeShard":
        return sim.feedGateway({ type: "closeShard", userId: BOT });
      case "friendMoves":
        return sim.feedGateway({ ...deed, type: "moveUser", guildId, userId: FRIEND });
      case "guestJoins":
        return sim.bot({ userId: GUEST, guildId }).join(CHANNEL);
      case "guestLeaves":
        return sim.feedGateway({ type: "disconnectUser", guildId, userId: GUEST });
    }
  }

  /** Bot and friend say something in one channel. */
  probe(hears: "all" | "some" | "none"): string[] {
    const { sim, watch: { bot } } = this;
    const friend = this.#friend;
    this.#meet();
    bot.frames.length = friend.frames.length = 0;
    for (let index = 0; index < PROBE_COUNT; index++) {
      bot.send(opusOf(1, index));
      friend.send(opusOf(2, index));
      sim.run(20);
    }
    sim.run(SETTLED);
    const opus = (one: SimulatedBot) => one.frames.map(({ opus }) => opus);
    const problems: string[] = [];
    if (bot.session.state !== "connected") problems.push(`is ${bot.session.state} a moment later`);
    if (!isHeard(hears, 2, opus(bot))) problems.push("does not hear");
    if (!isHeard("all", 1, opus(friend)) && hears !== "none") problems.push("is not heard");
    return problems;
  }

  /** Whoever is left leaves. */
  leftovers(): string[] {
    const { sim, watch: { bot } } = this;
    const both = [bot, this.#friend];
    for (const one of both) if (one.session.state !== "closed") one.leave();
    const timers = both.filter(({ session }) => session.pollTimeout() !== undefined);
    const problems = timers.map(({ userId }) => `user ${userId} has a timer left`);
    sim.setFaults([]);
    sim.run(FORGOTTEN);
    const { websockets } = sim.server.stats();
    if (websockets > 0) problems.push(`${websockets} WebSockets are left`);
    return [...problems, ...this.watch.problems];
  }

  /** The friend goes where the bot is. */
  #meet(): void {
    const { sim, watch } = this;
    const { channelId = CHANNEL } = watch.bot.session;
    if (this.#friend.session.channelId !== channelId) {
      sim.feedGateway({ type: "moveUser", guildId: GUILD, userId: FRIEND, channelId });
    }
    sim.run(SETTLED);
  }
}
