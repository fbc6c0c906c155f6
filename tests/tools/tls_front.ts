/**
 * TLS in front of a plain TCP server on loopback, for clients that insist on
 * `wss://`. It also is a cable that can be cut: `cut` ends every connection
 * without a close frame.
 *
 * The certificate is the test certificate in `tests/tools/tls`; a child process
 * trusts it by `NODE_EXTRA_CA_CERTS` set to `TLS_CERTIFICATE_PATH`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

/** Path of the certificate that clients have to trust. */
export const TLS_CERTIFICATE_PATH: string = fileURLToPath(
  new URL("./tls/cert.pem", import.meta.url),
);

const KEY_PATH = fileURLToPath(new URL("./tls/key.pem", import.meta.url));
const LOOPBACK = "127.0.0.1";

/** TLS in front of a plain TCP server. */
export interface TlsFront extends AsyncDisposable {
  /** The port on 127.0.0.1 that speaks TLS. */
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  /**
   * Ends every connection abruptly, on both sides: a WebSocket client sees 1006.
   *
   * @returns How many there were.
   */
  cut(): number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1 and hands what is decrypted to another one.
 *
 * @param targetPort Port of the plain server on 127.0.0.1; a function where that server
 * has to know the front's port first. It is asked at every connection.
 * @returns The front, once it listens.
 */
export async function startTlsFront(targetPort: number | (() => number)): Promise<TlsFront> {
  const pairs = new Set<Pair>();
  const server = createServer(
    { cert: readFileSync(TLS_CERTIFICATE_PATH), key: readFileSync(KEY_PATH) },
    (outer) => {
      const port = typeof targetPort === "number" ? targetPort : targetPort();
      const pair = join(outer, connect(port, LOOPBACK), () => pairs.delete(pair));
      pairs.add(pair);
    },
  );
  server.on("tlsClientError", () => {}); // a client that does not trust the certificate
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, LOOPBACK, resolve);
  });
  const cut = (): number => {
    const count = pairs.size;
    for (const pair of [...pairs]) pair.destroy();
    return count;
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      cut();
    });
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    cut,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Both sides of one connection. */
interface Pair {
  /** Ends both sides at once. */
  destroy(): void;
}

/** Copies both ways. The end of one side is the end of the other, behind what was written. */
function join(outer: TLSSocket, inner: Socket, ended: () => void): Pair {
  const pair: Pair = {
    destroy() {
      outer.destroy();
      inner.destroy();
    },
  };
  let open = 2;
  for (const [from, to] of [[outer, inner], [inner, outer]] as const) {
    from.setNoDelay(true);
    from.pipe(to);
    from.on("error", () => pair.destroy());
    from.on("close", () => {
      to.end(() => to.destroy());
      if (--open === 0) ended();
    });
  }
  return pair;
}
