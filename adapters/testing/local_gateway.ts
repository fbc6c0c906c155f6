/**
 * The main gateway's stand-in for bots in the same process, in the shape of discord.js'
 * gateway adapters. As there, an adapter hears of its own guilds and its own user only,
 * and never from inside `sendPayload`. Where it is told so it hears of other users too, as
 * adapters written by hand do.
 *
 * @module
 */

import type { GatewayDispatch } from "../../lib/testing/gateway_io.ts";
import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterLibraryMethods,
  VoiceStatePayload,
} from "../gateway_adapter.ts";
import type { ServerDriver } from "./driver.ts";

interface Adapter {
  readonly methods: DiscordGatewayAdapterLibraryMethods;
  readonly guilds: Set<string>;
}

/** Makes gateway adapters. */
export class LocalGateway {
  readonly #driver: ServerDriver;
  readonly #otherUsers: boolean;
  readonly #adapters = new Map<string, Set<Adapter>>();

  /**
   * Starts without adapters.
   *
   * @param driver Drives the gateway stub.
   * @param otherUsers Whether adapters hear of other users too.
   */
  constructor(driver: ServerDriver, otherUsers: boolean) {
    this.#driver = driver;
    this.#otherUsers = otherUsers;
    driver.onDestroy = (userId) => this.#destroy(userId);
    driver.onDispatch = (userId, dispatch) =>
      queueMicrotask(() => this.#dispatch(userId, dispatch));
  }

  /** Makes adapters of one user; see `RunningVoiceServer.adapterCreator`. */
  adapterCreator(userId: string): DiscordGatewayAdapterCreator {
    return (methods) => {
      const adapter: Adapter = { methods, guilds: new Set() };
      this.#add(userId, adapter);
      return {
        sendPayload: (payload: VoiceStatePayload) => this.#send(userId, adapter, payload),
        destroy: () => this.#remove(userId, adapter),
      };
    };
  }

  #add(userId: string, adapter: Adapter): void {
    const adapters = this.#adapters.get(userId);
    if (adapters !== undefined) return void adapters.add(adapter);
    this.#driver.feedGateway({ type: "attach", userId });
    this.#adapters.set(userId, new Set([adapter]));
  }

  #remove(userId: string, adapter: Adapter): void {
    const adapters = this.#adapters.get(userId);
    if (adapters?.delete(adapter) !== true || adapters.size > 0) return;
    this.#adapters.delete(userId);
    this.#driver.feedGateway({ type: "detach", userId });
  }

  #send(userId: string, adapter: Adapter, { op, d }: VoiceStatePayload): boolean {
    const attached = this.#adapters.get(userId)?.has(adapter) === true;
    if (op !== 4 || !attached || this.#driver.refuses(userId)) return false;
    adapter.guilds.add(d.guild_id);
    this.#driver.feedGateway({ type: "voiceState", userId, data: d });
    return true;
  }

  #destroy(userId: string): void {
    const adapters = this.#adapters.get(userId) ?? [];
    this.#adapters.delete(userId);
    queueMicrotask(() => {
      for (const { methods } of adapters) methods.destroy();
    });
  }

  #dispatch(userId: string, { name, data }: GatewayDispatch): void {
    const foreign = name === "VOICE_STATE_UPDATE" && data.user_id !== userId;
    if (foreign && !this.#otherUsers) return;
    for (const { methods, guilds } of this.#adapters.get(userId) ?? []) {
      if (!guilds.has(data.guild_id ?? "")) continue;
      if (name === "VOICE_STATE_UPDATE") methods.onVoiceStateUpdate(data);
      else methods.onVoiceServerUpdate(data);
    }
  }
}
