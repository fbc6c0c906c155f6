/**
 * The lanes of the process. Each has a worker, which is started with its first socket and ended
 * soon after its last one. Where workers cannot be started, sockets are opened in the main thread.
 *
 * @module
 */

import { availableParallelism } from "node:os";

import type { DatagramHandlers, DatagramSocket, SocketAddress, Transport } from "../transport.ts";
import { Lane } from "./lane.ts";
import { startLaneThread } from "./start.ts";

/** Most workers; one core is left to the main thread. */
const LANE_LIMIT = 4;

/** Hands sockets out to lanes. */
export class LanePool {
  readonly #startThread: typeof startLaneThread;
  readonly #limit: number;
  readonly #lanes = new Set<Lane>();
  #isBroken = false;

  /**
   * Starts without a lane.
   *
   * @param startThread Starts a worker.
   * @param limit Most workers.
   */
  constructor(
    startThread: typeof startLaneThread = startLaneThread,
    limit: number = lanesOf(availableParallelism()),
  ) {
    this.#startThread = startThread;
    this.#limit = limit;
  }

  /** Workers that run. */
  get size(): number {
    return this.#lanes.size;
  }

  /** The transport with its datagram sockets in workers. */
  transport(inner: Transport): Transport {
    return {
      ...inner,
      openDatagram: (remote, handlers) => this.#open(inner, remote, handlers),
    };
  }

  #open(inner: Transport, remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket {
    const lane = this.#isBroken ? undefined : this.#lane();
    return (lane ?? inner).openDatagram(remote, handlers);
  }

  /** The lane with the fewest sockets, or a new one where each has some. */
  #lane(): Lane | undefined {
    const [emptiest] = [...this.#lanes].toSorted((a, b) => a.size - b.size);
    const isTaken = emptiest?.size === 0 || this.#lanes.size >= this.#limit;
    if (emptiest !== undefined && isTaken) return emptiest;
    try {
      const lane: Lane = new Lane(this.#startThread, (error) => {
        this.#lanes.delete(lane);
        this.#isBroken ||= error !== undefined;
      });
      this.#lanes.add(lane);
      return lane;
    } catch {
      this.#isBroken = true;
      return undefined;
    }
  }
}

function lanesOf(cores: number): number {
  return Math.min(LANE_LIMIT, Math.max(1, cores - 1));
}

/** The lanes of the process. */
export const lanePool: LanePool = /* @__PURE__ */ new LanePool();
