import { assertEquals } from "@std/assert";
import { Socket } from "node:dgram";
import test from "node:test";

import { openDgram } from "../../adapters/dgram.ts";

/**
 * Has `node:dgram` queue datagrams as Node does where the system's buffer is full: by reference.
 * No buffer gets full on loopback, so that the two functions that tell are replaced.
 */
function withFullBuffer(run: (queued: Uint8Array[]) => void): void {
  const { send, getSendQueueCount } = Socket.prototype;
  const queued: Uint8Array[] = [];
  Object.assign(Socket.prototype, {
    send: (bytes: Uint8Array, offset: number, length: number) =>
      void queued.push(bytes.subarray(offset, offset + length)),
    getSendQueueCount: () => queued.length,
  });
  try {
    run(queued);
  } finally {
    Object.assign(Socket.prototype, { send, getSendQueueCount });
  }
}

test("openDgram on Node queues a copy where the system's buffer is full, and counts what follows", async () => {
  const opened = Promise.withResolvers<void>();
  const handlers = { open: opened.resolve, message() {}, error() {}, close: opened.reject };
  const socket = openDgram({ address: "127.0.0.1", port: 9 }, handlers, "node");
  await opened.promise;
  try {
    withFullBuffer((queued) => {
      // First such that the copy has room, then such that it needs more.
      for (const size of [4, 2000]) {
        const buffer = new Uint8Array(size).fill(1);
        const expected = buffer.slice();
        const { dropped } = socket;
        socket.send(buffer);
        buffer.fill(2);
        socket.send(buffer);
        assertEquals([queued, socket.dropped], [[expected], dropped + 1]);
        queued.length = 0;
      }
      socket.send(Uint8Array.of(3));
      socket.close();
      socket.close();
      assertEquals(socket.dropped, 3);
    });
  } finally {
    socket.close();
  }
});
