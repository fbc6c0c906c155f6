/**
 * The transport of the runtime that this program runs on, without waiting: `joinVoiceChannel`
 * sends op 4 before it returns.
 *
 * @module
 */

import { bunTransport } from "../bun_transport.ts";
import { denoTransport } from "../deno_transport.ts";
import { detectRuntime } from "../detect.ts";
import { nodeTransport } from "../node_transport.ts";
import type { Transport } from "../transport.ts";

/**
 * Finds the transport.
 *
 * @throws {Error} The runtime is neither Deno nor Bun nor Node.
 */
export function runtimeTransport(): Transport {
  return { deno: denoTransport, bun: bunTransport, node: nodeTransport }[detectRuntime()];
}
