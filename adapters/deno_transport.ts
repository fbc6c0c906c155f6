/**
 * The transport on Deno: datagrams of `deno_datagram.ts`, the global `WebSocket`, `node:crypto`. It
 * needs `--allow-net` and nothing else.
 *
 * @module
 */

import { openDenoDatagram } from "./deno_datagram.ts";
import { nativeAead, nativeModes } from "./native_aead.ts";
import { nativeDave } from "./native_dave.ts";
import type { Transport } from "./transport.ts";
import { openWebSocket } from "./websocket.ts";

/** The transport on Deno. */
export const denoTransport: Transport = {
  runtime: "deno",
  aead: nativeAead,
  get modes() {
    return nativeModes();
  },
  dave: nativeDave,
  openDatagram: openDenoDatagram,
  openWebSocket,
};
