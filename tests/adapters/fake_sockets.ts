/**
 * Sockets whose callbacks a test makes, and time that only a test lets pass.
 *
 * @module
 */

import type {
  DatagramHandlers,
  DatagramSocket,
  SocketAddress,
  Transport,
  WebSocketConnection,
  WebSocketHandlers,
} from "../../adapters/transport.ts";
import { ticker } from "../../adapters/ticker.ts";
import { type AeadProvider, nobleAead } from "../../lib/aead.ts";

/** A WebSocket to nowhere. */
export class FakeWebSocket {
  readonly url: string;
  readonly handlers: WebSocketHandlers;
  readonly sent: (string | Uint8Array)[] = [];
  readonly closedWith: number[] = [];
  #isLost = false;

  constructor(url: string, handlers: WebSocketHandlers) {
    this.url = url;
    this.handlers = handlers;
  }

  /** Whether neither side has closed it. */
  get open(): boolean {
    return !this.#isLost && this.closedWith.length === 0;
  }

  /** JSON messages that were sent. */
  get messages(): { readonly op: number; readonly d: Record<string, unknown> }[] {
    return this.sent.flatMap((data) => typeof data === "string" ? [JSON.parse(data)] : []);
  }

  /** A JSON message comes. */
  receive(op: number, d: unknown, seq?: number): void {
    this.handlers.message(JSON.stringify({ op, d, seq }));
  }

  /** The server closes. */
  lose(code: number, reason = ""): void {
    this.#isLost = true;
    this.handlers.close(code, reason);
  }
}

/** A datagram socket to nowhere. */
export class FakeUdp {
  readonly remote: SocketAddress;
  readonly handlers: DatagramHandlers;
  readonly sent: Uint8Array[] = [];
  closed = 0;
  dropped = 0;

  constructor(remote: SocketAddress, handlers: DatagramHandlers) {
    this.remote = remote;
    this.handlers = handlers;
  }
}

/** A transport of such sockets, which writes down what is done with them. */
export class FakeTransport implements Transport {
  readonly runtime = "node";
  readonly aead: AeadProvider = nobleAead;
  readonly websockets: FakeWebSocket[] = [];
  readonly udps: FakeUdp[] = [];
  /** What was done, in order. */
  readonly log: string[] = [];

  /** The last WebSocket. */
  get websocket(): FakeWebSocket {
    return this.websockets.at(-1)!;
  }

  /** The last datagram socket. */
  get udp(): FakeUdp {
    return this.udps.at(-1)!;
  }

  /** How many sockets are open. */
  get openCount(): number {
    return this.websockets.filter(({ open }) => open).length +
      this.udps.filter(({ closed }) => closed === 0).length;
  }

  openWebSocket(url: string, handlers: WebSocketHandlers): WebSocketConnection {
    const socket = new FakeWebSocket(url, handlers);
    const number = this.websockets.push(socket);
    this.log.push(`open websocket ${number}`);
    return {
      send: (data) => {
        socket.sent.push(data);
        this.log.push(`send ${typeof data === "string" ? JSON.parse(data).op : "bytes"}`);
      },
      close: (code) => {
        socket.closedWith.push(code);
        this.log.push(`close websocket ${number}`);
      },
    };
  }

  openDatagram(remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket {
    const socket = new FakeUdp(remote, handlers);
    const number = this.udps.push(socket);
    this.log.push(`open udp ${number}`);
    return {
      send: (datagram) => void socket.sent.push(datagram.slice()),
      get dropped() {
        return socket.dropped;
      },
      close: () => {
        socket.closed++;
        this.log.push(`close udp ${number}`);
      },
    };
  }
}

/** A timer that was set; `cleared` or `fired` where it is no longer. */
export interface FakeTimer {
  readonly run: () => void;
  readonly delay: number;
  readonly at: number;
  state: "armed" | "cleared" | "fired";
}

/** Time that stands still unless the test lets it pass. */
export class FakeTime {
  now = 1000;
  readonly #timers: FakeTimer[] = [];

  /** Timers that are set, the earliest one first. */
  get armed(): FakeTimer[] {
    return this.#timers.filter(({ state }) => state === "armed").sort((a, b) => a.at - b.at);
  }

  /** Sets a timer. */
  set(run: () => void, delay = 0): number {
    return this.#timers.push({ run, delay, at: this.now + delay, state: "armed" });
  }

  /** Clears a timer, if it is one. */
  clear(id: number | undefined): void {
    const timer = this.#timers[(id ?? 0) - 1];
    if (timer?.state === "armed") timer.state = "cleared";
  }

  /** Fires the earliest timer now, be it early or not. */
  fire(): void {
    const [timer] = this.armed;
    timer.state = "fired";
    timer.run();
  }

  /** Lets time pass: timers fire when they are due. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let next; (next = this.armed[0]) !== undefined && next.at <= end;) {
      this.now = Math.max(this.now, next.at);
      this.fire();
    }
    this.now = end;
  }
}

/**
 * A test's function that runs in such time.
 *
 * @param run The test; nothing that it starts goes on after it.
 * @returns What `test` takes.
 */
export function inFakeTime(run: (time: FakeTime) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const time = new FakeTime();
    const { setTimeout, clearTimeout } = globalThis;
    // Bun has it on the object itself, others on its prototype.
    const now = Object.getOwnPropertyDescriptor(performance, "now");
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, delay?: number) => time.set(callback, delay),
      clearTimeout: (id: number | undefined) => time.clear(id),
    });
    Object.defineProperty(performance, "now", { configurable: true, value: () => time.now });
    try {
      await run(time);
    } finally {
      ticker.clearAll();
      Object.assign(globalThis, { setTimeout, clearTimeout });
      if (now === undefined) delete (performance as { now?: unknown }).now;
      else Object.defineProperty(performance, "now", now);
    }
  };
}
