/**
 * A `Networking` on a network that a test plays, step by step.
 *
 * @module
 */

import { assert } from "@std/assert";
import {
  type ConnectionData,
  Networking,
  type NetworkingOptions,
  type NetworkingState,
  type NetworkingStatusCode,
  SUPPORTED_ENCRYPTION_MODES,
} from "../../../adapters/networking/mod.ts";
import { discoveryResponse } from "../../../lib/ip_discovery.ts";
import { optionsFor, Played } from "./fixtures.ts";

/** The key of every played session; none of its bytes has fewer than three digits. */
export const KEY: number[] = Array.from({ length: 32 }, (_, i) => 200 + i % 50);

/** What a message of a client looks like. */
interface Sent {
  readonly op: number;
  readonly d: Record<string, unknown>;
}

/** A `Networking` without sockets. */
export class PlayedNetworking<N extends Networking = Networking> {
  readonly network: Played = new Played();
  readonly networking: N;
  readonly states: NetworkingState[] = [];

  constructor(
    options: NetworkingOptions = {},
    Class: new (...args: ConstructorParameters<typeof Networking>) => N = Networking as never,
  ) {
    const { transport } = this.network;
    this.networking = new Class(optionsFor("voice.example"), { transport, ...options });
    this.states.push(this.networking.state);
    this.networking.on("stateChange", (_old, state) => this.states.push(state));
  }

  /** Codes of the states, from the first on. */
  get codes(): number[] {
    return this.states.map(({ code }) => code);
  }

  /** What the client has sent on the last WebSocket. */
  get sent(): Sent[] {
    return this.network.ws.sent.map((text) => JSON.parse(text as string));
  }

  /** The session's data in the present state. */
  get data(): ConnectionData {
    const { state } = this.networking;
    assert("connectionData" in state);
    return state.connectionData;
  }

  /** A message of the server. */
  say(op: number, d: unknown, seq?: number): void {
    this.network.ws.handlers.message(JSON.stringify({ op, d, seq }));
  }

  /** Plays the handshake up to a state. */
  reach(code: NetworkingStatusCode): void {
    while (this.networking.state.code < code) this.advance();
  }

  /** Plays what the present state waits for. */
  advance(ssrc = 7): void {
    const { network } = this;
    switch (this.networking.state.code) {
      case 0:
        return network.ws.handlers.open();
      case 1:
        this.say(8, { heartbeat_interval: 41_250 });
        return this.offer(ssrc);
      case 2:
        network.udp.handlers.open();
        return network.udp.handlers.message(
          discoveryResponse(ssrc, { address: "203.0.113.9", port: 50_001 }),
        );
      case 3:
        return this.say(4, { mode: "aead_aes256_gcm_rtpsize", secret_key: KEY }, 0);
    }
  }

  /** Ready. */
  offer(ssrc: number): void {
    this.say(2, { ssrc, ip: "127.0.0.1", port: 9, modes: SUPPORTED_ENCRYPTION_MODES });
  }
}
