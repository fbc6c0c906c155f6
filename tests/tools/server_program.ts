/**
 * The embedded voice server as a process of its own.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";

const PROGRAM = fileURLToPath(new URL("../../adapters/testing/cli.ts", import.meta.url));
const TOKEN = "token-of-a-test-server";

/** A server that runs. It is stopped where it is let go. */
export interface ServerProgram extends AsyncDisposable {
  /** Endpoint of the voice WebSocket. */
  readonly url: string;
  /** The token that it takes. */
  readonly token: string;
}

/**
 * Starts a server on the present runtime.
 *
 * @param options Its command line, without ports and token.
 */
export async function startServerProgram(options: readonly string[] = []): Promise<ServerProgram> {
  const runtime = currentRuntime();
  const args = [...runArguments(runtime, PROGRAM), "--token", TOKEN, ...options];
  const child = spawn(await runtimePath(runtime), args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const [line] = await once(createInterface(child.stdout), "line");
  const { port } = JSON.parse(line) as { readonly port: number };
  return {
    url: `ws://127.0.0.1:${port}`,
    token: TOKEN,
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await ended;
    },
  };
}
