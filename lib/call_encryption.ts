/**
 * End-to-end encryption beside a session: it lives from Identify to the end of the voice session,
 * over every Resume; what it has to say goes out by the session's WebSocket and events.
 *
 * @module
 */

import { DAVE_VERSION, type EndToEnd, type EndToEndFactory } from "./end_to_end.ts";
import type { Outbox } from "./outbox.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "./payloads.ts";
import { isSnowflake } from "./snowflake.ts";

/** What the encryption of calls needs of its session. */
export interface CallEncryptionContext {
  /** Begins the encryption of a call; without it none is offered. */
  readonly factory: EndToEndFactory | undefined;
  /** The client's own user id. */
  readonly userId: string;
  /** Fills an array with random bytes. */
  readonly random: (into: Uint8Array) => void;
  /** Takes the events. */
  readonly outbox: Outbox;
  /** Sends a message. */
  readonly send: (message: VoiceSendPayload) => void;
}

/** The encryption of one call at a time. */
export class CallEncryption {
  readonly #context: CallEncryptionContext;
  #call: EndToEnd | undefined;
  #ready = false;

  /** @param context What it needs of its session. */
  constructor(context: CallEncryptionContext) {
    this.#context = context;
  }

  /** The encryption of the present call. */
  get call(): EndToEnd | undefined {
    return this.#call;
  }

  /**
   * A voice session begins. A channel whose id is no number cannot name a group.
   *
   * @param channelId The voice channel.
   * @returns The highest version that is offered; 0 is none.
   */
  begin(channelId: string): number {
    this.end();
    const { factory, userId, random } = this.#context;
    if (isSnowflake(channelId)) this.#call = factory?.({ userId, channelId, random });
    return this.#call === undefined ? 0 : DAVE_VERSION;
  }

  /** The voice session is over. */
  end(): void {
    this.#call?.close();
    this.#drain();
    this.#call = undefined;
  }

  /** Takes a message of the voice gateway, whatever it is about. */
  handle(message: VoiceReceivePayload, now: number): void {
    this.#call?.handle(message, now);
    this.#drain();
  }

  /** Does what is due. */
  expire(now: number): void {
    if ((this.#call?.pollTimeout() ?? Infinity) > now) return;
    this.#call?.expire(now);
    this.#drain();
  }

  #drain(): void {
    const { outbox, send } = this.#context;
    for (let output; (output = this.#call?.poll()) !== undefined;) {
      if (output.type === "send") send(output.message);
      else outbox.event(output.event);
    }
    const { ready = false } = this.#call ?? {};
    if (ready !== this.#ready) outbox.event({ type: "daveReady", ready });
    this.#ready = ready;
  }
}
