/**
 * A TCP front for Deno's server, whose WebSockets cannot be broken: `Deno.serve` gives no
 * hold of a connection. The front passes bytes on, and can break one connection.
 *
 * @module
 */

import { listenError } from "./listen_error.ts";

const HOSTNAME = "127.0.0.1";

/** A TCP server before another one. */
export class TcpFront {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #clients = new Map<number, Deno.TcpConn>();

  /**
   * Starts to listen on 127.0.0.1.
   *
   * @param port The port; 0 asks for a free one.
   * @param target Port of the server behind it.
   * @throws {Error} The port is taken.
   */
  constructor(port: number, target: number) {
    this.#target = target;
    try {
      this.#listener = Deno.listen({ hostname: HOSTNAME, port });
    } catch (error) {
      throw listenError("TCP", port, error);
    }
    this.#accept();
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /**
   * Breaks a connection.
   *
   * @param port Port of the client, as the server behind the front sees it.
   */
  cut(port: number): void {
    const client = this.#clients.get(port);
    if (client !== undefined) end(client);
  }

  /** Stops listening and breaks all connections. */
  close(): void {
    this.#listener.close();
    for (const client of this.#clients.values()) end(client);
  }

  async #accept(): Promise<void> {
    try {
      for (;;) this.#pass(await this.#listener.accept());
    } catch {
      // the front is closed
    }
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: HOSTNAME, port: this.#target });
    } catch {
      return end(client); // the server behind it is closed
    }
    const { port } = server.localAddr;
    this.#clients.set(port, client);
    for (const connection of [client, server]) connection.setNoDelay();
    await Promise.all([copy(client, server), copy(server, client)]);
    this.#clients.delete(port);
  }
}

/** Copies until one side ends, and then ends both: neither speaks on alone. */
async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (let size; (size = await from.read(buffer)) !== null;) {
      for (let sent = 0; sent < size;) sent += await to.write(buffer.subarray(sent, size));
    }
  } catch {
    // it is broken
  }
  end(from);
  end(to);
}

function end(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // it is closed
  }
}
