/**
 * Starts a lane's worker. Its program is embedded, since a module that was published on JSR has no
 * file that a worker could be started with, and on Deno a file would need `--allow-read`. It is a
 * worker of `node:worker_threads` everywhere: on Deno a worker of the web does not tell that it
 * has ended by itself.
 *
 * @module
 */

import { Worker } from "node:worker_threads";

import { LANE_WORKER } from "./program.ts";
import type { LaneThread, LaneThreadHandlers } from "./lane.ts";

/**
 * Starts a worker.
 *
 * @param handlers Hear of it; `failed` of its end too, whoever ends it.
 * @param program JavaScript of a module.
 * @throws Where the runtime has no workers, or starts no more.
 */
export function startLaneThread(
  { message, failed }: LaneThreadHandlers,
  program: string = LANE_WORKER,
): LaneThread {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  const ended = (why: string): void => failed(new Error(`Cannot go on with a worker: ${why}`));
  worker.on("message", message);
  worker.on("error", (error) => ended(error instanceof Error ? error.message : `${error}`));
  worker.on("exit", (code) => ended(`it has ended with code ${code}`));
  return {
    post: (sent) => worker.postMessage(sent),
    terminate: () => void worker.terminate(),
  };
}
