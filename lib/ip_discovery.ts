/**
 * IP discovery in the 74-byte form: the client asks its UDP peer from which
 * address its datagrams come. Layout: type u16 (1 request, 2 response), length u16
 * (70), SSRC u32, address (64 bytes, NUL-terminated text), port u16; big endian.
 *
 * @module
 */

import { readU32, writeU32 } from "./rtp.ts";

/** Bytes of a discovery request and of its response. */
export const DISCOVERY_SIZE = 74;

const REQUEST = 1;
const RESPONSE = 2;
const BODY_SIZE = 70;
const ADDRESS_OFFSET = 8;
const PORT_OFFSET = 72;

/** The address that a client has, seen from the voice server. */
export interface DiscoveredAddress {
  /** IPv4 address in text form. */
  readonly address: string;
  /** UDP port, 1 to 65535. */
  readonly port: number;
}

/** Why a datagram is not the response that is awaited. */
export type DiscoveryFault =
  | "wrong-size"
  | "wrong-type"
  | "wrong-length"
  | "wrong-ssrc"
  | "bad-address"
  | "bad-port";

/** Milliseconds until an unanswered request is sent again; doubles each time. */
export const DISCOVERY_DELAY = 200;

/** Requests that are sent before UDP is taken for blocked. */
export const DISCOVERY_LIMIT = 5;

/** Sends a discovery request again until it is answered: UDP loses datagrams. */
export class DiscoveryRetry {
  #count = 0;

  /** Starts anew. */
  reset(): void {
    this.#count = 0;
  }

  /**
   * A request is about to be sent.
   *
   * @returns Milliseconds to wait for its answer, or `undefined` where the last wait was in vain.
   */
  next(): number | undefined {
    return this.#count < DISCOVERY_LIMIT ? DISCOVERY_DELAY * 2 ** this.#count++ : undefined;
  }
}

/**
 * Builds a discovery request.
 *
 * @param ssrc The client's SSRC.
 * @returns `DISCOVERY_SIZE` bytes.
 */
export function discoveryRequest(ssrc: number): Uint8Array {
  return discoveryHead(REQUEST, ssrc);
}

/**
 * Builds a discovery response, as a server does.
 *
 * @param ssrc The SSRC of the request.
 * @param from The address that the request came from.
 * @returns `DISCOVERY_SIZE` bytes.
 */
export function discoveryResponse(ssrc: number, from: DiscoveredAddress): Uint8Array {
  const response = discoveryHead(RESPONSE, ssrc);
  for (let i = 0; i < from.address.length; i++) {
    response[ADDRESS_OFFSET + i] = from.address.charCodeAt(i);
  }
  response[PORT_OFFSET] = from.port >>> 8;
  response[PORT_OFFSET + 1] = from.port;
  return response;
}

/**
 * Parses a discovery request, as a server does.
 *
 * @param datagram Any datagram.
 * @returns The SSRC, or `undefined` where it is no request.
 */
export function parseDiscoveryRequest(datagram: Uint8Array): number | undefined {
  const isRequest = datagram.length === DISCOVERY_SIZE &&
    readU16(datagram, 0) === REQUEST && readU16(datagram, 2) === BODY_SIZE;
  return isRequest ? readU32(datagram, 4) : undefined;
}

/** Tells whether a datagram has the size and the type of a discovery response. */
export function isDiscoveryResponse(datagram: Uint8Array): boolean {
  return datagram.length === DISCOVERY_SIZE &&
    readU16(datagram, 0) === RESPONSE;
}

/**
 * Parses a discovery response, strictly.
 *
 * @param datagram Any datagram.
 * @param ssrc The SSRC of the request.
 * @returns The address, or why the datagram is rejected.
 */
export function parseDiscoveryResponse(
  datagram: Uint8Array,
  ssrc: number,
): DiscoveredAddress | DiscoveryFault {
  if (datagram.length !== DISCOVERY_SIZE) return "wrong-size";
  if (readU16(datagram, 0) !== RESPONSE) return "wrong-type";
  if (readU16(datagram, 2) !== BODY_SIZE) return "wrong-length";
  if (readU32(datagram, 4) !== ssrc) return "wrong-ssrc";
  const end = datagram.indexOf(0, ADDRESS_OFFSET);
  if (end < 0 || end >= PORT_OFFSET) return "bad-address";
  const address = String.fromCharCode(...datagram.subarray(ADDRESS_OFFSET, end));
  if (!isIpv4(address)) return "bad-address";
  const port = readU16(datagram, PORT_OFFSET);
  return port === 0 ? "bad-port" : { address, port };
}

/** Tells whether `text` is an IPv4 address in dotted decimal form. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256);
}

function discoveryHead(type: number, ssrc: number): Uint8Array {
  const datagram = new Uint8Array(DISCOVERY_SIZE);
  datagram[1] = type;
  datagram[3] = BODY_SIZE;
  writeU32(datagram, 4, ssrc);
  return datagram;
}

function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}
