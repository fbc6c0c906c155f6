/**
 * The embedded voice server as a transport: both in one process, without sockets. What is sent
 * arrives a turn of the event loop later, or nowhere.
 *
 * @module
 */

import type {
  DatagramHandlers,
  DatagramSocket,
  SocketAddress,
  Transport,
  WebSocketConnection,
  WebSocketHandlers,
} from "../../adapters/transport.ts";
import type { ServerInput } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";

const ADDRESS = "127.0.0.1";
const SERVER_PORT = 5000;
const PATH = "/?v=8";

/** Sockets of clients of one server. */
export class MemoryNetwork implements Transport {
  readonly runtime: Transport["runtime"];
  readonly aead: Transport["aead"];
  readonly dave: Transport["dave"];
  /** What becomes of datagrams: they arrive, vanish at once, or end up in `kept`. */
  mode: "open" | "silent" | "kept" = "open";
  /** What the server has sent in mode `kept`. */
  readonly kept: Uint8Array[] = [];
  readonly #server: VoiceServer;
  readonly #websockets = new Map<number, WebSocketHandlers>();
  readonly #sockets = new Map<number, DatagramHandlers>();
  #lastId = 0;
  #lastPort = 40_000;

  /**
   * Starts a server.
   *
   * @param transport The primitives that clients and server use.
   * @param dave Whether calls are end-to-end encrypted.
   */
  constructor({ runtime, aead, dave: primitives }: Transport, dave: boolean) {
    this.runtime = runtime;
    this.aead = aead;
    this.dave = primitives;
    this.#server = new VoiceServer({
      random: (into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
      port: SERVER_PORT,
      address: ADDRESS,
      aead,
      mls: primitives?.crypto,
      dave: dave ? "required" : "off",
    });
  }

  /** Opens a WebSocket to the server, whatever the URL. */
  openWebSocket(_url: string, handlers: WebSocketHandlers): WebSocketConnection {
    const id = ++this.#lastId;
    this.#websockets.set(id, handlers);
    later(() => {
      handlers.open();
      this.#feed({ type: "websocketOpen", id, path: PATH });
    });
    return {
      send: (data) => later(() => this.#feed({ type: "websocketMessage", id, data })),
      close: (code) => later(() => this.#feed({ type: "websocketClose", id, code })),
    };
  }

  /** Opens a UDP socket to the server, whatever the address. */
  openDatagram(_remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket {
    const from = { address: ADDRESS, port: ++this.#lastPort };
    this.#sockets.set(from.port, handlers);
    later(() => handlers.open());
    return {
      dropped: 0,
      // What keeps the datagram stands apart: a closure here would cost memory in silence, too.
      send: (datagram) => {
        if (this.mode !== "silent") this.#carry(from, datagram.slice());
      },
      close: () => void this.#sockets.delete(from.port),
    };
  }

  #carry(from: SocketAddress, data: Uint8Array): void {
    if (this.mode === "kept") this.#feed({ type: "datagram", from, data });
    else later(() => this.#feed({ type: "datagram", from, data }));
  }

  #feed(input: ServerInput): void {
    this.#server.handleInput(input, performance.now());
    for (let output; (output = this.#server.pollOutput()) !== undefined;) {
      if (output.type === "sendWebSocket") {
        const { id, data } = output;
        later(() => this.#websockets.get(id)?.message(data));
      } else if (output.type === "transmit") {
        const { to, datagram } = output;
        if (this.mode === "kept") this.kept.push(datagram.slice());
        else later(() => this.#sockets.get(to.port)?.message(datagram));
      }
    }
  }
}

function later(run: () => void): void {
  setTimeout(run, 0);
}
