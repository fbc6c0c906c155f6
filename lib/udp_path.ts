/**
 * The UDP path of a session: its id, IP discovery, keepalives.
 *
 * A discovery response in a 70-byte form can look like RTP or RTCP, so while one is awaited it
 * is looked for first (`awaits`). There is no key yet: no packet is lost to that. The echo of a
 * counter can look like RTP too; it is shorter than any packet.
 *
 * @module
 */

import { isRtcp } from "./demux.ts";
import {
  type DiscoveredAddress,
  DISCOVERY_FORMS,
  type DiscoveryForm,
  discoveryRequest,
  DiscoveryRetry,
  isDiscoveryResponse,
  parseDiscoveryResponse,
} from "./ip_discovery.ts";
import {
  Keepalive,
  KEEPALIVE_INTERVAL,
  type KeepaliveCodec,
  parseKeepaliveReply,
} from "./keepalive.ts";
import type { DropReason } from "./media.ts";
import { demandChoice } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { TimerTable } from "./timer.ts";

/** Which of the old forms a UDP path speaks. */
export interface UdpPathOptions {
  /** Form of IP discovery; `74` by default, the one that Discord answers. */
  readonly discovery?: DiscoveryForm;
  /** Form of keepalives; the official one by default, which Discord answers. */
  readonly keepalive?: KeepaliveCodec;
}

/** One UDP socket at a time; closing it retires its id at once. */
export class UdpPath {
  readonly #outbox: Outbox;
  readonly #timers: TimerTable;
  readonly #discovery = new DiscoveryRetry();
  readonly #form: DiscoveryForm;
  readonly #keepalive: Keepalive;
  #id: number | undefined;
  #awaiting = false;
  #ssrc = 0;
  #address: DiscoveredAddress | undefined;

  /**
   * Starts without a socket.
   *
   * @param outbox Takes what is to be done.
   * @param timers Where the timers `discovery` and `keepalive` are armed.
   * @param options Forms of discovery and of keepalives.
   */
  constructor(outbox: Outbox, timers: TimerTable, options: UdpPathOptions = {}) {
    this.#outbox = outbox;
    this.#timers = timers;
    const { discovery = "74", keepalive } = options;
    demandChoice("discovery", discovery, DISCOVERY_FORMS);
    this.#form = discovery;
    this.#keepalive = new Keepalive(keepalive);
  }

  /** Id of the present socket. */
  get id(): number | undefined {
    return this.#id;
  }

  /** The client's address, once discovery has told it. */
  get address(): DiscoveredAddress | undefined {
    return this.#address;
  }

  /** Opens a socket for a client's SSRC. */
  open(id: number, address: string, port: number, ssrc: number): void {
    this.#id = id;
    this.#ssrc = ssrc;
    this.#awaiting = true;
    this.#discovery.reset();
    this.#outbox.push({ type: "openUdp", id, address, port });
  }

  /** Closes the socket, if there is one. */
  close(): void {
    this.#timers.clear("discovery");
    this.#timers.clear("keepalive");
    this.#awaiting = false;
    this.#address = undefined;
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
    this.#transmit(discoveryRequest(this.#ssrc, this.#form), "IP Discovery");
    this.#timers.set("discovery", now + delay);
    return true;
  }

  /** Sends a keepalive and arms the timer for the next one. */
  keepAlive(now: number): void {
    if (this.#id === undefined) return;
    this.#transmit(this.#keepalive.next(now), "Keepalive");
    this.#timers.set("keepalive", now + KEEPALIVE_INTERVAL);
  }

  /** Sends a sealed report of quality. */
  sendReport(datagram: Uint8Array): void {
    this.#transmit(datagram, "RTCP");
  }

  /**
   * Tells whether a datagram answers what was sent: it may be the discovery response that is
   * awaited, or a keepalive's.
   *
   * @param datagram Any bytes.
   * @returns Whether it is for `receive`, even if it looks like RTP.
   */
  awaits(datagram: Uint8Array): boolean {
    return this.#mayDiscover(datagram) || this.#keepalive.sequenceOf(datagram) !== undefined;
  }

  /**
   * Takes a datagram that is not RTP, or that is awaited.
   *
   * @param datagram Any bytes.
   * @param now Monotonic milliseconds.
   * @returns The client's address, why the datagram is dropped, `rtcp` where it is to be opened,
   * or `undefined` where it was the last keepalive's reply.
   */
  receive(datagram: Uint8Array, now: number): DiscoveredAddress | DropReason | "rtcp" | undefined {
    if (this.#mayDiscover(datagram)) return this.#takeDiscovery(datagram);
    const sequence = this.#keepalive.sequenceOf(datagram);
    if (sequence !== undefined) return this.#acknowledge(sequence, now);
    if (parseKeepaliveReply(datagram) !== undefined) return "stale-keepalive";
    if (isDiscoveryResponse(datagram)) return "discovery-rejected";
    return isRtcp(datagram) ? "rtcp" : "unknown-datagram";
  }

  #mayDiscover(datagram: Uint8Array): boolean {
    return this.#awaiting && isDiscoveryResponse(datagram, this.#form);
  }

  #takeDiscovery(datagram: Uint8Array): DiscoveredAddress | "discovery-rejected" {
    const found = parseDiscoveryResponse(datagram, this.#ssrc, this.#form);
    if (typeof found === "string") return "discovery-rejected";
    this.#awaiting = false;
    this.#address = found;
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
