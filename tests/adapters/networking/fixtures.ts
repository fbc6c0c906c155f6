/**
 * What the tests of `./networking` share: connection options for a server on loopback, transports
 * that are watched or played by hand, and waiting for an event.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { detectTransport } from "../../../adapters/detect.ts";
import {
  type ConnectionOptions,
  Networking,
  type NetworkingOptions,
  type NetworkingReadyState,
  NetworkingStatusCode,
} from "../../../adapters/networking/mod.ts";
import { nativeAead } from "../../../adapters/native_aead.ts";
import type {
  DatagramHandlers,
  SocketAddress,
  Transport,
  WebSocketHandlers,
} from "../../../adapters/transport.ts";

export const GUILD = "41771983423143937";
export const CHANNEL = "127121515262115840";
export const ALICE = "100000000000000001";
export const BOB = "100000000000000002";
export const TOKEN = "voice-token-of-the-networking-tests";
export const LIMIT = 20_000;

/** Options that connect a user to a server. */
export function optionsFor(endpoint: string, userId: string = ALICE): ConnectionOptions {
  return {
    channelId: CHANNEL,
    endpoint,
    serverId: GUILD,
    sessionId: `session-of-${userId}`,
    token: TOKEN,
    userId,
  };
}

/** A listener that any emitter takes. */
type Listener = (...args: never[]) => void;

/** The arguments of the next event of a name that is wanted. */
export function next<A extends unknown[]>(
  emitter: {
    on(name: never, listener: never): unknown;
    off(name: never, listener: never): unknown;
  },
  name: string,
  wanted: (...args: A) => boolean = () => true,
): Promise<A> {
  const untyped = emitter as unknown as EventEmitter;
  return new Promise((resolve) => {
    const listener: Listener = (...args: unknown[]) => {
      if (!wanted(...args as A)) return;
      untyped.off(name, listener as never);
      resolve(args as A);
    };
    untyped.on(name, listener as never);
  });
}

/** Waits until a `Networking` is ready. */
export async function ready(networking: Networking): Promise<NetworkingReadyState> {
  for (;;) {
    const { state } = networking;
    if (state.code === NetworkingStatusCode.Ready) return state;
    if (state.code === NetworkingStatusCode.Closed) throw new Error("It closed");
    await next(networking, "stateChange");
  }
}

/** A `Networking` that is ready. */
export async function connect(
  endpoint: string,
  userId: string = ALICE,
  options: NetworkingOptions = {},
): Promise<{ networking: Networking; state: NetworkingReadyState }> {
  const networking = new Networking(optionsFor(endpoint, userId), options);
  return { networking, state: await ready(networking) };
}

/** The runtime's transport, which counts what is open and writes down what is sent. */
export class Watched {
  open = 0;
  opened = 0;
  readonly datagrams: Uint8Array[] = [];
  readonly messages: (string | Uint8Array)[] = [];

  async transport(): Promise<Transport> {
    const real = await detectTransport();
    return {
      runtime: real.runtime,
      aead: real.aead,
      openWebSocket: (url, handlers) => {
        const done = this.#count();
        const close = (code: number, reason: string) => (done(), handlers.close(code, reason));
        const socket = real.openWebSocket(url, { ...bound(handlers), close });
        return {
          send: (data) => (this.messages.push(data), socket.send(data)),
          close: (code) => (done(), socket.close(code)),
        };
      },
      openDatagram: (remote, handlers) => {
        const done = this.#count();
        const close = (error: Error) => (done(), handlers.close(error));
        const socket = real.openDatagram(remote, { ...bound(handlers), close });
        return {
          send: (datagram) => (this.datagrams.push(datagram.slice()), socket.send(datagram)),
          get dropped() {
            return socket.dropped;
          },
          close: () => (done(), socket.close()),
        };
      },
    };
  }

  /** Sent RTP packets. */
  get audio(): Uint8Array[] {
    return this.datagrams.filter((datagram) => datagram[0] === 0x80);
  }

  #count(): () => void {
    this.opened++;
    this.open++;
    let closed = false;
    return () => {
      if (!closed) this.open--;
      closed = true;
    };
  }
}

function bound<H extends object>(handlers: H): H {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, call]) => [name, call.bind(handlers)]),
  ) as H;
}

/** A WebSocket that a test plays. */
export interface PlayedWebSocket {
  readonly url: string;
  readonly handlers: WebSocketHandlers;
  readonly sent: (string | Uint8Array)[];
  closedWith: number | undefined;
}

/** A UDP socket that a test plays. */
export interface PlayedDatagram {
  readonly remote: SocketAddress;
  readonly handlers: DatagramHandlers;
  readonly sent: Uint8Array[];
  dropped: number;
  closed: boolean;
}

/** A transport without sockets: the test is the network. */
export class Played {
  readonly websockets: PlayedWebSocket[] = [];
  readonly udps: PlayedDatagram[] = [];
  readonly transport: Transport = {
    runtime: "node",
    aead: nativeAead,
    openWebSocket: (url, handlers) => {
      const played: PlayedWebSocket = { url, handlers, sent: [], closedWith: undefined };
      this.websockets.push(played);
      return {
        send: (data) => void played.sent.push(data),
        close: (code) => void (played.closedWith = code),
      };
    },
    openDatagram: (remote, handlers) => {
      const played: PlayedDatagram = { remote, handlers, sent: [], dropped: 0, closed: false };
      this.udps.push(played);
      return {
        send: (datagram) => void played.sent.push(datagram.slice()),
        get dropped() {
          return played.dropped;
        },
        close: () => void (played.closed = true),
      };
    },
  };

  /** The last WebSocket. */
  get ws(): PlayedWebSocket {
    return this.websockets.at(-1)!;
  }

  /** The last UDP socket. */
  get udp(): PlayedDatagram {
    return this.udps.at(-1)!;
  }
}

/** Counts what an emitter emits, by name, from now on. */
export function count(emitter: object, names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    (emitter as EventEmitter).on(name, () => counts[name] = (counts[name] ?? 0) + 1);
  }
  return counts;
}

/** The numbers of a range are packets that can be told apart, of any length. */
export function opusPackets(total: number): Uint8Array[] {
  return Array.from({ length: total }, (_, i) => {
    const packet = new Uint8Array(2 + i * 7 % 300).map((_, at) => i * 31 + at * 17);
    packet[0] = 0xf8;
    return packet;
  });
}

/** Runs without randomness: recovery is not delayed. */
export async function withoutJitter(run: () => Promise<void>): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(crypto, "getRandomValues");
  const value = (into: Uint8Array) => into.fill(0);
  Object.defineProperty(crypto, "getRandomValues", { value, configurable: true });
  try {
    await run();
  } finally {
    if (own === undefined) delete (crypto as { getRandomValues?: unknown }).getRandomValues;
    else Object.defineProperty(crypto, "getRandomValues", own);
  }
}

/** What listeners throw while something runs: it is thrown again from a microtask. */
export function caughtLater(run: () => void): unknown[] {
  const { queueMicrotask } = globalThis;
  const thrown: unknown[] = [];
  globalThis.queueMicrotask = (task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  };
  try {
    run();
  } finally {
    globalThis.queueMicrotask = queueMicrotask;
  }
  return thrown;
}
