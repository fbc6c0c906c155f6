/**
 * A server on real sockets for one row, and what happens there. Times of a row are scaled: its
 * deadlines, delays and moments, but not backoff, which belongs to the client.
 *
 * @module
 */

import type { DiscordGatewayAdapterCreator } from "../../adapters/gateway_adapter.ts";
import {
  type FaultRule,
  type RunningVoiceServer,
  type ServerEvent,
  startVoiceServer,
} from "../../adapters/testing/mod.ts";
import { aimed, BOT, CHANNEL, FRIEND, GUILD } from "./cast.ts";
import type { Deed, FaultRow, Step } from "./row.ts";

/** By how much times of a row are shorter than on the virtual clock. */
export const SCALE = 0.2;

/** Milliseconds between heartbeats; 13 750 of the virtual clock would be too long to wait for. */
const HEARTBEAT = 1000;
/** With it the server takes tokens of the gateway stub alone. */
const UNUSED_TOKEN = "token-that-nobody-has";
const POLL = 10;

/** How a stage is opened. */
export interface StageOptions {
  /** Host and port of a TLS front. */
  readonly endpoint?: string;
  /** Whether the bot's adapter hears of other users. */
  readonly otherUsers?: boolean;
}

/** A server on real sockets. */
export class RealStage implements AsyncDisposable {
  /** The server. */
  readonly server: RunningVoiceServer;
  /** When op 4 of the bot reached the main gateway, by `performance.now`. */
  readonly op4: number[] = [];
  readonly #events: readonly ServerEvent[];
  readonly #endpoint: string | undefined;
  #isOver: () => boolean = () => false;

  private constructor(
    server: RunningVoiceServer,
    events: readonly ServerEvent[],
    endpoint: string | undefined,
  ) {
    this.server = server;
    this.#events = events;
    this.#endpoint = endpoint;
    // The main gateway knows the bot before it joins.
    server.adapterCreator(BOT)({
      onVoiceServerUpdate: () => {},
      onVoiceStateUpdate: () => {},
      destroy: () => {},
    });
  }

  /** Starts a server for a row. */
  static async open({ server }: FaultRow, options: StageOptions = {}): Promise<RealStage> {
    const events: ServerEvent[] = [];
    const running = await startVoiceServer({
      ...server,
      ...options,
      token: UNUSED_TOKEN,
      heartbeatInterval: HEARTBEAT,
      onEvent: (event) => events.push(event),
    });
    return new RealStage(running, events, options.endpoint);
  }

  /** Faults that were committed, as `Ready lose`. */
  get faults(): string[] {
    return this.#events.flatMap((event) =>
      event.type === "fault" ? [`${event.on} ${event.fault}`] : []
    );
  }

  /**
   * The bot's adapter, which notes op 4 that are taken.
   *
   * @param isGenerous Whether op 4 for the channel in which the bot already is brings a voice server;
   * it does not by default, as with Discord often.
   */
  adapterOfBot(isGenerous: boolean = false): DiscordGatewayAdapterCreator {
    const create = this.server.adapterCreator(BOT);
    return (methods) => {
      const { sendPayload, destroy } = create(methods);
      return {
        destroy,
        sendPayload: (payload) => {
          if (isGenerous && this.op4.length > 0) {
            sendPayload({ ...payload, d: { ...payload.d, channel_id: null } });
          }
          const isSent = sendPayload(payload);
          if (isSent) this.op4.push(performance.now());
          return isSent;
        },
      };
    };
  }

  /** The friend's adapter, which leads past a TLS front. */
  adapterOfFriend(): DiscordGatewayAdapterCreator {
    const create = this.server.adapterCreator(FRIEND);
    const { url } = this.server;
    return (methods) =>
      create({
        destroy: () => methods.destroy(),
        onVoiceStateUpdate: (data) => methods.onVoiceStateUpdate(data),
        onVoiceServerUpdate: (data) =>
          methods.onVoiceServerUpdate(
            data.endpoint === this.#endpoint ? { ...data, endpoint: url } : data,
          ),
      });
  }

  /** Tells when the bot's connection is over: then nothing more is done to it. */
  endsWhen(isOver: () => boolean): void {
    this.#isOver = isOver;
  }

  /** Sets faults for the bot. */
  setFaults(faults: readonly FaultRule[]): void {
    this.server.setFaults(aimed(faults).map(scaledRule));
  }

  /**
   * Does one thing after another, each in its scaled time.
   *
   * @param steps What.
   * @param origin When the time begins, by `performance.now`.
   */
  async play(steps: readonly Step[], origin: number): Promise<void> {
    for (const step of steps) {
      const at = origin + step.at * SCALE;
      await waitUntil(() => performance.now() >= at || this.#isOver());
      if (this.#isOver()) return;
      this.perform(step);
    }
  }

  /** Does something. */
  perform(deed: Deed): void {
    const { server } = this;
    switch (deed.do) {
      case "setFaults":
        return this.setFaults(deed.faults);
      case "close":
        return server.closeClient({ userId: BOT }, deed.code);
      case "cut":
        return server.cutClient({ userId: BOT });
      case "move":
        return server.moveUser(GUILD, BOT, deed.channelId);
      case "kick":
        return server.disconnectUser(GUILD, BOT);
      case "reallocate":
        return server.reallocate(GUILD);
      case "limit":
        return server.setUserLimit(GUILD, CHANNEL, deed.limit);
      case "interrupt": {
        const { duration, resumed, refuses } = deed;
        return server.interruptGateway(BOT, { duration: duration * SCALE, resumed, refuses });
      }
      case "closeShard":
        return server.closeShard(BOT);
      case "friendMoves":
        return server.moveUser(GUILD, FRIEND, deed.channelId);
      default:
        throw new Error(`Cannot do ${deed.do}: it is for the virtual clock`);
    }
  }

  /** Closes the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

/** Milliseconds, scaled, until the last step of a row and what it does are over. */
export function lengthOf(steps: readonly Step[]): number {
  const ends = steps.map((step) => step.at + (step.do === "interrupt" ? step.duration : 0));
  return Math.max(0, ...ends) * SCALE;
}

/** Waits until something has come true. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, POLL));
}

function scaledRule(rule: FaultRule): FaultRule {
  const { fault } = rule;
  if (typeof fault === "string") return rule;
  if ("late" in fault) return { ...rule, fault: { late: fault.late * SCALE } };
  if ("nullFirst" in fault) return { ...rule, fault: { nullFirst: fault.nullFirst * SCALE } };
  return rule;
}
