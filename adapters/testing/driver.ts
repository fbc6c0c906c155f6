/**
 * The loop that drives the voice server and the gateway stub over a runtime's sockets.
 *
 * Neither half calls out, so an input may come at any time, also from a listener that
 * is being told of an event: outputs are fetched in one loop that is never entered
 * twice, and so keep their order.
 *
 * @module
 */

import type { GatewayDispatch, GatewayInput, GatewayOutput } from "../../lib/testing/gateway_io.ts";
import type { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import type { ServerEvent } from "../../lib/testing/server_events.ts";
import type { ServerInput, ServerOutput, ServerStats } from "../../lib/testing/server_io.ts";
import type { VoiceServer } from "../../lib/testing/voice_server.ts";
import type {
  BoundDatagram,
  ServerTransport,
  ServerWebSocket,
  WebSocketServerHandlers,
} from "./transport.ts";

/** Counters of a voice server that runs on sockets. */
export interface RunningServerStats extends ServerStats {
  /** Datagrams that were not sent: the runtime could not keep up, or reported an error. */
  readonly unsent: number;
}

/** Longest delay that `setTimeout` knows. */
const DELAY_LIMIT = 2 ** 31 - 1;

/** A timer that is so late, in milliseconds, says that the whole process stood still. */
const STALL = 500;

/** How long clients then have to say what they could not, in milliseconds. */
const STALL_GRACE = 100;

/** Drives both halves. */
export class ServerDriver {
  readonly #onEvent: ((event: ServerEvent) => void) | undefined;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #sockets = new Map<number, ServerWebSocket>();
  readonly #ids = new Map<ServerWebSocket, number>();
  #voice: VoiceServer | undefined;
  #gateway: GatewayStub | undefined;
  #udp: BoundDatagram | undefined;
  /** Clients that came between the opening of a port and `start`. */
  readonly #early: (() => void)[] = [];
  #now = 0;
  #lastId = 0;
  #draining = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armedAt: number | undefined;
  #closed: Promise<void> | undefined;

  /** Takes dispatches for attached users. */
  onDispatch: (userId: string, dispatch: GatewayDispatch) => void = () => {};

  /** Takes the end of an attached user's gateway library. */
  onDestroy: (userId: string) => void = () => {};

  /** @param onEvent Is told what happens. */
  constructor(onEvent: ((event: ServerEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Binds the UDP socket. @returns Its port. */
  async bind(transport: ServerTransport, port: number): Promise<number> {
    const udp = await transport.bindDatagram(port, {
      message: (data, from) => this.feedVoice({ type: "datagram", from, data }),
    });
    this.#udp = udp;
    this.#closers.push(() => udp.close());
    return udp.port;
  }

  /** Listens for the WebSockets of one half. @returns The port. */
  async serve(
    transport: ServerTransport,
    half: "voice" | "gateway",
    port: number,
  ): Promise<number> {
    const server = await transport.serveWebSocket(port, this.#handlers(half));
    this.#closers.push(() => server.close());
    return server.port;
  }

  /** Both halves are there: what comes from now on is theirs. */
  start(voice: VoiceServer, gateway: GatewayStub): void {
    this.#voice = voice;
    this.#gateway = gateway;
    for (const feed of this.#early.splice(0)) feed();
  }

  /** The voice server's counters, and the socket's. */
  stats(): RunningServerStats {
    if (this.#voice === undefined) throw new Error("Cannot count: the server was not started");
    return { ...this.#voice.stats(), unsent: this.#udp?.dropped ?? 0 };
  }

  /** Gives an input to the voice server. */
  feedVoice(input: ServerInput): void {
    if (this.closed) return;
    this.#now = performance.now();
    this.#voice?.handleInput(input, this.#now);
    this.#drain();
  }

  /** Gives an input to the gateway stub. */
  feedGateway(input: GatewayInput): void {
    if (this.closed) return;
    this.#now = performance.now();
    this.#gateway?.handleInput(input, this.#now);
    this.#drain();
  }

  /** Whether a user's gateway library can send nothing at the moment, and says so. */
  refuses(userId: string): boolean {
    return this.closed || this.#gateway?.refuses(userId) !== false;
  }

  /** Closes all sockets. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(this.#closers.map((close) => close()));
  }

  #handlers(half: "voice" | "gateway"): WebSocketServerHandlers {
    const feed = (input: WebSocketInput): void => {
      if (this.#voice === undefined) this.#early.push(() => feed(input));
      else if (half === "voice") this.feedVoice(input);
      else this.feedGateway(input);
    };
    return {
      open: (socket) => {
        const id = ++this.#lastId;
        this.#sockets.set(id, socket);
        this.#ids.set(socket, id);
        feed({ type: "websocketOpen", id, path: socket.path });
      },
      message: (socket, data) => {
        const id = this.#ids.get(socket);
        if (id !== undefined) feed({ type: "websocketMessage", id, data });
      },
      close: (socket, code) => {
        const id = this.#forget(socket);
        if (id !== undefined) feed({ type: "websocketClose", id, code });
      },
    };
  }

  #forget(socket: ServerWebSocket): number | undefined {
    const id = this.#ids.get(socket);
    this.#ids.delete(socket);
    if (id !== undefined) this.#sockets.delete(id);
    return id;
  }

  #drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      // The voice server first: a grant must be in force before its token goes out.
      for (;;) {
        const output = this.#voice?.pollOutput() ?? this.#gateway?.pollOutput();
        if (output === undefined) break;
        this.#perform(output);
      }
    } finally {
      this.#draining = false;
      this.#arm();
    }
  }

  #perform(output: ServerOutput | GatewayOutput): void {
    switch (output.type) {
      case "sendWebSocket":
        return this.#sockets.get(output.id)?.send(output.data);
      case "closeWebSocket": {
        const socket = this.#sockets.get(output.id);
        if (socket === undefined) return;
        this.#forget(socket);
        return socket.close(output.code, output.reason);
      }
      case "cutWebSocket": {
        const socket = this.#sockets.get(output.id);
        if (socket === undefined) return;
        this.#forget(socket);
        return socket.cut();
      }
      case "transmit":
        return this.#udp?.send(output.datagram, output.to);
      case "voice":
        return this.#voice?.handleInput(output.input, this.#now);
      case "dispatch":
        return this.onDispatch(output.userId, output.dispatch);
      case "destroy":
        return this.onDestroy(output.userId);
      case "event":
        return this.#tell(output.event);
    }
  }

  /** A listener's error is its own: the server goes on, the process hears of it. */
  #tell(event: ServerEvent): void {
    try {
      this.#onEvent?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #arm(): void {
    const voice = this.#voice?.pollTimeout() ?? Infinity;
    const at = Math.min(voice, this.#gateway?.pollTimeout() ?? Infinity);
    if (at === this.#armedAt) return;
    clearTimeout(this.#timer);
    this.#armedAt = undefined;
    if (at === Infinity || this.closed) return;
    this.#armedAt = at;
    const delay = Math.min(Math.max(0, at - performance.now()), DELAY_LIMIT);
    this.#timer = setTimeout(() => this.#wake(at), delay);
  }

  /** Timers fire early by up to a millisecond, and at most `DELAY_LIMIT` ahead. */
  #wake(at: number): void {
    this.#armedAt = undefined;
    const now = performance.now();
    // What clients have sent meanwhile comes before their deadlines; they may live in this
    // very process, and have stood still with it.
    if (now - at > STALL) {
      this.#timer = setTimeout(() => this.#wake(now + STALL_GRACE), STALL_GRACE);
      return;
    }
    this.#now = at - now < 2 ? Math.max(at, now) : now;
    this.#voice?.handleInput({ type: "timeout" }, this.#now);
    this.#gateway?.handleInput({ type: "timeout" }, this.#now);
    this.#drain();
  }
}

type WebSocketInput =
  | { readonly type: "websocketOpen"; readonly id: number; readonly path: string }
  | {
    readonly type: "websocketMessage";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | { readonly type: "websocketClose"; readonly id: number; readonly code: number };
