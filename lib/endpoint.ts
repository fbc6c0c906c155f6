/**
 * From the `endpoint` of a voice server update to the URL of the WebSocket.
 *
 * Discord gives `host` or `host:port` without a scheme. Port 80 is a relic: TLS is
 * on 443 there. `ws://` is taken for loopback only, because a voice token must not
 * cross a network in the clear.
 *
 * @module
 */

import type { GatewayVersion } from "./gateway_version.ts";

const SHOWN_SIZE = 80;
const ENDPOINT = /^(?:(wss?):\/\/)?(\[[0-9a-f:.]+\]|[^\s/:?#@[\]]+)(?::(\d{1,5}))?\/?$/i;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Builds the URL of the voice WebSocket.
 *
 * @param endpoint `host`, `host:port`, `wss://host:port`, or `ws://` on loopback.
 * @param version Version of the voice gateway.
 * @returns The URL, with `?v=`.
 * @throws {RangeError} The endpoint has another form.
 */
export function websocketUrl(endpoint: string, version: GatewayVersion): string {
  const { scheme, host, port } = parseEndpoint(endpoint);
  return `${scheme}://${host}${port === undefined ? "" : `:${port}`}/?v=${version}`;
}

/**
 * The host of an endpoint: where the UDP server is, too, if Ready does not say.
 *
 * @param endpoint As in `websocketUrl`.
 * @returns Host name or IP address, an IPv6 address without brackets.
 * @throws {RangeError} The endpoint has another form.
 */
export function endpointHost(endpoint: string): string {
  return parseEndpoint(endpoint).host.replace(/^\[|\]$/g, "");
}

interface Endpoint {
  readonly scheme: "ws" | "wss";
  readonly host: string;
  readonly port: string | undefined;
}

function parseEndpoint(endpoint: string): Endpoint {
  const [match, scheme = "wss", host, port] = ENDPOINT.exec(endpoint.trim()) ?? [];
  if (match === undefined || Number(port ?? 1) > 65535 || Number(port) === 0) {
    return refuse(endpoint, "it must be a host with an optional port");
  }
  if (scheme.toLowerCase() === "wss") {
    return { scheme: "wss", host, port: port === "80" ? "443" : port };
  }
  if (!LOOPBACK.test(host)) refuse(endpoint, "ws:// is for loopback, elsewhere it is wss://");
  return { scheme: "ws", host, port };
}

function refuse(endpoint: string, wanted: string): never {
  const shown = JSON.stringify(endpoint.slice(0, SHOWN_SIZE));
  throw new RangeError(`Cannot use the endpoint ${shown}: ${wanted}`);
}
