/**
 * What all bindings have in common: which connections are in which guild, whose updates they
 * get, and that nothing listens while there is no connection.
 *
 * @module
 */

import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterLibraryMethods,
  VoiceStatePayload,
} from "../gateway_adapter.ts";
import { readSnowflake, readVoicePacket, type VoicePacket } from "./packets.ts";

/** A gateway library, bound to the voice connections of one bot in any number of guilds. */
export interface GatewayBinding extends Disposable {
  /**
   * What `joinVoice` takes. Its connection hears of this guild and of the bot's own voice state
   * only, and hears nothing more once it is destroyed.
   *
   * @param guildId Guild id.
   * @returns The adapter of one guild, as `guild.voiceAdapterCreator` of discord.js.
   * @throws {RangeError} The id is no snowflake.
   */
  adapterCreator(guildId: string | bigint): DiscordGatewayAdapterCreator;
  /**
   * Takes a dispatch of the main gateway that the binding has not heard by itself. What voice
   * does not need, and what is malformed, is left aside.
   *
   * @param packet `{ t, d }`: keys in snake_case or camelCase, snowflakes as text or bigint.
   */
  dispatch(packet: unknown): void;
  /** All connections leave, and nothing listens any more. Connections may be made anew. */
  destroy(): void;
}

/** What is peculiar to one gateway library. */
export interface GatewayLink {
  /** The bot's user id, as far as it is known. */
  userId(): unknown;
  /** Sends op 4 by the shard of a guild. What throws or returns `false` has not sent it. */
  send(guildId: string, payload: VoiceStatePayload): unknown;
  /** Begins to listen to the library; returns how to end that. */
  listen?(dispatch: (packet: unknown) => void): () => void;
}

interface Adapter {
  readonly guildId: string;
  readonly methods: DiscordGatewayAdapterLibraryMethods;
}

/**
 * Binds a gateway library.
 *
 * @param link What is peculiar to it.
 */
export function bindGateway(link: GatewayLink): GatewayBinding {
  return new Binding(link);
}

class Binding implements GatewayBinding {
  readonly #link: GatewayLink;
  readonly #adapters = new Set<Adapter>();
  #unlisten: (() => void) | undefined;
  #readyUserId: string | undefined;

  constructor(link: GatewayLink) {
    this.#link = link;
  }

  adapterCreator(guildId: string | bigint): DiscordGatewayAdapterCreator {
    const id = readSnowflake(guildId);
    if (id === undefined) {
      throw new RangeError("Cannot bind a guild: its id is no snowflake, want a decimal number");
    }
    return (methods) => {
      const adapter: Adapter = { guildId: id, methods };
      this.#add(adapter);
      return {
        sendPayload: (payload: VoiceStatePayload) =>
          this.#adapters.has(adapter) && isSent(() => this.#link.send(id, payload)),
        destroy: () => this.#remove(adapter),
      };
    };
  }

  dispatch(packet: unknown): void {
    const read = readVoicePacket(packet);
    if (read?.t === "READY") this.#readyUserId = read.userId;
    else if (read !== undefined) this.#deliver(read);
  }

  destroy(): void {
    this.#tell((adapter) => {
      adapter.methods.destroy();
      this.#remove(adapter);
    });
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #deliver(packet: Exclude<VoicePacket, { t: "READY" }>): void {
    if (packet.t === "VOICE_STATE_UPDATE" && packet.d.user_id !== this.#userId) return;
    this.#tell(({ guildId, methods }) => {
      if (guildId !== packet.guildId) return;
      if (packet.t === "VOICE_STATE_UPDATE") methods.onVoiceStateUpdate(packet.d);
      else methods.onVoiceServerUpdate(packet.d);
    });
  }

  /** What is told may destroy adapters, which then hear no more, and add some, which come later. */
  #tell(say: (adapter: Adapter) => void): void {
    for (const adapter of [...this.#adapters]) {
      if (this.#adapters.has(adapter)) say(adapter);
    }
  }

  get #userId(): string | undefined {
    return readSnowflake(this.#link.userId()) ?? this.#readyUserId;
  }

  #add(adapter: Adapter): void {
    this.#adapters.add(adapter);
    this.#unlisten ??= this.#link.listen?.((packet) => this.dispatch(packet));
  }

  #remove(adapter: Adapter): void {
    this.#adapters.delete(adapter);
    if (this.#adapters.size > 0) return;
    this.#unlisten?.();
    this.#unlisten = undefined;
  }
}

/** Whether a payload has been taken. Whoever promises to send it may still fail, unheard. */
function isSent(send: () => unknown): boolean {
  try {
    const result = send();
    if (result === false) return false;
    Promise.resolve(result).catch(() => {});
    return true;
  } catch {
    return false;
  }
}
