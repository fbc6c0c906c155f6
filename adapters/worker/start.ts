/**
 * Starts a lane's worker. Its program is embedded, since a module that was published on JSR has no
 * file that a worker could be started with, and on Deno a file would need `--allow-read`.
 *
 * @module
 */

import { Worker as NodeWorker } from "node:worker_threads";

import { LANE_WORKER } from "./program.ts";
import type { LaneThread, LaneThreadHandlers } from "./lane.ts";
import type { LaneReport } from "./protocol.ts";

/** Starts a worker of `node:worker_threads` on Node, else one of the web's. */
export function startLaneThread(handlers: LaneThreadHandlers): LaneThread {
  return typeof Worker === "undefined" ? startOnNode(handlers) : startOnWeb(handlers);
}

function startOnWeb({ message, failed }: LaneThreadHandlers): LaneThread {
  const url = URL.createObjectURL(new Blob([LANE_WORKER], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }) => message(data as LaneReport);
  worker.onerror = (event) => {
    event.preventDefault();
    failed(new Error(`Cannot go on with a worker: ${event.message}`));
  };
  return {
    post: (sent) => worker.postMessage(sent),
    terminate() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

function startOnNode({ message, failed }: LaneThreadHandlers): LaneThread {
  const worker = new NodeWorker(new URL(`data:text/javascript,${encodeURIComponent(LANE_WORKER)}`));
  worker.on("message", (report: LaneReport) => message(report));
  worker.on("error", (error: Error) => failed(error));
  return {
    post: (sent) => worker.postMessage(sent),
    terminate: () => void worker.terminate(),
  };
}
