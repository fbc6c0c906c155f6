/**
 * Bots as the tests see them, whatever they are made of.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SpeakingFlags, type VoiceConnection } from "@sotto/voice";
import { until } from "../tools/waiting.ts";

/** A bot in a voice channel. */
export interface Bot {
  /** What it is made of. */
  readonly name: string;
  /** Its user id. */
  readonly userId: string;
  /** The encryption mode. */
  readonly mode: string | undefined;
  /** The own SSRC. */
  readonly ssrc: number | undefined;
  /**
   * Frames of silence in a row that are the end of what it says: two, as @discordjs/voice sends
   * a single one after a break too.
   */
  readonly closingSilence: number;
  /** Listens to another bot from now on. */
  hear(speaker: Bot): Promise<void>;
  /** Sends Speaking ahead of the audio. */
  speak(): void;
  /** Waits until packets of another bot would not be dropped for want of its Speaking. */
  knowsSpeaker(speaker: Bot): Promise<void>;
  /** Waits until a transition of DAVE was executed; tells the code that all members share then. */
  secured(transitionId: number): Promise<string | undefined>;
  /** Plays Opus packets, one every 20 ms; resolves once all are out. */
  play(packets: readonly Uint8Array[]): Promise<void>;
  /** Waits until another bot has fallen silent: what was heard of it, as hex. */
  heard(speaker: Bot): Promise<string[]>;
}

const SILENCE = "f8fffe";

/** Collects the Opus packets that a bot says, as hex and without silence. */
export class Transmission {
  /** What was heard. */
  readonly packets: string[] = [];
  readonly #closingSilence: number;
  #silence = 0;

  /** Hears a bot. */
  constructor(speaker: Bot) {
    this.#closingSilence = speaker.closingSilence;
  }

  /**
   * Takes the next packet.
   *
   * @returns Whether the transmission has ended.
   */
  push(opus: string): boolean {
    this.#silence = opus === SILENCE ? this.#silence + 1 : 0;
    if (opus !== SILENCE) this.packets.push(opus);
    return this.packets.length > 0 && this.#silence >= this.#closingSilence;
  }
}

/** A bot of our own. */
export class OwnBot implements Bot, AsyncDisposable {
  readonly name = "VoiceConnection";
  readonly userId: string;
  readonly closingSilence = 2;
  /** The connection. */
  readonly connection: VoiceConnection;
  readonly #heard = new Map<string, Promise<string[]>>();
  readonly #transitions: readonly number[];

  /** Drives a connection, whose transitions of DAVE are put into `transitions`. */
  constructor(userId: string, connection: VoiceConnection, transitions: readonly number[] = []) {
    this.userId = userId;
    this.connection = connection;
    this.#transitions = transitions;
  }

  get mode(): string | undefined {
    return this.connection.mode;
  }

  get ssrc(): number | undefined {
    return this.connection.ssrc;
  }

  hear(speaker: Bot): Promise<void> {
    this.#heard.set(speaker.userId, this.#listen(speaker));
    return Promise.resolve();
  }

  speak(): void {
    this.connection.setSpeaking(SpeakingFlags.Microphone);
  }

  /** At once: packets that overtake Speaking are held. */
  knowsSpeaker(): Promise<void> {
    return Promise.resolve();
  }

  async secured(transitionId: number): Promise<string | undefined> {
    await until(() => this.#transitions.includes(transitionId));
    return this.connection.dave?.privacyCode;
  }

  async play(packets: readonly Uint8Array[]): Promise<void> {
    const { packetsSent } = await this.connection.play(packets);
    assertEquals(packetsSent, packets.length);
  }

  async heard({ userId }: Bot): Promise<string[]> {
    return await this.#heard.get(userId) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }

  async #listen(speaker: Bot): Promise<string[]> {
    const transmission = new Transmission(speaker);
    for await (const voice of this.connection.speakers()) {
      if (voice.userId !== speaker.userId) continue;
      for await (const { opus } of voice) {
        if (transmission.push(toHex(opus))) return transmission.packets;
      }
    }
    return transmission.packets;
  }
}

/** Writes bytes as hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
