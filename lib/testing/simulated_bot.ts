/**
 * A bot of a simulation: a `VoiceSession` and the driver's part for it.
 *
 * @module
 */

import { MAX_FRAME_OVERHEAD } from "../end_to_end.ts";
import type { VoiceStatePayload } from "../gateway.ts";
import type { Input, Output, SessionEvent } from "../io.ts";
import { MAX_PACKET_OVERHEAD } from "../packet.ts";
import { Receiver } from "../receiver.ts";
import { RTP_HEADER_SIZE } from "../rtp_header.ts";
import { type SessionOptions, VoiceSession } from "../session.ts";

/** What a datagram has beyond its frame. */
const HEADROOM = RTP_HEADER_SIZE + MAX_PACKET_OVERHEAD + MAX_FRAME_OVERHEAD;

/** What a bot uses of the simulated network. */
export interface BotNetwork {
  /** The present moment. */
  now(): number;
  /** Sends op 4. */
  sendGateway(bot: SimulatedBot, data: VoiceStatePayload["d"]): void;
  /** Opens a WebSocket. */
  openWebSocket(bot: SimulatedBot, id: number, path: string): void;
  /** Sends a message. */
  sendWebSocket(bot: SimulatedBot, id: number, data: string | Uint8Array): void;
  /** Closes a WebSocket. */
  closeWebSocket(bot: SimulatedBot, id: number, code: number): void;
  /** Breaks a WebSocket: both sides see 1006. */
  cutWebSocket(bot: SimulatedBot, id: number): void;
  /** Opens a UDP socket. @returns Its port. */
  openUdp(bot: SimulatedBot, id: number): number;
  /** Closes a UDP socket. */
  closeUdp(port: number): void;
  /** Sends a datagram to the server. */
  transmit(port: number, datagram: Uint8Array): void;
}

/** A frame that a bot has heard. */
export interface SimulatedFrame {
  /** Who speaks, where that was known when the frame came; with DAVE it always is. */
  readonly userId: string | undefined;
  /** With which SSRC. */
  readonly ssrc: number;
  /** RTP sequence number. */
  readonly sequence: number;
  /** RTP timestamp. */
  readonly timestamp: number;
  /** When it came, in milliseconds. */
  readonly at: number;
  /** The Opus packet. */
  readonly opus: Uint8Array;
}

/** A bot of a simulation. */
export class SimulatedBot {
  /** User id. */
  readonly userId: string;
  /** Guild id. */
  readonly guildId: string;
  /** The session; give it commands by the methods of the bot. */
  readonly session: VoiceSession;
  /** What the session has reported; yours to clear. */
  readonly events: SessionEvent[] = [];
  /** What the bot has heard; yours to clear. */
  readonly frames: SimulatedFrame[] = [];
  /** Opens frames that are end-to-end encrypted. */
  readonly receiver: Receiver;
  readonly #network: BotNetwork;
  readonly #websockets: Set<number> = new Set();
  #udp: { readonly id: number; readonly port: number } | undefined;

  /**
   * Made by `Simulation.bot`.
   *
   * @param options The session's options.
   * @param network The simulated network.
   */
  constructor(options: SessionOptions, network: BotNetwork) {
    this.userId = options.userId;
    this.guildId = options.guildId;
    const session = new VoiceSession(options);
    this.session = session;
    this.receiver = new Receiver((ssrc) => session.userOf(ssrc), () => session.dave);
    this.#network = network;
  }

  /** Joins a channel; `2` by default. */
  join(channelId = "2"): void {
    this.feed({ type: "join", channelId });
  }

  /** Says which `SpeakingFlags` the bot has; the microphone by default. */
  speak(flags = 1): void {
    this.feed({ type: "speak", flags });
  }

  /** Leaves the channel. */
  leave(): void {
    this.feed({ type: "leave" });
  }

  /**
   * Sends an Opus packet.
   *
   * @param opus The packet.
   * @returns Whether it was sent: `false` while the session is not connected, or others could not
   * decrypt it yet.
   */
  send(opus: Uint8Array): boolean {
    const into = new Uint8Array(opus.length + HEADROOM);
    const size = this.session.packetize(opus, into);
    if (size === 0 || this.#udp === undefined) return false;
    this.#network.transmit(this.#udp.port, into.subarray(0, size));
    return true;
  }

  /** Breaks the bot's WebSocket as a network does: both sides see 1006. */
  cutWebSocket(): void {
    for (const id of [...this.#websockets]) this.#network.cutWebSocket(this, id);
  }

  /**
   * Gives an input to the session now, and does what it wants done.
   *
   * @param input What happened, or what is wanted.
   */
  feed(input: Input): void {
    if (input.type === "websocketClose") this.#websockets.delete(input.id);
    this.session.handleInput(input, this.#network.now());
    for (let output; (output = this.session.pollOutput()) !== undefined;) this.#perform(output);
  }

  /**
   * Takes a datagram.
   *
   * @param id Id of the UDP socket.
   * @param datagram The datagram.
   */
  receive(id: number, datagram: Uint8Array): void {
    const into = new Uint8Array(datagram.length);
    const size = this.session.depacketize(datagram, into, this.#network.now());
    if (size < 0) return this.feed({ type: "datagram", id, data: datagram });
    if (size === 0) return;
    const { ssrc, sequence, timestamp } = this.session.received;
    const at = this.#network.now();
    const opus = into.slice(0, size);
    if (this.session.dave === undefined) {
      const userId = this.session.userOf(ssrc);
      this.frames.push({ userId, ssrc, sequence, timestamp, at, opus });
      return;
    }
    this.receiver.push(this.session.received, opus, at);
    this.#hear();
  }

  /** When the session wants to be woken. */
  pollTimeout(): number | undefined {
    return this.session.pollTimeout();
  }

  /** Wakes the session. */
  wake(): void {
    this.feed({ type: "timeout" });
  }

  #hear(): void {
    for (let frame; (frame = this.receiver.pull()) !== undefined;) this.frames.push(frame);
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "sendGateway":
        return this.#network.sendGateway(this, output.payload.d);
      case "openWebSocket":
        this.#websockets.add(output.id);
        return this.#network.openWebSocket(this, output.id, pathOf(output.url));
      case "sendWebSocket":
        return this.#network.sendWebSocket(this, output.id, output.data);
      case "closeWebSocket":
        this.#websockets.delete(output.id);
        return this.#network.closeWebSocket(this, output.id, output.code);
      case "openUdp":
        this.#udp = { id: output.id, port: this.#network.openUdp(this, output.id) };
        return;
      case "transmit":
        if (this.#udp?.id === output.id) this.#network.transmit(this.#udp.port, output.datagram);
        return;
      case "closeUdp":
        if (this.#udp?.id === output.id) this.#network.closeUdp(this.#udp.port);
        this.#udp = undefined;
        this.receiver.clear();
        return;
      case "event":
        this.events.push(output.event);
        this.receiver.release(this.#network.now());
        this.#hear();
    }
  }
}

function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}
