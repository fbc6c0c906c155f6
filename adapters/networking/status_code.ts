/**
 * Where a `Networking` stands.
 *
 * @module
 */

/** Codes of the states; `NetworkingState` tells what stands beside each. */
export const NetworkingStatusCode = {
  /** The voice WebSocket opens. */
  OpeningWs: 0,
  /** Identify was sent; the SSRC is awaited. */
  Identifying: 1,
  /** The client's own UDP address is being found. */
  UdpHandshaking: 2,
  /** Select Protocol was sent; the key is awaited. */
  SelectingProtocol: 3,
  /** Audio flows. */
  Ready: 4,
  /** The WebSocket is lost and the session is being continued on a new one. */
  Resuming: 5,
  /** The end. */
  Closed: 6,
} as const;

/** A code of a state. */
export type NetworkingStatusCode = typeof NetworkingStatusCode[keyof typeof NetworkingStatusCode];

const NAMES = Object.keys(NetworkingStatusCode);

/** Names a code for people. */
export function statusName(code: NetworkingStatusCode): string {
  return NAMES[code];
}
