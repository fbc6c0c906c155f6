/**
 * The program of a lane's worker. It is bundled and embedded by `deno task worker`.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import process from "node:process";

import { openBunDatagram } from "../bun_datagram.ts";
import { openDenoDatagram } from "../deno_datagram.ts";
import { openDgram } from "../dgram.ts";
import type { Transport } from "../transport.ts";
import { LaneWorker } from "./lane_worker.ts";
import type { LaneCommand, LaneReport, LaneStart } from "./protocol.ts";

/** The part of a web worker's global object that is used. */
interface WorkerScope {
  postMessage(report: LaneReport): void;
  onmessage: (event: { readonly data: LaneStart | LaneCommand }) => void;
}

const openDatagram: Transport["openDatagram"] = "deno" in process.versions
  ? openDenoDatagram
  : "bun" in process.versions
  ? openBunDatagram
  : (remote, handlers) => openDgram(remote, handlers, "node");

let worker: LaneWorker | undefined;

function handle(message: LaneStart | LaneCommand, post: (report: LaneReport) => void): void {
  if (message.type === "start") worker = new LaneWorker(message, { openDatagram, post });
  else worker?.handle(message);
}

const scope = globalThis as unknown as WorkerScope;
if (typeof scope.postMessage === "function") {
  scope.onmessage = ({ data }) => handle(data, (report) => scope.postMessage(report));
} else {
  const port = parentPort!;
  port.on("message", (message) => handle(message, (report) => port.postMessage(report)));
}
