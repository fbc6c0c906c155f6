/**
 * Voice sessions, a voice server and a main gateway on virtual time, over links that
 * delay, lose and repeat datagrams. One seed gives one course of events, so a failure
 * comes again. Nothing waits: an hour passes in the time its events take.
 *
 * Theory of operation: WebSockets and the gateway deliver in order after `delay`;
 * datagrams take up to `jitter` longer and so overtake each other. Sessions and servers
 * are driven exactly as adapters do it: inputs, then outputs, then the timer.
 *
 * @module
 */

import type { DiscoveredAddress } from "../ip_discovery.ts";
import type { VoiceStatePayload } from "../gateway.ts";
import type { SessionOptions } from "../session.ts";
import type { FaultRule } from "./faults.ts";
import type { GatewayDispatch, GatewayInput } from "./gateway_io.ts";
import { GatewayStub } from "./gateway_stub.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { ServerEvent } from "./server_events.ts";
import type { ServerInput, VoiceServerOptions } from "./server_io.ts";
import { type BotNetwork, SimulatedBot } from "./simulated_bot.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { VoiceServer } from "./voice_server.ts";

export { type SimulatedBot, type SimulatedFrame } from "./simulated_bot.ts";

/** How a simulation behaves; everything has a default. */
export interface SimulationOptions {
  /** Chooses the course of events; 1 by default. */
  readonly seed?: number;
  /** Milliseconds that everything takes one way; 20 by default. */
  readonly delay?: number;
  /** Most milliseconds that a datagram takes longer; 0 by default. */
  readonly jitter?: number;
  /** Share of datagrams that are lost, 0 to 1; 0 by default. */
  readonly loss?: number;
  /** Share of datagrams that come twice, 0 to 1; 0 by default. */
  readonly duplicates?: number;
  /** How the voice server behaves. */
  readonly server?: Omit<Partial<VoiceServerOptions>, "random" | "port" | "address" | "faults">;
  /** The `endpoint` of VOICE_SERVER_UPDATE; whatever it is, it leads to the voice server. */
  readonly endpoint?: string;
  /** Faults of both servers; none by default. */
  readonly faults?: readonly FaultRule[];
}

/** What a bot of a simulation is made of. */
export interface BotOptions extends Omit<SessionOptions, "guildId" | "random"> {
  /** Guild id; `1` by default. */
  readonly guildId?: string;
}

/** Inputs of one moment after which a simulation is taken for stuck. */
const SPIN_LIMIT = 10_000;

const SERVER_PORT = 5000;
const FIRST_CLIENT_PORT = 40_000;
const ENDPOINT = "ws://127.0.0.1:5000";

interface Driven {
  pollTimeout(): number | undefined;
  wake(): void;
}

interface Link {
  readonly bot: SimulatedBot;
  readonly id: number;
}

/** Runs bots and servers on virtual time. */
export class Simulation {
  /** The voice server; give it inputs by `feedServer`. */
  readonly server: VoiceServer;
  /** The main gateway; give it inputs by `feedGateway`. */
  readonly gateway: GatewayStub;
  /** What the servers have reported; yours to clear. */
  readonly events: ServerEvent[] = [];
  readonly #options: SimulationOptions;
  readonly #clock = new VirtualClock();
  readonly #random: SeededRandom;
  readonly #driven: Driven[];
  readonly #bots: SimulatedBot[] = [];
  readonly #websockets = new Map<number, Link>();
  readonly #udp = new Map<number, Link>();
  #lastWebSocket = 0;
  #lastPort: number = FIRST_CLIENT_PORT;

