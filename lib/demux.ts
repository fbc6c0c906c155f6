/**
 * What a datagram is, told by its first bytes and its size, in this order: keepalives and their
 * reply (by size and magic), IP discovery of 74 bytes (by size and type), RTCP and RTP (version 2,
 * packet type).
 *
 * The 70-byte forms of IP discovery carry no mark and are not told here: a request is known by
 * its zeros (`parseDiscoveryRequest`), a reply by being awaited. So ask for these first; an SSRC
 * of 0x80000000 to 0xbfffffff makes them look like RTP.
 *
 * @module
 */

import { isDiscoveryResponse, looksLikeDiscoveryRequest } from "./ip_discovery.ts";
import { keepaliveForm, parseKeepaliveReply } from "./keepalive.ts";

/** What a datagram is. */
export type DatagramKind =
  /** A keepalive, in any form; `keepaliveForm` tells which. From a server: an echo. */
  | "keepalive"
  /** The reply to a keepalive of the official form. */
  | "keepalive-reply"
  /** An IP discovery request, well-formed or not, in the 74-byte form or the hybrid one. */
  | "discovery-request"
  /** An IP discovery response, well-formed or not, in the 74-byte form. */
  | "discovery-response"
  /** RTCP. */
  | "rtcp"
  /** RTP, or too short for it. */
  | "rtp"
  /** None of these. */
  | "unknown";

/** Smallest RTCP packet that says who sends it. */
const RTCP_SIZE = 8;
const FIRST_RTCP_TYPE = 192;
const LAST_RTCP_TYPE = 223;

/**
 * Tells what a datagram is. Allocates nothing.
 *
 * @param datagram Any bytes.
 * @returns Its kind; whether it is well-formed, the kind's own parser tells.
 */
export function classifyDatagram(datagram: Uint8Array): DatagramKind {
  if (keepaliveForm(datagram) !== undefined) return "keepalive";
  if (parseKeepaliveReply(datagram) !== undefined) return "keepalive-reply";
  if (isDiscoveryResponse(datagram)) return "discovery-response";
  if (looksLikeDiscoveryRequest(datagram)) return "discovery-request";
  if (isRtcp(datagram)) return "rtcp";
  return isRtp(datagram) ? "rtp" : "unknown";
}

/** Tells whether a datagram is RTCP: packet types 192 to 223, marker bit included. */
export function isRtcp(datagram: Uint8Array): boolean {
  return datagram.length >= RTCP_SIZE && datagram[0] >>> 6 === 2 &&
    datagram[1] >= FIRST_RTCP_TYPE && datagram[1] <= LAST_RTCP_TYPE;
}

/** Tells whether a datagram is RTP, or too short for it: version 2 and no RTCP. */
export function isRtp(datagram: Uint8Array): boolean {
  return datagram.length > 1 && datagram[0] >>> 6 === 2 && !isRtcp(datagram);
}
