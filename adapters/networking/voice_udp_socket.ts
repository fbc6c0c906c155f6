/**
 * The UDP socket as an `EventEmitter`. On its own it queues until it is open and finds the
 * client's address; under a `Networking` the core does that, and keeps it alive.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { LocalProtocolError } from "../../lib/errors.ts";
import { detectTransport } from "../detect.ts";
import type { DatagramHandlers, DatagramSocket, Transport } from "../transport.ts";
import { AddressRequest, unreachable } from "./address_request.ts";
import type { SocketConfig } from "./local_packet.ts";
import { tell } from "./tell.ts";

/** Most datagrams that wait for the socket to open. */
export const UDP_QUEUE_LIMIT = 64;

const SSRC_LIMIT = 2 ** 32;

/** What a `VoiceUDPSocket` emits. */
export interface VoiceUDPSocketEvents {
  /** A datagram could not be sent or received, or the socket broke. Told only where it is heard. */
  error: [error: Error];
  /** The socket is closed: once. */
  close: [];
  /** What goes on, without contents. */
  debug: [message: string];
  /** A datagram came from the remote address; the bytes are the receiver's own. */
  message: [message: Buffer];
}

/** The core takes a socket over. It is opening; nothing is told from inside this call. */
let drive: (socket: VoiceUDPSocket, driver: DatagramHandlers) => DatagramSocket;
export { drive as driveUdpSocket };

/** A UDP socket to a voice server: it hears nobody else. */
export class VoiceUDPSocket extends EventEmitter<VoiceUDPSocketEvents> {
  /** Last round-trip time of a keepalive in milliseconds; only a `Networking` measures it. */
  ping: number | undefined = undefined;
  readonly #remote: SocketConfig;
  readonly #requests = new Set<AddressRequest>();
  #state: "opening" | "open" | "closed" = "opening";
  #queue: Uint8Array[] = [];
  #dropped = 0;
  #socket: DatagramSocket | undefined;
  #driver: DatagramHandlers | undefined;

  static {
    drive = (udp, driver) => {
      udp.#driver = driver;
      return {
        send: (datagram) => udp.send(datagram),
        get dropped() {
          return udp.dropped;
        },
        close: () => {
          udp.#driver = undefined;
          udp.destroy();
        },
      };
    };
  }

  /**
   * Opens a socket.
   *
   * @param remote Where Ready says that the voice server is.
   * @param transport The sockets; by default those of the runtime, which is detected.
   */
  constructor(remote: SocketConfig, transport?: Transport) {
    super();
    this.#remote = { ...remote };
    if (transport !== undefined) this.#open(transport);
    else {
      detectTransport().then(
        (detected) => this.#open(detected),
        (error: Error) => this.#end(error),
      );
    }
  }

  /** Datagrams that were not sent: the queue was full, the socket closed, the runtime too slow. */
  get dropped(): number {
    return this.#dropped + (this.#socket?.dropped ?? 0);
  }

  /**
   * Sends a datagram: now, or once the socket is open. What cannot be sent is dropped and
   * counted, as UDP may lose it anyway.
   *
   * @param buffer The datagram; its bytes may be reused when the call returns.
   */
  send(buffer: Uint8Array): void {
    if (this.#state === "open") this.#socket?.send(buffer);
    else if (this.#state === "opening" && this.#queue.length < UDP_QUEUE_LIMIT) {
      this.#queue.push(Uint8Array.from(buffer));
    } else this.#dropped++;
  }

  /** Closes the socket and frees everything. A second call does nothing. */
  destroy(): void {
    this.#end(undefined);
  }

  /**
   * Asks the voice server from which address the datagrams of this socket come. The question
   * is repeated, five times within 6.2 seconds.
   *
   * @param ssrc The client's SSRC, as Ready says.
   * @returns The address, for Select Protocol.
   * @throws {VoiceConnectError} No answer came, or the socket broke.
   * @throws {LocalProtocolError} The socket is closed, or was destroyed meanwhile.
   * @throws {RangeError} It is no SSRC.
   */
  async performIPDiscovery(ssrc: number): Promise<SocketConfig> {
    if (!Number.isInteger(ssrc) || ssrc < 0 || ssrc >= SSRC_LIMIT) {
      throw new RangeError(`Cannot find the own address of SSRC ${ssrc}: it must have 32 bits`);
    }
    if (this.#state === "closed") throw gone();
    const request = new AddressRequest(ssrc, (datagram) => this.send(datagram));
    this.#requests.add(request);
    if (this.#state === "open") request.start();
    tell(this, "debug", `IP discovery for SSRC ${ssrc}`);
    try {
      return await request.answer;
    } finally {
      this.#requests.delete(request);
    }
  }

  #open(transport: Transport): void {
    if (this.#state === "closed") return;
    const { ip: address, port } = this.#remote;
    this.#socket = transport.openDatagram({ address, port }, {
      open: () => this.#opened(),
      message: (datagram) => this.#receive(datagram),
      error: (error) => this.#failed(error),
      close: (error) => this.#end(error),
    });
  }

  #opened(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    for (const datagram of this.#queue.splice(0)) this.#socket?.send(datagram);
    for (const request of this.#requests) request.start();
    tell(this, "debug", "open");
    this.#driver?.open();
  }

  #receive(datagram: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#driver?.message(datagram);
    for (const request of this.#requests) request.receive(datagram);
    if (this.listenerCount("message") > 0) tell(this, "message", Buffer.from(datagram));
  }

  #failed(error: Error): void {
    if (this.#state === "closed") return;
    this.#driver?.error(error);
    tell(this, "error", error);
  }

  #end(error: Error | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#dropped += this.#queue.length;
    this.#queue = [];
    this.#socket?.close();
    for (const request of this.#requests) {
      request.fail(error === undefined ? gone() : unreachable(error.message));
    }
    tell(this, "debug", "closed");
    this.#driver?.close(error ?? new Error("the UDP socket was destroyed"));
    this.#driver = undefined;
    if (error !== undefined) tell(this, "error", error);
    tell(this, "close");
  }
}

function gone(): LocalProtocolError {
  return new LocalProtocolError("Cannot find the own address: the UDP socket is closed");
}
