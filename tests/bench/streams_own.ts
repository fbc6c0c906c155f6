/**
 * Bots of this library for `streams_bots.ts`.
 *
 * @module
 */

import { type DatagramSocket, type Transport, VoiceConnection } from "@sotto/voice";
import { detectTransport } from "../../adapters/detect.ts";
import { discoveryResponse, parseDiscoveryRequest } from "../../lib/ip_discovery.ts";
import {
  type Fleet,
  type FleetBot,
  type FleetOptions,
  PACKET,
  type Place,
} from "./streams_fleet.ts";

/** What `joinVoice` does, so that the transport can be another one. */
export async function ownFleet({ dave, noSocket, worker }: FleetOptions): Promise<Fleet> {
  const real = await detectTransport();
  const counter = { sent: 0 };
  const transport = noSocket ? { ...real, openDatagram: deafSocket(counter) } : real;
  return {
    get sent() {
      return counter.sent;
    },
    async join({ guildId, channelId, userId, endpoint }: Place): Promise<FleetBot> {
      return new OwnBot(
        await VoiceConnection.join(transport, {
          guildId,
          channelId,
          userId,
          daveEncryption: dave,
          worker,
          server: { endpoint, token: "token", sessionId: userId },
        }),
      );
    },
  };
}

class OwnBot implements FleetBot {
  readonly #connection: VoiceConnection;
  #playing: AbortController | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(connection: VoiceConnection) {
    this.#connection = connection;
  }

  get mode(): string | undefined {
    return this.#connection.mode;
  }

  get isSecure(): boolean {
    return this.#connection.dave?.ready ?? false;
  }

  get unsent(): number {
    return this.#connection.udp.unsent;
  }

  play(): void {
    const playing = this.#playing = new AbortController();
    const { signal } = playing;
    // An earlier one first sends its silence.
    this.#ended = this.#ended.then(() => this.#connection.play(forEver(), { signal }))
      .catch((error) => {
        if (!signal.aborted) throw error;
      });
  }

  stop(): void {
    this.#playing?.abort();
  }

  send(): void {
    this.#connection.sendOpus(PACKET);
  }
}

function* forEver(): Generator<Uint8Array> {
  for (;;) yield PACKET;
}

/** Makes sockets that are answered what opens them, and drop all else. */
function deafSocket(counter: { sent: number }): Transport["openDatagram"] {
  return (remote, handlers): DatagramSocket => {
    queueMicrotask(() => handlers.open());
    return {
      dropped: 0,
      send(datagram) {
        const request = parseDiscoveryRequest(datagram);
        if (request === undefined) counter.sent++;
        else queueMicrotask(() => handlers.message(discoveryResponse(request.ssrc, remote)));
      },
      close() {},
    };
  };
}
