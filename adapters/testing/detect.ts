/**
 * Loads the server sockets for the runtime that this program runs on, and no
 * others: `npm:ws`, which Node needs, reads the environment when it is loaded.
 *
 * @module
 */

import { detectRuntime } from "../detect.ts";
import type { ServerTransport } from "./transport.ts";

/**
 * The server sockets of the runtime that this program runs on.
 *
 * @throws {Error} Where it is neither Deno nor Bun nor Node.
 */
export async function serverTransport(): Promise<ServerTransport> {
  switch (detectRuntime()) {
    case "deno":
      return (await import("./deno_server.ts")).denoServerTransport;
    case "bun":
      return (await import("./bun_server.ts")).bunServerTransport;
    case "node":
      return (await import("./node_server.ts")).nodeServerTransport;
  }
}
