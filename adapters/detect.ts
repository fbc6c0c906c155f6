/**
 * Finds out which runtime this is and loads the transport for it, and no other.
 * For programs that run on all three; a bot for one runtime imports it by name.
 *
 * @module
 */

import type { Transport } from "./transport.ts";

/**
 * The runtime that this program runs on.
 *
 * @throws {Error} Where it is neither Deno nor Bun nor Node.
 */
export function detectRuntime(): Transport["runtime"] {
  const { Deno, Bun, process } = globalThis as unknown as RuntimeGlobals;
  if (Deno !== undefined) return "deno";
  if (Bun !== undefined) return "bun";
  if (process?.versions?.node !== undefined) return "node";
  throw new Error(
    "Cannot detect the runtime: neither Deno, Bun nor Node, give a transport of your own",
  );
}

/**
 * The transport for the runtime that this program runs on.
 *
 * @throws {Error} Where it is neither Deno nor Bun nor Node.
 */
export async function detectTransport(): Promise<Transport> {
  switch (detectRuntime()) {
    case "deno":
      return (await import("./deno_transport.ts")).denoTransport;
    case "bun":
      return (await import("./bun_transport.ts")).bunTransport;
    case "node":
      return (await import("./node_transport.ts")).nodeTransport;
  }
}

/** What tells the runtimes apart. Deno and Bun have a `process` too. */
interface RuntimeGlobals {
  readonly Deno?: unknown;
  readonly Bun?: unknown;
  readonly process?: { readonly versions?: { readonly node?: string } };
}