  /**
   * Starts without bots, at moment 0.
   *
   * @param options Seed, links, server, faults.
   * @throws {RangeError} An option is out of range.
   */
  constructor(options: SimulationOptions = {}) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    const random = (into: Uint8Array) => this.#random.fill(into);
    const { endpoint = ENDPOINT, faults } = options;
    this.server = new VoiceServer({ ...options.server, random, port: SERVER_PORT, faults });
    this.gateway = new GatewayStub({ random, endpoint, url: "ws://127.0.0.1:5001", faults });
    this.#driven = [
      { pollTimeout: () => this.server.pollTimeout(), wake: () => this.feedServer(TIMEOUT) },
      { pollTimeout: () => this.gateway.pollTimeout(), wake: () => this.feedGateway(TIMEOUT) },
    ];
  }

  /** The present moment in milliseconds. */
  get now(): number {
    return this.#clock.now;
  }

  /**
   * Adds a bot.
   *
   * @param options Identity and crypto.
   * @returns The bot, not yet in a channel.
   */
  bot(options: BotOptions): SimulatedBot {
    const { userId, guildId = "1" } = options;
    const random = (into: Uint8Array) => this.#random.fill(into);
    const known = this.#bots.some((bot) => bot.userId === userId);
    if (!known) this.feedGateway({ type: "attach", userId });
    const bot = new SimulatedBot({ ...options, guildId, random }, this.#network());
    this.#bots.push(bot);
    this.#driven.push(bot);
    return bot;
  }

  /**
   * Lets time pass.
   *
   * @param duration Milliseconds.
   * @throws {Error} Somebody asks to be woken at the same moment again and again.
   */
  run(duration: number): void {
    const end = this.now + duration;
    for (let spins = 0; this.#next() <= end;) {
      const next = this.#next();
      spins = next > this.now ? 0 : spins + 1;
      if (spins > SPIN_LIMIT) {
        throw new Error(`Cannot run on: ${SPIN_LIMIT} inputs at ${this.now} ms brought no rest`);
      }
      this.#clock.advance(next);
      for (const driven of this.#driven) {
        if ((driven.pollTimeout() ?? Infinity) <= this.now) driven.wake();
      }
    }
    this.#clock.advance(end);
  }

  /**
   * Gives an input to the voice server now.
   *
   * @param input For example `closeClient`.
   */
  feedServer(input: ServerInput): void {
    this.server.handleInput(input, this.now);
    for (let output; (output = this.server.pollOutput()) !== undefined;) {
      switch (output.type) {
        case "sendWebSocket": {
          const { id, data } = output;
          this.#toBot(id, (link) => link.bot.feed({ type: "websocketMessage", id: link.id, data }));
          break;
        }
        case "closeWebSocket": {
          const { id, code, reason } = output;
          this.#toBot(id, (link) => {
            this.#websockets.delete(id);
            link.bot.feed({ type: "websocketClose", id: link.id, code, reason });
          });
          break;
        }
        case "cutWebSocket":
          this.#breakWebSocket(output.id);
          break;
        case "transmit":
          this.#sendToBot(output.to.port, output.datagram);
          break;
        case "event":
          this.events.push(output.event);
      }
    }
  }

  /**
   * Gives an input to the main gateway now.
   *
   * @param input For example `moveUser`.
   */
  feedGateway(input: GatewayInput): void {
    this.gateway.handleInput(input, this.now);
    for (let output; (output = this.gateway.pollOutput()) !== undefined;) {
      if (output.type === "voice") this.feedServer(output.input);
      else if (output.type === "event") this.events.push(output.event);
      else if (output.type === "dispatch") this.#dispatch(output.userId, output.dispatch);
      else if (output.type === "destroy") this.#destroy(output.userId);
    }
  }

  /**
   * Replaces the faults of both servers.
   *
   * @param faults The new ones.
   * @throws {RangeError} One is none; nothing has changed.
   */
  setFaults(faults: readonly FaultRule[]): void {
    this.feedServer({ type: "setFaults", faults });
    this.feedGateway({ type: "setFaults", faults });
  }

  #next(): number {
    let next = this.#clock.next;
    for (const driven of this.#driven) next = Math.min(next, driven.pollTimeout() ?? Infinity);
    return next;
  }

  #later(run: () => void, extra = 0): void {
    this.#clock.plan(this.now + (this.#options.delay ?? 20) + extra, run);
  }

  #dispatch(userId: string, { name, data }: GatewayDispatch): void {
    for (const bot of this.#bots) {
      if (bot.userId !== userId || data.guild_id !== bot.guildId) continue;
      this.#later(() =>
        name === "VOICE_STATE_UPDATE"
          ? bot.feed({ type: "voiceState", data })
          : bot.feed({ type: "voiceServer", data })
      );
    }
  }

  /** Nothing comes from a gateway library that has closed; its bots leave, as adapters have it. */
  #destroy(userId: string): void {
    for (const bot of this.#bots) {
      if (bot.userId === userId) this.#clock.plan(this.now, () => bot.leave());
    }
  }

  #sendGateway(bot: SimulatedBot, data: VoiceStatePayload["d"]): void {
    const { userId } = bot;
    if (this.gateway.refuses(userId)) {
      return this.#clock.plan(this.now, () => bot.feed({ type: "gatewayRefused" }));
    }
    this.#later(() => {
      if (!this.gateway.refuses(userId)) this.feedGateway({ type: "voiceState", userId, data });
    });
  }

  #network(): BotNetwork {
    return {
      now: () => this.now,
      sendGateway: (bot, data) => this.#sendGateway(bot, data),
      openWebSocket: (bot, id, path) => this.#openWebSocket({ bot, id }, path),
      sendWebSocket: (bot, id, data) =>
        this.#toServer(
          bot,
          id,
          (serverId) => this.feedServer({ type: "websocketMessage", id: serverId, data }),
        ),
      closeWebSocket: (bot, id, code) =>
        this.#toServer(bot, id, (serverId) => {
          this.#websockets.delete(serverId);
          this.feedServer({ type: "websocketClose", id: serverId, code });
        }),
      cutWebSocket: (bot, id) => this.#cutWebSocket(bot, id),
      openUdp: (bot, id) => {
        const port = ++this.#lastPort;
        this.#udp.set(port, { bot, id });
        this.#clock.plan(this.now, () => bot.feed({ type: "udpOpen", id }));
        return port;
      },
      closeUdp: (port) => void this.#udp.delete(port),
      transmit: (port, datagram) => this.#sendToServer(port, datagram),
    };
  }

  #openWebSocket(link: Link, path: string): void {
    const serverId = ++this.#lastWebSocket;
    this.#websockets.set(serverId, link);
    this.#later(() => {
      if (!this.#websockets.has(serverId)) return;
      this.#later(() => link.bot.feed({ type: "websocketOpen", id: link.id }));
      this.feedServer({ type: "websocketOpen", id: serverId, path });
    });
  }

  #serverIdOf(bot: SimulatedBot, id: number): number | undefined {
    for (const [serverId, link] of this.#websockets) {
      if (link.bot === bot && link.id === id) return serverId;
    }
    return undefined;
  }

  #toServer(bot: SimulatedBot, id: number, run: (serverId: number) => void): void {
    const serverId = this.#serverIdOf(bot, id);
    if (serverId !== undefined) this.#later(() => this.#websockets.has(serverId) && run(serverId));
  }

  #toBot(serverId: number, run: (link: Link) => void): void {
    this.#later(() => {
      const link = this.#websockets.get(serverId);
      if (link !== undefined) run(link);
    });
  }

  #cutWebSocket(bot: SimulatedBot, id: number): void {
    const serverId = this.#serverIdOf(bot, id);
    if (serverId === undefined) return;
    this.#websockets.delete(serverId);
    bot.feed({ type: "websocketClose", id, code: 1006, reason: "" });
    this.feedServer({ type: "websocketClose", id: serverId, code: 1006 });
  }

  /** The server's side of a WebSocket is gone; the bot sees it a moment later. */
  #breakWebSocket(serverId: number): void {
    this.#toBot(serverId, ({ bot, id }) => {
      this.#websockets.delete(serverId);
      bot.feed({ type: "websocketClose", id, code: 1006, reason: "" });
    });
  }

  #sendToServer(port: number, datagram: Uint8Array): void {
    const from: DiscoveredAddress = { address: "127.0.0.1", port };
    this.#carry(datagram, (data) => this.feedServer({ type: "datagram", from, data }));
  }

  #sendToBot(port: number, datagram: Uint8Array): void {
    this.#carry(datagram, (data) => {
      const link = this.#udp.get(port);
      link?.bot.receive(link.id, data);
    });
  }

  #carry(datagram: Uint8Array, deliver: (datagram: Uint8Array) => void): void {
    const { loss = 0, duplicates = 0, jitter = 0 } = this.#options;
    if (this.#random.next() < loss) return;
    const copies = this.#random.next() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const data = datagram.slice();
      this.#later(() => deliver(data), this.#random.next() * jitter);
    }
  }
}

const TIMEOUT = { type: "timeout" } as const;
