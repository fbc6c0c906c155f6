/**
 * How a gateway library hands its share to a voice connection, in the shape that
 * discord.js and Oceanic already have (`guild.voiceAdapterCreator`).
 *
 * @module
 */

import type { VoiceServerUpdate, VoiceStatePayload, VoiceStateUpdate } from "../lib/gateway.ts";

/** What the connection gives to the gateway library. */
export interface DiscordGatewayAdapterLibraryMethods {
  /** The gateway library is gone, or will send no more updates. */
  destroy(): void;
  /** VOICE_SERVER_UPDATE of this guild. */
  onVoiceServerUpdate(data: VoiceServerUpdate): void;
  /** VOICE_STATE_UPDATE; those of other users are left aside. */
  onVoiceStateUpdate(data: VoiceStateUpdate): void;
}

/** What the gateway library gives to the connection. */
export interface DiscordGatewayAdapterImplementerMethods {
  /** The connection is gone. */
  destroy(): void;
  /**
   * Sends a payload to the main gateway.
   *
   * @returns Whether it could be sent.
   */
  // deno-lint-ignore no-explicit-any -- discord.js and Oceanic declare it so
  sendPayload(payload: any): boolean;
}

/** Connects a gateway library and a voice connection. */
export type DiscordGatewayAdapterCreator = (
  methods: DiscordGatewayAdapterLibraryMethods,
) => DiscordGatewayAdapterImplementerMethods;

export type { VoiceServerUpdate, VoiceStatePayload, VoiceStateUpdate };
