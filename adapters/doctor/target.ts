/**
 * The endpoint that is examined.
 *
 * @module
 */

import { endpointHost, websocketUrl } from "../../lib/endpoint.ts";
import { GATEWAY_VERSION } from "../../lib/gateway_version.ts";

/** Where a voice server is. */
export interface Target {
  /** Scheme, host and port, as `joinVoice` takes it. */
  readonly endpoint: string;
  /** The URL of the voice WebSocket, with a version. */
  readonly websocketUrl: string;
  /** Host name or IP address, an IPv6 address without brackets. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** Whether there is TLS. */
  readonly secure: boolean;
  /** Whether it is on this machine. */
  readonly loopback: boolean;
}

const SCHEME = /^wss?:\/\//i;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Reads the URL of an endpoint. The URL is never shown: people paste whole ones, with a token.
 *
 * @param url `wss://HOST:PORT`, or `ws://` on loopback.
 * @returns Its parts.
 * @throws {RangeError} It has another form.
 */
export function parseTarget(url: string): Target {
  try {
    if (!SCHEME.test(url)) throw new RangeError("no scheme");
    const full = websocketUrl(url, GATEWAY_VERSION);
    const { protocol, host, hostname, port } = new URL(full);
    const secure = protocol === "wss:";
    return {
      endpoint: `${protocol}//${host}`,
      websocketUrl: full,
      host: endpointHost(hostname),
      port: port === "" ? (secure ? 443 : 80) : Number(port),
      secure,
      loopback: LOOPBACK.test(hostname),
    };
  } catch {
    throw new RangeError(
      "Cannot examine the URL: it must be wss://HOST:PORT, or ws://127.0.0.1:PORT on loopback",
    );
  }
}
