/**
 * From the `endpoint` of a voice server update to the URL of the WebSocket.
 *
 * Discord gives `host` or `host:port` without a scheme. Port 80 is a relic: TLS is
 * on 443 there. `ws://` is taken for loopback only, because a voice token must not
 * cross a network in the clear.
 *
 * @module
 */

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
export function websocketUrl(endpoint: string, version: number): string {
  const [match, scheme = "wss", host, port] = ENDPOINT.exec(endpoint.trim()) ??
    [];
  if (match === undefined || Number(port ?? 1) > 65535 || Number(port) === 0) {
    throw new RangeError(
      `Cannot use the endpoint ${
        JSON.stringify(endpoint)
      }: it must be a host with an optional port`,
    );
  }
  const secure = scheme.toLowerCase() === "wss";
  if (!secure && !LOOPBACK.test(host)) {
    throw new RangeError(
      `Cannot use the endpoint ${
        JSON.stringify(endpoint)
      }: ws:// is for loopback, elsewhere it is wss://`,
    );
  }
  const effective = secure && port === "80" ? "443" : port;
  return `${secure ? "wss" : "ws"}://${host}${
    effective === undefined ? "" : `:${effective}`
  }/?v=${version}`;
}
