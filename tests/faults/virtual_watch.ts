/**
 * Watches a bot of a simulation: when it was ready, when it ended, which sockets it has open.
 *
 * @module
 */

import type { VoiceConnectError } from "../../lib/errors.ts";
import type { Output } from "../../lib/io.ts";
import type { VoiceSession } from "../../lib/session.ts";
import type { SimulatedBot } from "../../lib/testing/simulated_bot.ts";
import type { Simulation } from "../../lib/testing/simulation.ts";
import { BOT, GUILD } from "./cast.ts";
import type { Hang } from "./row.ts";

/** Ids of the bot's sockets that a row can come to. */
const MOST_IDS = 100;

/** Notes when the bot was ready, and when it ended. */
export class Watch {
  /** The bot. */
  readonly bot: SimulatedBot;
  /** When it was ready for the last time. */
  readyAt: number | undefined;
  /** When it ended. */
  closedAt: number | undefined;
  /** With what it ended. */
  error: VoiceConnectError | undefined;
  readonly #sockets: Sockets;
  readonly #hang: Hang | undefined;
  #hangs = 0;
  #hanging = false;

  /** Adds the bot to a simulation. */
  constructor(sim: Simulation, hang: Hang | undefined) {
    this.#hang = hang;
    this.bot = sim.bot({ userId: BOT, guildId: GUILD });
    this.#sockets = new Sockets(this.bot.session);
    const feed = this.bot.feed.bind(this.bot);
    this.bot.feed = (input) => {
      if (input.type === "websocketClose") this.#sockets.lose(input.id);
      const seen = this.bot.events.length;
      feed(input);
      for (const event of this.bot.events.slice(seen)) {
        if (event.type === "state" && event.to === "connected") this.readyAt = sim.now;
        if (event.type !== "closed") continue;
        this.closedAt = sim.now;
        this.error = event.error;
      }
      this.#hangUp();
    };
  }

  /** How it is now. */
  get end(): string {
    const { state } = this.bot.session;
    if (state === "connected") return "ready";
    if (this.closedAt === undefined) return `stuck in ${state}`;
    return this.error?.code ?? "gateway-closed";
  }

  /** What is wrong with the sockets, once all is over. */
  get problems(): string[] {
    const { times = 1 } = this.#hang ?? { times: 0 };
    const missed = this.#hangs < times ? ["the WebSocket was never closed"] : [];
    return [...missed, ...this.#sockets.problems];
  }

  /** The session's WebSocket has one of the ids; all others mean nothing to it. */
  #hangUp(): void {
    const { state, code, times = Infinity } = this.#hang ?? { state: "idle", code: 0, times: 0 };
    if (this.#hanging || this.#hangs >= times || this.bot.session.state !== state) return;
    this.#hanging = true;
    const lost = () => this.bot.events.filter(({ type }) => type === "disconnected").length;
    const before = lost();
    for (let id = 1; id <= MOST_IDS && lost() === before; id++) {
      this.bot.feed({ type: "websocketClose", id, code, reason: "" });
    }
    if (lost() > before) this.#hangs++;
    this.#hanging = false;
  }
}

/** The sockets that a session has open, by what it asks its driver to do. */
class Sockets {
  readonly #open = { udp: new Set<number>(), websocket: new Set<number>() };
  #most = 0;

  constructor(session: VoiceSession) {
    const pollOutput = session.pollOutput.bind(session);
    session.pollOutput = () => {
      const output = pollOutput();
      if (output !== undefined) this.#take(output);
      return output;
    };
  }

  /** The other side, or the network, has closed it. */
  lose(id: number): void {
    this.#open.websocket.delete(id);
  }

  /** What is wrong with them, once all is over. */
  get problems(): string[] {
    const { udp, websocket } = this.#open;
    const problems = this.#most > 1 ? [`had ${this.#most} sockets of a kind at a time`] : [];
    const left = udp.size + websocket.size;
    return left > 0 ? [...problems, `${left} sockets were never closed`] : problems;
  }

  #take(output: Output): void {
    const { udp, websocket } = this.#open;
    if (output.type === "openUdp") udp.add(output.id);
    else if (output.type === "closeUdp") udp.delete(output.id);
    else if (output.type === "openWebSocket") websocket.add(output.id);
    else if (output.type === "closeWebSocket") websocket.delete(output.id);
    this.#most = Math.max(this.#most, udp.size, websocket.size);
  }
}
