/**
 * The transport on Bun: datagrams of `bun_datagram.ts`, the global `WebSocket`, `node:crypto`.
 *
 * @module
 */

import { openBunDatagram } from "./bun_datagram.ts";
import { nativeAead, nativeModes } from "./native_aead.ts";
import { nativeDave } from "./native_dave.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket } from "./websocket.ts";

/** The transport on Bun. */
export const bunTransport: Transport = {
  runtime: "bun",
  aead: nativeAead,
  get modes() {
    return nativeModes();
  },
  dave: nativeDave,
  openDatagram: openBunDatagram,
  openWebSocket,
};
