/**
 * One stay in a channel: a connection of this package, opened with what the main gateway has
 * answered already. It recovers by itself; what it asks of the main gateway goes through the
 * owner's adapter, which outlives it.
 *
 * @module
 */

import type { VoiceServerUpdate, VoiceStatePayload, VoiceStateUpdate } from "../../lib/gateway.ts";
import type { SessionEvent } from "../../lib/io.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import { type JoinVoiceOptions, VoiceConnection } from "../connection.ts";
import type { DiscordGatewayAdapterLibraryMethods } from "../gateway_adapter.ts";
import { guarded } from "../listeners.ts";
import type { Speaker } from "../receive/speakers.ts";
import type { GatewayAnswer } from "./gateway_record.ts";
import { runtimeTransport } from "./runtime_transport.ts";

/** Who hears what happens in a call. */
export interface CallHandlers {
  /** Op 4 of a recovery is to be sent. */
  send(payload: VoiceStatePayload): boolean;
  /** Something has happened. */
  event(event: SessionEvent): void;
  /** A frame of a known user has come. */
  frame(frame: ReceivedFrame): void;
}

/** What of a call is the caller's choice. */
export type CallOptions = Pick<
  JoinVoiceOptions,
  | "guildId"
  | "selfMute"
  | "selfDeaf"
  | "daveEncryption"
  | "decryptionFailureTolerance"
  | "logger"
>;

/** A stay in a channel. */
export class Call {
  /** The connection. */
  readonly connection: VoiceConnection;
  readonly #handlers: CallHandlers;
  #methods!: DiscordGatewayAdapterLibraryMethods;
  #hasAsked = false;
  #isOver = false;

  /**
   * Makes the connection; `begin` lets it connect.
   *
   * @throws {RangeError} An option is malformed.
   */
  constructor({ state }: GatewayAnswer, options: CallOptions, handlers: CallHandlers) {
    this.#handlers = handlers;
    this.connection = VoiceConnection.open(runtimeTransport(), {
      ...options,
      channelId: state.channel_id,
      userId: state.user_id,
      onEvent: (event) => this.#isOver || handlers.event(event),
      adapterCreator: (methods) => {
        this.#methods = methods;
        return { sendPayload: (payload) => this.#send(payload), destroy: () => {} };
      },
    });
  }

  /** Connects. */
  begin({ state, server }: GatewayAnswer): void {
    void this.#hear();
    this.takeState(state);
    this.takeServer(server);
  }

  /** The main gateway has told the bot's own voice state. */
  takeState(state: VoiceStateUpdate): void {
    this.#methods.onVoiceStateUpdate(state);
  }

  /** The main gateway has told a voice server. */
  takeServer(server: VoiceServerUpdate): void {
    this.#methods.onVoiceServerUpdate(server);
  }

  /** Ends the call; the main gateway is the caller's business. */
  end(): void {
    this.#isOver = true;
    this.connection.leave();
  }

  /** The first op 4 was sent, and answered, before there was a call. */
  #send(payload: VoiceStatePayload): boolean {
    if (this.#isOver || !this.#hasAsked) return this.#hasAsked = true;
    return this.#handlers.send(payload);
  }

  async #hear(): Promise<void> {
    for await (const speaker of this.connection.speakers()) void this.#follow(speaker);
  }

  async #follow(speaker: Speaker): Promise<void> {
    for await (const frame of speaker) {
      if (!this.#isOver) guarded(() => this.#handlers.frame(frame));
    }
  }
}
