/**
 * The transport on Node: `node:dgram`, the global `WebSocket`, `node:crypto`.
 *
 * @module
 */

import { openDgram } from "./dgram.ts";
import { nativeAead, nativeModes } from "./native_aead.ts";
import { nativeDave } from "./native_dave.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket } from "./websocket.ts";

/** The transport on Node. */
export const nodeTransport: Transport = {
  runtime: "node",
  aead: nativeAead,
  get modes() {
    return nativeModes();
  },
  dave: nativeDave,
  openDatagram: (remote, handlers) => openDgram(remote, handlers, "node"),
  openWebSocket,
};
