import { assert, assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import test from "node:test";
import {
  CLOSE_LIMIT,
  Lane,
  type LaneThread,
  type LaneThreadHandlers,
  LEAD,
} from "../../../adapters/worker/lane.ts";
import { type LaneSurroundings, LaneWorker } from "../../../adapters/worker/lane_worker.ts";
import type { LaneCommand, LaneReport, LaneStart } from "../../../adapters/worker/protocol.ts";
import type { DatagramHandlers, SocketAddress } from "../../../adapters/transport.ts";
import { inFakeTime } from "../fake_sockets.ts";
import { thrownLater } from "../thrown_later.ts";

const REMOTE: SocketAddress = { address: "127.0.0.1", port: 5000 };

/** A socket of the worker's side. */
interface FarSocket {
  readonly remote: SocketAddress;
  readonly handlers: DatagramHandlers;
  readonly sent: string[];
  closed: boolean;
}

/** Both halves in this thread; messages are copied, and arrive later. */
class Stage {
  readonly far: FarSocket[] = [];
  readonly told: (Error | undefined)[] = [];
  readonly lane: Lane;
  handlers!: LaneThreadHandlers;
  terminated = 0;
  #worker: LaneWorker | undefined;

  constructor() {
    this.lane = new Lane((handlers) => this.#start(handlers), (error) => this.told.push(error));
  }

  #start(handlers: LaneThreadHandlers): LaneThread {
    this.handlers = handlers;
    return {
      post: (message) => {
        const copy = structuredClone(message);
        setTimeout(() => this.#receive(copy), 0);
      },
      terminate: () => void this.terminated++,
    };
  }

  #receive(message: LaneStart | LaneCommand): void {
    if (message.type !== "start") return this.#worker!.handle(message);
    this.#worker = new LaneWorker(message, {
      openDatagram: this.#open,
      post: (report: LaneReport) => {
        const copy = structuredClone(report);
        setTimeout(() => this.handlers.message(copy), 0);
      },
    });
  }

  readonly #open: LaneSurroundings["openDatagram"] = (remote, handlers) => {
    const socket: FarSocket = { remote, handlers, sent: [], closed: false };
    this.far.push(socket);
    queueMicrotask(() => handlers.open());
    return {
      send: (datagram) => void socket.sent.push([...datagram].join()),
      dropped: 3,
      close: (closed) => {
        socket.closed = true;
        setTimeout(() => closed?.(), 0);
      },
    };
  };
}

/** What a socket of this side hears. */
function hearing(): DatagramHandlers & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    open: () => void heard.push("open"),
    message: (datagram) => void heard.push([...datagram].join()),
    error: ({ message }) => void heard.push(`error ${message}`),
    close: ({ message }) => void heard.push(`close ${message}`),
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; n < 2000 && !condition(); n++) await sleep(1);
  assert(condition());
}

test("Lane opens sockets in the worker, sends at once and at an instant, and hands over what comes", async () => {
  const stage = new Stage();
  const events = hearing();
  const socket = stage.lane.openDatagram(REMOTE, events);
  assertEquals(socket.lead, LEAD);
  await until(() => events.heard.length === 1);
  const [far] = stage.far;
  assertEquals(far!.remote, REMOTE);

  const bytes = Uint8Array.of(1, 2);
  const at = performance.now() + 30;
  socket.sendAt!(bytes, at);
  bytes.fill(9);
  socket.send(bytes);
  await until(() => far!.sent.length === 1);
  assertEquals(far!.sent, ["9,9"]);
  await until(() => far!.sent.length === 2);
  assert(performance.now() > at - 1);
  assertEquals(far!.sent, ["9,9", "1,2"]);

  far!.handlers.message(Uint8Array.of(4, 5, 6));
  far!.handlers.message(Uint8Array.of(7));
  far!.handlers.error(new Error("port unreachable"));
  await until(() => events.heard.length === 4);
  assertEquals(events.heard.toSorted(), ["4,5,6", "7", "error port unreachable", "open"]);
  socket.close();
});

test("Lane sends what comes after the worker has gone to sleep, and tells what became of it", async () => {
  const stage = new Stage();
  const events = hearing();
  const socket = stage.lane.openDatagram(REMOTE, events);
  socket.sendAt!(Uint8Array.of(1), performance.now());
  await until(() => socket.pacing!.count === 1);
  assertEquals(socket.dropped, 3);
  assert(socket.pacing!.p50 >= 0 && socket.pacing!.p99 >= socket.pacing!.p50);
  await sleep(20);
  socket.send(Uint8Array.of(2));
  await until(() => stage.far[0]!.sent.length === 2);
  socket.close();
});

test("Lane ends its worker with the last socket; nothing is heard of a closed one", async () => {
  const stage = new Stage();
  const [first, second] = [hearing(), hearing()];
  const sockets = [stage.lane.openDatagram(REMOTE, first), stage.lane.openDatagram(REMOTE, second)];
  await until(() => first.heard.length === 1 && second.heard.length === 1);
  sockets[0]!.close();
  sockets[0]!.close();
  sockets[0]!.send(Uint8Array.of(1));
  stage.far[0]!.handlers.message(Uint8Array.of(1));
  await until(() => stage.far[0]!.closed);
  assertEquals([stage.terminated, stage.told, stage.lane.size], [0, [], 1]);
  sockets[1]!.close();
  assertEquals([stage.terminated, stage.told, stage.lane.size], [0, [], 0]);
  await until(() => stage.terminated === 1);
  stage.handlers.failed(new Error("has ended"));
  assertEquals([stage.terminated, stage.told], [1, [undefined]]);
  assert(stage.far[1]!.closed);
  assertEquals([first.heard, second.heard], [["open"], ["open"]]);
});

