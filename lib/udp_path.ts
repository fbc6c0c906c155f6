/**
 * The UDP path of a session: its id, IP discovery, keepalives.
 *
 * @module
 */

import {
  type DiscoveredAddress,
  discoveryRequest,
  DiscoveryRetry,
  isDiscoveryResponse,
  parseDiscoveryResponse,
} from "./ip_discovery.ts";
import { Keepalive, KEEPALIVE_INTERVAL, parseKeepaliveReply } from "./keepalive.ts";
import { type DropReason, isRtcp } from "./media.ts";
import type { Outbox } from "./outbox.ts";
import type { TimerTable } from "./timer.ts";

/** One UDP socket at a time; closing it retires its id at once. */
export class UdpPath {
  readonly #outbox: Outbox;
  readonly #timers: TimerTable;
  readonly #discovery = new DiscoveryRetry();
  readonly #keepalive = new Keepalive();
  #id: number | undefined;
  #ssrc = 0;

  /**
   * Starts without a socket.
   *
   * @param outbox Takes what is to be done.
   * @param timers Where the timers `discovery` and `keepalive` are armed.
   */
  constructor(outbox: Outbox, timers: TimerTable) {
    this.#outbox = outbox;
    this.#timers = timers;
  }

  /** Id of the present socket. */
  get id(): number | undefined {
    return this.#id;
  }

  /** Opens a socket for a client's SSRC. */
  open(id: number, address: string, port: number, ssrc: number): void {
    this.#id = id;
    this.#ssrc = ssrc;
    this.#discovery.reset();
    this.#outbox.push({ type: "openUdp", id, address, port });
  }

  /** Closes the socket, if there is one. */
  close(): void {
    this.#timers.clear("discovery");
    this.#timers.clear("keepalive");
    if (this.#id === undefined) return;
    this.#outbox.push({ type: "closeUdp", id: this.#id });
    this.#id = undefined;
  }

  /**
   * Asks for the client's address.
   *
   * @param now Monotonic milliseconds.
   * @returns Whether that was worth another try.
   */
  discover(now: number): boolean {
    const delay = this.#discovery.next();
    if (delay === undefined) return false;
    this.#transmit(discoveryRequest(this.#ssrc), "IP Discovery");
    this.#timers.set("discovery", now + delay);
    return true;
  }

  /** Sends a keepalive and arms the timer for the next one. */
  keepAlive(now: number): void {
    if (this.#id === undefined) return;
    this.#transmit(this.#keepalive.next(now), "Keepalive");
    this.#timers.set("keepalive", now + KEEPALIVE_INTERVAL);
  }

  /**
   * Takes a datagram that is not RTP.
   *
   * @param datagram Any bytes.
   * @param now Monotonic milliseconds.
   * @returns The client's address, why the datagram is dropped, or `undefined` where it
   * was the last keepalive's reply.
   */
  receive(datagram: Uint8Array, now: number): DiscoveredAddress | DropReason | undefined {
    const sequence = parseKeepaliveReply(datagram);
    if (sequence !== undefined) return this.#acknowledge(sequence, now);
    if (!isDiscoveryResponse(datagram)) return isRtcp(datagram) ? "rtcp" : "unknown-datagram";
    const found = parseDiscoveryResponse(datagram, this.#ssrc);
    if (typeof found === "string") return "discovery-rejected";
    this.#outbox.message("received", "udp", "IP Discovery");
    this.#timers.clear("discovery");
    return found;
  }

  #acknowledge(sequence: number, now: number): "stale-keepalive" | undefined {
    const roundTrip = this.#keepalive.acknowledge(sequence, now);
    if (roundTrip === undefined) return "stale-keepalive";
    this.#outbox.message("received", "udp", "Keepalive");
    this.#outbox.event({ type: "keepalive", roundTrip });
    return undefined;
  }

  #transmit(datagram: Uint8Array, name: string): void {
    if (this.#id === undefined) return;
    this.#outbox.push({ type: "transmit", id: this.#id, datagram });
    this.#outbox.message("sent", "udp", name);
  }
}
