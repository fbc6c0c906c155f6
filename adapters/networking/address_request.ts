/**
 * One question for the client's own address, asked again until it is answered or given up.
 *
 * @module
 */

import { VoiceConnectError } from "../../lib/errors.ts";
import { udpUnreachable } from "../../lib/failure.ts";
import {
  discoveryRequest,
  DiscoveryRetry,
  parseDiscoveryResponse,
} from "../../lib/ip_discovery.ts";
import type { SocketConfig } from "./local_packet.ts";

/** Asks over a socket that its owner opens, closes and reads. */
export class AddressRequest {
  readonly #ssrc: number;
  readonly #send: (request: Uint8Array) => void;
  readonly #retry = new DiscoveryRetry();
  readonly #answer = Promise.withResolvers<SocketConfig>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Prepares the question.
   *
   * @param ssrc The client's SSRC.
   * @param send Sends a datagram.
   */
  constructor(ssrc: number, send: (request: Uint8Array) => void) {
    this.#ssrc = ssrc;
    this.#send = send;
  }

  /** The client's address. */
  get answer(): Promise<SocketConfig> {
    return this.#answer.promise;
  }

  /** Asks, and asks again. */
  start(): void {
    const delay = this.#retry.next();
    if (delay === undefined) return this.fail(unreachable("no IP discovery request was answered"));
    this.#send(discoveryRequest(this.#ssrc));
    this.#timer = setTimeout(() => this.start(), delay);
  }

  /** Takes a datagram, which may be the answer. */
  receive(datagram: Uint8Array): void {
    const found = parseDiscoveryResponse(datagram, this.#ssrc);
    if (typeof found === "string") return;
    clearTimeout(this.#timer);
    this.#answer.resolve({ ip: found.address, port: found.port });
  }

  /** Gives up. */
  fail(error: Error): void {
    clearTimeout(this.#timer);
    this.#answer.reject(error);
  }
}

/**
 * UDP does not work.
 *
 * @param reason What was tried, or what the runtime says.
 */
export function unreachable(reason: string): VoiceConnectError {
  const message = `Cannot find the own address: ${reason}`;
  return new VoiceConnectError(message, { ...udpUnreachable(reason), phase: "discovering" });
}
