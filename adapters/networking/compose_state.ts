/**
 * From a state of the core to one of `NetworkingState`, once all that belongs to it is there:
 * the core says first where it goes, and then which sockets to open for it.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { State } from "../../lib/state.ts";
import type { ConnectionData } from "./connection_data.ts";
import type { DAVESession } from "./dave_session.ts";
import type { ConnectionOptions } from "./options.ts";
import type { NetworkingState } from "./states.ts";
import { NetworkingStatusCode } from "./status_code.ts";
import type { VoiceUDPSocket } from "./voice_udp_socket.ts";
import type { VoiceWebSocket } from "./voice_websocket.ts";

/** Code of each state; the others are passed by. */
const CODES: { readonly [S in State]?: NetworkingStatusCode } = {
  connecting: NetworkingStatusCode.OpeningWs,
  identifying: NetworkingStatusCode.Identifying,
  discovering: NetworkingStatusCode.UdpHandshaking,
  selecting: NetworkingStatusCode.SelectingProtocol,
  connected: NetworkingStatusCode.Ready,
  reconnecting: NetworkingStatusCode.Resuming,
  resuming: NetworkingStatusCode.Resuming,
  closed: NetworkingStatusCode.Closed,
};

/** What stands beside a code. */
export interface StateParts {
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
  /** The present WebSocket. */
  readonly ws: VoiceWebSocket | undefined;
  /** The present UDP socket. */
  readonly udp: VoiceUDPSocket | undefined;
  /** The present session. */
  readonly connectionData: ConnectionData | undefined;
  /** Its end-to-end encryption. */
  readonly dave: DAVESession | undefined;
}

/**
 * Makes the state that is to be shown.
 *
 * @param to Where the core is.
 * @param parts What there is.
 * @param from What is shown now: a prepared packet outlives a resume.
 * @returns The state, or `undefined` where what is shown now stays.
 */
export function composeState(
  to: State,
  { connectionOptions, ws, udp, connectionData, dave }: StateParts,
  from: NetworkingState | undefined,
): NetworkingState | undefined {
  const code = CODES[to];
  if (code === undefined) return undefined;
  if (code === NetworkingStatusCode.Closed) return { code };
  if (ws === undefined) return undefined;
  if (code === NetworkingStatusCode.OpeningWs || code === NetworkingStatusCode.Identifying) {
    return { code, ws, connectionOptions };
  }
  if (udp === undefined || connectionData === undefined) return undefined;
  const state = { ws, udp, connectionData, connectionOptions };
  if (
    code === NetworkingStatusCode.UdpHandshaking || code === NetworkingStatusCode.SelectingProtocol
  ) return { code, ...state };
  const prepared = { ...state, preparedPacket: preparedIn(from) };
  return dave === undefined ? { code, ...prepared } : { code, ...prepared, dave };
}

/** Tells whether two states differ in nothing that a `stateChange` tells. */
export function sameState(a: NetworkingState, b: NetworkingState): boolean {
  return a.code === b.code && partOf(a, "ws") === partOf(b, "ws") &&
    partOf(a, "udp") === partOf(b, "udp");
}

function preparedIn(state: NetworkingState | undefined): Buffer | undefined {
  return state !== undefined && "preparedPacket" in state ? state.preparedPacket : undefined;
}

function partOf(state: NetworkingState, name: "ws" | "udp"): unknown {
  return (state as { readonly ws?: unknown; readonly udp?: unknown })[name];
}
