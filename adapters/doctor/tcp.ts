/**
 * A TCP connection, by the means of each runtime.
 *
 * @module
 */

import { connect } from "node:net";

import type { Transport } from "../transport.ts";
import { tcpFault } from "./fault.ts";
import { type Finding, orAborted } from "./finding.ts";
import type { Target } from "./target.ts";

/**
 * Connects and hangs up.
 *
 * @param runtime Whose means are used.
 * @param target Where to.
 * @param signal Ends the attempt.
 */
export async function checkTcp(
  runtime: Transport["runtime"],
  { host, port }: Target,
  signal: AbortSignal,
): Promise<Finding> {
  const start = performance.now();
  try {
    await CONNECT[runtime](host, port, signal);
  } catch (error) {
    return tcpFault(error);
  }
  const time = Math.round(performance.now() - start);
  return { status: "ok", detail: `connected to ${host} port ${port} in ${time} ms` };
}

type Connect = (host: string, port: number, signal: AbortSignal) => Promise<void>;

const CONNECT: { readonly [R in Transport["runtime"]]: Connect } = {
  deno: connectDeno,
  bun: connectBun,
  node: connectNode,
};

/** The parts of the `Deno` and `Bun` namespaces that are used here. */
interface RuntimeGlobals {
  readonly Deno: {
    connect(
      options: { hostname: string; port: number; signal: AbortSignal },
    ): Promise<{ close(): void }>;
  };
  readonly Bun: {
    connect(options: {
      hostname: string;
      port: number;
      socket: { data(): void; connectError(socket: unknown, error: Error): void };
    }): Promise<{ terminate(): void }>;
  };
}

async function connectDeno(hostname: string, port: number, signal: AbortSignal): Promise<void> {
  const { Deno } = globalThis as unknown as RuntimeGlobals;
  const opening = Deno.connect({ hostname, port, signal });
  await hangUp(opening, (conn) => conn.close(), signal);
}

async function connectBun(hostname: string, port: number, signal: AbortSignal): Promise<void> {
  const { Bun } = globalThis as unknown as RuntimeGlobals;
  const opening = Bun.connect({ hostname, port, socket: { data() {}, connectError() {} } });
  await hangUp(opening, (socket) => socket.terminate(), signal);
}

/** Closes what is opened, also where that comes after the signal. */
async function hangUp<T>(
  opening: Promise<T>,
  close: (opened: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const closed = opening.then(close);
  closed.catch(() => {});
  await orAborted(signal, closed);
}

async function connectNode(host: string, port: number, signal: AbortSignal): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const socket = connect({ host, port });
  socket.on("error", opened.reject).on("connect", () => opened.resolve());
  try {
    await orAborted(signal, opened.promise);
  } finally {
    socket.destroy();
  }
}
