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
import { type LaneSurroundings, LaneWorker } from "./lane_worker.ts";
import type { LaneCommand, LaneReport, LaneStart } from "./protocol.ts";

const openDatagram: LaneSurroundings["openDatagram"] = "deno" in process.versions
  ? openDenoDatagram
  : "bun" in process.versions
  ? openBunDatagram
  : (remote, handlers) => openDgram(remote, handlers, "node");

let worker: LaneWorker | undefined;

const port = parentPort!;
port.on("message", (message: LaneStart | LaneCommand) => {
  if (message.type !== "start") return worker!.handle(message);
  const post = (report: LaneReport): void => port.postMessage(report);
  worker = new LaneWorker(message, { openDatagram, post });
});
