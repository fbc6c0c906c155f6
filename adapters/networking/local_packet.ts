/**
 * The answer to IP discovery, on its own.
 *
 * @module
 */

import { RemoteProtocolError } from "../../lib/errors.ts";
import { DISCOVERY_SIZE, parseDiscoveryResponse } from "../../lib/ip_discovery.ts";
import { readU32 } from "../../lib/rtp_header.ts";

/** Where the SSRC stands, which a caller of `parseLocalPacket` does not name. */
const SSRC_OFFSET = 4;

/** An address of a UDP socket. */
export interface SocketConfig {
  /** IPv4 or IPv6 address in text form. */
  ip: string;
  /** Port, 1 to 65535. */
  port: number;
}

/**
 * Reads an IP discovery response.
 *
 * @param message The datagram, 74 bytes.
 * @returns The client's address, as the server sees it.
 * @throws {RemoteProtocolError} It is no such response.
 */
export function parseLocalPacket(message: Uint8Array): SocketConfig {
  const ssrc = message.length === DISCOVERY_SIZE ? readU32(message, SSRC_OFFSET) : 0;
  const found = parseDiscoveryResponse(message, ssrc);
  if (typeof found !== "string") return { ip: found.address, port: found.port };
  throw new RemoteProtocolError(`Cannot read an IP discovery response: ${found}`);
}
