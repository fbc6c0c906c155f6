/**
 * What a `Networking` is made of.
 *
 * @module
 */

import type { PhaseTimeouts } from "../../lib/session.ts";
import type { Transport } from "../transport.ts";
import { hide } from "./redacted.ts";

/** Where to connect, and as whom. */
export interface ConnectionOptions {
  /** Voice channel id. */
  readonly channelId: string;
  /** `host` or `host:port`, as VOICE_SERVER_UPDATE names it; `ws://` on loopback. */
  readonly endpoint: string;
  /** Guild id; of a private call its channel id. */
  readonly serverId: string;
  /** Session id of VOICE_STATE_UPDATE. */
  readonly sessionId: string;
  /** Token of VOICE_SERVER_UPDATE. In `state.connectionOptions` it is readable, and not shown. */
  readonly token: string;
  /** The client's own user id. */
  readonly userId: string;
}

/** What can be chosen; everything has a default. */
export interface NetworkingOptions {
  /** Whether end-to-end encryption (DAVE) is offered; it is by default. */
  readonly daveEncryption?: boolean;
  /** Whether `debug` is emitted; not by default. */
  readonly debug?: boolean;
  /** DAVE frames in a row that may fail to decrypt; 24 by default. Beyond, the group is joined anew. */
  readonly decryptionFailureTolerance?: number;
  /** The sockets and ciphers; by default those of the runtime, which is detected. */
  readonly transport?: Transport;
  /** Milliseconds that each state of the handshake may take, by its name in the core. */
  readonly timeouts?: PhaseTimeouts;
}

/** A copy whose token is not shown. */
export function withHiddenToken(options: ConnectionOptions): ConnectionOptions {
  const { token, ...shown } = options;
  hide(shown, "token", () => token);
  return Object.freeze(shown) as ConnectionOptions;
}
