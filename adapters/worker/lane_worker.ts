/**
 * The worker's half of a lane: it owns sockets, sends what is due when it is due, and hands over
 * what comes. While datagrams wait it looks every millisecond; when nothing came for a while it
 * sleeps until it is woken.
 *
 * @module
 */

import { Lateness } from "../../lib/audio/lateness.ts";
import type { LocalDatagramSocket } from "../remote.ts";
import type { DatagramHandlers, SocketAddress } from "../transport.ts";
import { type Departure, Departures } from "./departures.ts";
import type { LaneCommand, LaneReport, LaneStart, SentStats } from "./protocol.ts";
import { Ring } from "./ring.ts";

/** Milliseconds between looks. */
const LOOK_INTERVAL = 1;

/** Milliseconds without datagrams after which the worker sleeps. */
const SLEEP_AFTER = 500;

/** Milliseconds for which a datagram waits at most: the clocks of the threads may have parted. */
const LATEST = 250;

/** Milliseconds between reports of what became of the datagrams. */
const REPORT_INTERVAL = 1000;

interface Socket {
  readonly datagrams: LocalDatagramSocket;
  readonly lateness: Lateness;
  isBroken: boolean;
  /** Datagrams that came and found no room, or were to go and found the socket broken or closed. */
  lost: number;
  reported: number;
}

/** What the worker needs of its surroundings. */
export interface LaneSurroundings {
  /** Opens sockets. */
  readonly openDatagram: (
    remote: SocketAddress,
    handlers: DatagramHandlers,
  ) => LocalDatagramSocket;
  /** Reports to the other thread. */
  readonly post: (report: LaneReport) => void;
}

/** The worker's half. */
export class LaneWorker {
  readonly #surroundings: LaneSurroundings;
  readonly #outgoing: Ring;
  readonly #incoming: Ring;
  /** What is added to an instant of the other thread's clock. */
  readonly #offset: number;
  readonly #departures = new Departures(performance.now());
  readonly #sockets = new Map<number, Socket>();
  #isAwake = false;
  #busyAt = 0;
  #reportedAt = 0;

  /** Starts to listen to the other half. */
  constructor(start: LaneStart, surroundings: LaneSurroundings) {
    this.#surroundings = surroundings;
    this.#outgoing = new Ring(start.outgoing);
    this.#incoming = new Ring(start.incoming);
    this.#offset = start.timeOrigin - performance.timeOrigin;
  }

  /** Does what the other thread wants. */
  handle(command: LaneCommand): void {
    switch (command.type) {
      case "open":
        return this.#open(command.id, command.remote);
      case "close":
        return this.#close(command.id);
      case "wake":
        return this.#wake();
    }
  }

  #open(id: number, remote: SocketAddress): void {
    const { openDatagram, post } = this.#surroundings;
    const datagrams = openDatagram(remote, {
      open: () => post({ type: "open", id }),
      message: (datagram) => {
        if (!this.#incoming.write(id, 0, datagram)) socket.lost++;
        else if (this.#incoming.rouse()) post({ type: "received" });
      },
      error: ({ message }) => post({ type: "error", id, message }),
      close: ({ message }) => {
        socket.isBroken = true;
        post({ type: "broken", id, message });
      },
    });
    const lateness = new Lateness();
    const socket: Socket = { datagrams, lateness, isBroken: false, lost: 0, reported: 0 };
    this.#sockets.set(id, socket);
  }

  /** What was sent before, and what is due, still goes out; what waits for its instant does not. */
  #close(id: number): void {
    const socket = this.#sockets.get(id)!;
    const now = performance.now();
    this.#read(now);
    this.#departures.take(now, this.#depart);
    socket.lost += this.#departures.discard(id);
    socket.datagrams.close(() => {
      this.#sockets.delete(id);
      this.#surroundings.post({ type: "closed", id, ...statsOf(socket) });
    });
  }

  #wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#busyAt = performance.now();
    this.#look();
  }

  readonly #look = (): void => {
    const now = performance.now();
    this.#read(now);
    this.#departures.take(performance.now(), this.#depart);
    if (now - this.#reportedAt >= REPORT_INTERVAL) this.#report(now);
    const isIdle = this.#departures.size === 0 && now - this.#busyAt > SLEEP_AFTER;
    if (isIdle && this.#outgoing.sleep()) {
      this.#isAwake = false;
      return this.#report(now);
    }
    setTimeout(this.#look, LOOK_INTERVAL);
  };

  #read(now: number): void {
    this.#outgoing.read((id, at, bytes) => {
      this.#busyAt = now;
      if (at === 0) this.#send(id, bytes);
      else this.#departures.add(id, Math.min(at + this.#offset, now + LATEST), bytes);
    });
  }

  readonly #depart = ({ id, at, size, bytes }: Readonly<Departure>): void => {
    this.#send(id, bytes.subarray(0, size))?.lateness.record(performance.now() - at);
  };

  /** @returns The socket, where the datagram was sent. */
  #send(id: number, datagram: Uint8Array): Socket | undefined {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return undefined;
    if (socket.isBroken) {
      socket.lost++;
      return undefined;
    }
    socket.datagrams.send(datagram);
    return socket;
  }

  #report(now: number): void {
    this.#reportedAt = now;
    for (const [id, socket] of this.#sockets) {
      const known = socket.lateness.count + droppedBy(socket);
      if (known === socket.reported) continue;
      socket.reported = known;
      this.#surroundings.post({ type: "sent", id, ...statsOf(socket) });
    }
  }
}

function droppedBy({ datagrams, lost }: Socket): number {
  return datagrams.dropped + lost;
}

function statsOf(socket: Socket): SentStats {
  const { lateness } = socket;
  const [p50, p99] = [lateness.percentile(50), lateness.percentile(99)];
  return { count: lateness.count, p50, p99, dropped: droppedBy(socket) };
}