test("Lane passes on that a socket is broken, once, and ends where it was the last", async () => {
  const stage = new Stage();
  const events = hearing();
  stage.lane.openDatagram(REMOTE, events);
  await until(() => events.heard.length === 1);
  stage.far[0]!.handlers.close(new Error("gone"));
  await until(() => events.heard.length === 2);
  assertEquals(events.heard, ["open", "close gone"]);
  await until(() => stage.terminated === 1);
  assertEquals(stage.told, [undefined]);
});

test("Lane.close sends what was sent, drops and counts what was for later, and tells a last time", async () => {
  const stage = new Stage();
  const [events, others] = [hearing(), hearing()];
  const socket = stage.lane.openDatagram(REMOTE, events);
  const other = stage.lane.openDatagram(REMOTE, others);
  await until(() => events.heard.length === 1 && others.heard.length === 1);
  const later = performance.now() + LEAD;
  for (const byte of [1, 2, 3]) {
    socket.sendAt!(Uint8Array.of(byte), later);
    other.sendAt!(Uint8Array.of(byte), performance.now());
  }
  socket.sendAt!(Uint8Array.of(8), performance.now());
  socket.send(Uint8Array.of(9));
  socket.close();
  socket.sendAt!(Uint8Array.of(4), later);
  assertEquals(socket.dropped, 0);
  await until(() => socket.dropped === 3 + 3); // 3 are the far socket's own
  assertEquals(stage.far[0]!.sent.toSorted(), ["8", "9"]);
  await until(() => stage.far[1]!.sent.length === 3);
  assertEquals(stage.terminated, 0);
  other.close();
  await until(() => stage.terminated === 1);
  assertEquals([other.dropped, other.pacing!.count], [3, 3]);
});

test("Lane counts what was on its way to a socket that broke", async () => {
  const stage = new Stage();
  const events = hearing();
  const socket = stage.lane.openDatagram(REMOTE, events);
  await until(() => events.heard.length === 1);
  socket.sendAt!(Uint8Array.of(1), performance.now() + LEAD);
  socket.send(Uint8Array.of(2));
  stage.far[0]!.handlers.close(new Error("gone"));
  await until(() => stage.terminated === 1);
  assertEquals([stage.far[0]!.sent, socket.dropped], [[], 3 + 2]);
});

test("Lane goes on with its worker where a socket is opened before that was ended", async () => {
  const stage = new Stage();
  stage.lane.openDatagram(REMOTE, hearing()).close();
  const events = hearing();
  const socket = stage.lane.openDatagram(REMOTE, events);
  await until(() => events.heard.length === 1 && stage.far[0]!.closed);
  await sleep(5);
  assertEquals([stage.terminated, stage.told], [0, []]);
  socket.close();
  await until(() => stage.terminated === 1);
});

test(
  "Lane ends a worker that does not answer to the last close",
  inFakeTime((time) => {
    let terminated = 0;
    const told: unknown[] = [];
    const lane = new Lane(
      () => ({ post() {}, terminate: () => terminated++ }),
      (error) => told.push(error),
    );
    lane.openDatagram(REMOTE, hearing()).close();
    time.advance(CLOSE_LIMIT - 1);
    assertEquals(terminated, 0);
    time.advance(1);
    assertEquals([terminated, told, time.armed], [1, [undefined], []]);
  }),
);

test("Lane goes on to hear where a message handler throws", async () => {
  const stage = new Stage();
  const events = hearing();
  const message = (datagram: Uint8Array) => {
    events.message(datagram);
    throw new Error(`of ${datagram}`);
  };
  const socket = stage.lane.openDatagram(REMOTE, { ...events, message });
  await until(() => events.heard.length === 1);
  const thrown = await thrownLater(async () => {
    for (const byte of [1, 2]) stage.far[0]!.handlers.message(Uint8Array.of(byte));
    await until(() => events.heard.length === 3);
    stage.far[0]!.handlers.message(Uint8Array.of(3));
    await until(() => events.heard.length === 4);
  });
  assertEquals(events.heard, ["open", "1", "2", "3"]);
  assertEquals(thrown.map((error) => (error as Error).message), ["of 1", "of 2", "of 3"]);
  socket.close();
});

test("Lane closes all sockets where the worker fails, and later ones too", async () => {
  const stage = new Stage();
  const [first, second, third] = [hearing(), hearing(), hearing()];
  const socket = stage.lane.openDatagram(REMOTE, first);
  stage.lane.openDatagram(REMOTE, second);
  stage.handlers.failed(new Error("no workers"));
  stage.handlers.failed(new Error("again"));
  assertEquals([first.heard, second.heard], [["close no workers"], ["close no workers"]]);
  assertEquals(stage.told.map((error) => error?.message), ["no workers"]);
  stage.lane.openDatagram(REMOTE, third);
  socket.send(Uint8Array.of(1));
  socket.close();
  await until(() => third.heard.length === 1);
  assertEquals(third.heard, ["close no workers"]);
});

test("Lane counts what finds no room while the worker does not read", async () => {
  const stage = new Stage();
  const socket = stage.lane.openDatagram(REMOTE, hearing());
  const datagram = new Uint8Array(60_000);
  for (let n = 0; n < 40; n++) socket.send(datagram);
  assertEquals(socket.dropped, 40 - 17);
  await until(() => stage.far[0]?.sent.length === 17);
  socket.send(datagram);
  await until(() => stage.far[0]!.sent.length === 18);
  socket.close();
});
