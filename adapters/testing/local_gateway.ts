/**
 * The main gateway's stand-in for bots in the same process, in the shape of discord.js'
 * gateway adapters. As there, an adapter hears of its own guilds and its own user only,
 * and never from inside `sendPayload`.
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
  readonly #adapters = new Map<string, Set<Adapter>>();

  /** @param driver Drives the gateway stub. */
  constructor(driver: ServerDriver) {
    this.#driver = driver;
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
    if (op !== 4 || !attached || this.#driver.closed) return false;
    adapter.guilds.add(d.guild_id);
    this.#driver.feedGateway({ type: "voiceState", userId, data: d });
    return true;
  }

  #dispatch(userId: string, { name, data }: GatewayDispatch): void {
    if (name === "VOICE_STATE_UPDATE" && data.user_id !== userId) return;
    for (const { methods, guilds } of this.#adapters.get(userId) ?? []) {
      if (!guilds.has(data.guild_id ?? "")) continue;
      if (name === "VOICE_STATE_UPDATE") methods.onVoiceStateUpdate(data);
      else methods.onVoiceServerUpdate(data);
    }
  }
}
