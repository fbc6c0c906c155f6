/**
 * A lane: sockets in a worker, fed through shared memory, so that a main thread that stands still
 * for a moment delays no packet. Packets are handed over `LEAD` milliseconds before their instant;
 * keys, nonces and sessions stay in the main thread.
 *
 * A socket that is closed is silent from then on: what was handed over for later is dropped, and
 * counted by the worker, which answers each close with its last counts. After the last answer the
 * worker is ended, or after `CLOSE_LIMIT`, so that none that has gone astray keeps a process alive.
 *
 * @module
 */

import { guarded } from "../listeners.ts";
import type { DatagramHandlers, DatagramSocket, SocketAddress } from "../transport.ts";
import type { LaneCommand, LaneReport, LaneStart, SentStats } from "./protocol.ts";
import { Ring } from "./ring.ts";

/** Milliseconds by which paced packets are handed over early: so long may the main thread stall. */
export const LEAD = 120;

/** Bytes for datagrams that were not read yet, each way. */
const RING_SIZE = 2 ** 20;

/** Milliseconds for which a worker may take leave. */
export const CLOSE_LIMIT = 1000;

/** The largest datagram that UDP has. */
const DATAGRAM_LIMIT = 65_535;

const NOTHING_SENT: SentStats = { count: 0, p50: 0, p99: 0, dropped: 0 };

/** A worker, as far as a lane needs it. */
export interface LaneThread {
  /** Sends it a message. */
  post(message: LaneStart | LaneCommand): void;
  /** Ends it at once. */
  terminate(): void;
}

/** Who hears of a worker. */
export interface LaneThreadHandlers {
  /** It has sent a message. */
  message(report: LaneReport): void;
  /** It could not be started, or has ended; that it was ended may be told too. */
  failed(error: Error): void;
}

interface Socket {
  readonly handlers: DatagramHandlers;
  sent: SentStats;
  refused: number;
}

/** The main thread's half. */
export class Lane {
  readonly #outgoing: Ring;
  readonly #incoming: Ring;
  readonly #thread: LaneThread;
  readonly #emptied: (error?: Error) => void;
  readonly #sockets = new Map<number, Socket>();
  /** Those that the worker has not taken leave of. */
  readonly #closing = new Map<number, Socket>();
  readonly #received = new Uint8Array(DATAGRAM_LIMIT);
  #nextId = 1;
  #failure: Error | undefined;
  #leave: ReturnType<typeof setTimeout> | undefined;
  /** Whether the worker was ended, or has failed. */
  #isOver = false;

  /**
   * Starts a worker.
   *
   * @param startThread Does it.
   * @param emptied Is called when the worker was ended after its last socket, or has failed: then
   * with the error.
   */
  constructor(
    startThread: (handlers: LaneThreadHandlers) => LaneThread,
    emptied: (error?: Error) => void,
  ) {
    const [outgoing, incoming] = [Ring.allocate(RING_SIZE), Ring.allocate(RING_SIZE)];
    this.#outgoing = new Ring(outgoing);
    this.#incoming = new Ring(incoming);
    this.#emptied = emptied;
    this.#thread = startThread({
      message: (report) => this.#handle(report),
      failed: (error) => this.#fail(error),
    });
    const { timeOrigin } = performance;
    this.#thread.post({ type: "start", outgoing, incoming, timeOrigin });
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#sockets.size;
  }

  /** See `Transport.openDatagram`. */
  openDatagram(remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket {
    const id = this.#nextId++;
    const socket: Socket = { handlers, sent: NOTHING_SENT, refused: 0 };
    this.#sockets.set(id, socket);
    clearTimeout(this.#leave);
    if (this.#failure === undefined) this.#thread.post({ type: "open", id, remote });
    else queueMicrotask(() => this.#forget(id)?.handlers.close(this.#failure!));
    const send = (datagram: Uint8Array, at: number): void => {
      if (!this.#sockets.has(id)) return;
      if (!this.#outgoing.write(id, at, datagram)) socket.refused++;
      else if (this.#outgoing.rouse()) this.#thread.post({ type: "wake" });
    };
    return {
      lead: LEAD,
      send: (datagram) => send(datagram, 0),
      sendAt: send,
      get dropped() {
        return socket.sent.dropped + socket.refused;
      },
      get pacing() {
        return socket.sent;
      },
      close: () => this.#close(id),
    };
  }

  #close(id: number): void {
    const socket = this.#forget(id);
    if (socket === undefined || this.#isOver) return;
    this.#closing.set(id, socket);
    this.#thread.post({ type: "close", id });
    if (this.#sockets.size === 0) this.#leave = setTimeout(() => this.#end(), CLOSE_LIMIT);
  }

  #closed(id: number, sent: SentStats): void {
    const socket = this.#closing.get(id);
    if (socket !== undefined) socket.sent = sent;
    this.#closing.delete(id);
    if (this.#sockets.size === 0 && this.#closing.size === 0) this.#end();
  }

  #end(error?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#leave);
    this.#thread.terminate();
    this.#emptied(error);
  }

  #forget(id: number): Socket | undefined {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    return socket;
  }

  #handle(report: LaneReport): void {
    if (report.type === "received") return this.#receive();
    if (report.type === "closed") return this.#closed(report.id, report);
    const socket = this.#sockets.get(report.id);
    if (socket === undefined) return;
    switch (report.type) {
      case "open":
        return socket.handlers.open();
      case "error":
        return socket.handlers.error(new Error(report.message));
      case "broken":
        this.#close(report.id);
        return socket.handlers.close(new Error(report.message));
      case "sent":
        socket.sent = report;
    }
  }

  readonly #receive = (): void => {
    this.#incoming.read((id, _at, datagram) => {
      // Not every function of every runtime takes a view of shared memory.
      this.#received.set(datagram);
      const received = this.#received.subarray(0, datagram.length);
      guarded(() => this.#sockets.get(id)?.handlers.message(received));
    });
    if (!this.#incoming.sleep()) setTimeout(this.#receive, 0);
  };

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#failure = error;
    this.#end(error);
    for (const id of [...this.#sockets.keys()]) {
      guarded(() => this.#forget(id)?.handlers.close(error));
    }
  }
}
