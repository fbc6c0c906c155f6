/**
 * What `streams.c sink` is, where no C compiler is there: with the time at which a packet was read
 * in place of the kernel's, and without knowledge of what was lost.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { discoveryResponse, parseDiscoveryRequest } from "../../lib/ip_discovery.ts";
import { keepaliveReply, parseKeepalive } from "../../lib/keepalive.ts";

/** What came in a window. */
export interface SinkReport {
  /** Packets. */
  readonly packets: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Who sent them. */
  readonly senders: number;
  /** Length of the window. */
  readonly seconds: number;
  /** Half of the packets were at most so many milliseconds late. */
  readonly p50: number;
  /** 99 of 100 packets were at most so many milliseconds late. */
  readonly p99: number;
  /** Packets that the kernel dropped since the sink is too slow. */
  readonly dropped: number;
}

interface Sender {
  readonly timestamp: number;
  readonly at: number;
  readonly late: number[];
}

/** A window in which packets are counted. */
class Window {
  readonly #start = performance.now();
  readonly #senders = new Map<number, Sender>();
  #packets = 0;
  #bytes = 0;

  count(port: number, packet: Uint8Array<ArrayBuffer>): void {
    const at = performance.now();
    const { buffer, byteOffset, length } = packet;
    const timestamp = new DataView(buffer, byteOffset).getUint32(4);
    this.#packets++;
    this.#bytes += length;
    let sender = this.#senders.get(port);
    if (sender === undefined) this.#senders.set(port, sender = { timestamp, at, late: [] });
    sender.late.push(at - sender.at - (timestamp - sender.timestamp | 0) / 48);
  }

  report(): SinkReport {
    const late = Float64Array.from([...this.#senders.values()].flatMap(({ late }) => {
      const least = late.reduce((a, b) => Math.min(a, b));
      return late.map((each) => each - least);
    })).sort();
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      senders: this.#senders.size,
      seconds: (performance.now() - this.#start) / 1000,
      p50: late[late.length >> 1] ?? 0,
      p99: late[Math.floor(late.length * 0.99)] ?? 0,
      dropped: 0,
    };
  }
}

/** Whether it is RTP; RTCP looks the same but for its types. */
function isPacket(data: Uint8Array): boolean {
  return data.length > 12 && data[0]! >> 6 === 2 && !(data[1]! >= 200 && data[1]! <= 204);
}

if (import.meta.main) {
  const socket = createSocket("udp4");
  let window: Window | undefined;
  socket.on("message", (data, { address, port }) => {
    if (isPacket(data)) return window?.count(port, data as Uint8Array<ArrayBuffer>);
    const request = parseDiscoveryRequest(data);
    const sequence = parseKeepalive(data);
    if (request !== undefined) {
      socket.send(discoveryResponse(request.ssrc, { address, port }), port, address);
    } else if (sequence !== undefined) socket.send(keepaliveReply(sequence), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  console.log(JSON.stringify({ port: socket.address().port }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "start") window = new Window();
    else console.log(JSON.stringify(window?.report()));
  }
  process.exit();
}
