/**
 * A TLS handshake, with the certificate authorities that the runtime's WebSocket trusts:
 * Deno has its own, which `node:tls` on Deno need not share.
 *
 * @module
 */

import { isIP } from "node:net";
import { connect } from "node:tls";

import type { Transport } from "../transport.ts";
import { tlsFault } from "./fault.ts";
import { type Finding, notChecked, orAborted } from "./finding.ts";
import type { Target } from "./target.ts";

/**
 * Shakes hands and hangs up.
 *
 * @param runtime Whose means are used.
 * @param target Where to.
 * @param signal Ends the attempt.
 */
export async function checkTls(
  runtime: Transport["runtime"],
  { host, port, secure }: Target,
  signal: AbortSignal,
): Promise<Finding> {
  if (!secure) return notChecked("the URL is ws://");
  const start = performance.now();
  try {
    await (runtime === "deno" ? shakeDeno : shakeNode)(host, port, signal);
  } catch (error) {
    return tlsFault(error);
  }
  const time = Math.round(performance.now() - start);
  return { status: "ok", detail: `the certificate is valid for ${host}, handshake in ${time} ms` };
}

/** The part of the `Deno` namespace that is used here. */
interface DenoTls {
  connectTls(options: { hostname: string; port: number }): Promise<{
    handshake(): Promise<unknown>;
    close(): void;
  }>;
}

async function shakeDeno(hostname: string, port: number, signal: AbortSignal): Promise<void> {
  const { Deno } = globalThis as unknown as { Deno: DenoTls };
  const opening = Deno.connectTls({ hostname, port });
  const close = (): void => void opening.then((conn) => conn.close(), () => {});
  try {
    await orAborted(signal, opening.then((conn) => conn.handshake()));
  } finally {
    close();
  }
}

async function shakeNode(host: string, port: number, signal: AbortSignal): Promise<void> {
  const shaken = Promise.withResolvers<void>();
  const servername = isIP(host) === 0 ? host : undefined;
  const socket = connect({ host, port, servername });
  socket.on("error", shaken.reject).on("secureConnect", () => shaken.resolve());
  socket.on("close", () => shaken.reject(new Error("ECONNRESET")));
  try {
    await orAborted(signal, shaken.promise);
  } finally {
    socket.destroy();
  }
}
