import { assertEquals } from "@std/assert";
import { Socket } from "node:dgram";
import test from "node:test";

import { openDgram } from "../../adapters/dgram.ts";
import type { DatagramSocket } from "../../adapters/transport.ts";

interface Queued {
  readonly by: Socket;
  readonly bytes: Uint8Array;
}

/**
 * Has `node:dgram` queue datagrams as Node does where the system's buffer is full: by reference.
 * No buffer gets full on loopback, so that the two functions that tell are replaced.
 */
function withFullBuffer(run: (queued: Queued[]) => void): void {
  const { send, getSendQueueCount } = Socket.prototype;
  const queued: Queued[] = [];
  Object.assign(Socket.prototype, {
    send(this: Socket, bytes: Uint8Array) {
      queued.push({ by: this, bytes });
    },
    getSendQueueCount(this: Socket) {
      return queued.filter(({ by }) => by === this).length;
    },
  });
  try {
    run(queued);
  } finally {
    Object.assign(Socket.prototype, { send, getSendQueueCount });
  }
}

async function open(): Promise<DatagramSocket> {
  const opened = Promise.withResolvers<void>();
  const handlers = { open: opened.resolve, message() {}, error() {}, close: opened.reject };
  const socket = openDgram({ address: "127.0.0.1", port: 9 }, handlers, "node");
  await opened.promise;
  return socket;
}

test("openDgram on Node queues a copy where the system's buffer is full, and counts what follows", async () => {
  const [socket, other] = [await open(), await open()];
  try {
    withFullBuffer((queued) => {
      // As a packet of audio, and larger than any.
      for (const size of [200, 3000]) {
        const buffer = new Uint8Array(size).fill(1);
        const expected = buffer.slice();
        const { dropped } = socket;
        socket.send(buffer);
        buffer.fill(2);
        socket.send(buffer);
        other.send(buffer);
        assertEquals(queued.map(({ bytes }) => bytes), [expected, buffer]);
        assertEquals([socket.dropped, other.dropped], [dropped + 1, 0]);
        queued.length = 0;
      }
      socket.send(Uint8Array.of(3));
      for (const each of [socket, socket, other]) each.close();
      assertEquals(socket.dropped, 3);
    });
  } finally {
    socket.close();
    other.close();
  }
});
