// `forceClose` ends everything before it returns, from wherever it is called.

import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Bench, CHANNEL, packet } from "./fake_connection.ts";
import { type FakeTime, inFakeTime } from "./fake_sockets.ts";
import { CONNECTION_EVENT_TYPES } from "../tools/event_types.ts";

/** What is still open, armed or to come. */
function remains({ transport, connection }: Bench, time: FakeTime) {
  return { open: transport.openCount, armed: time.armed.length, state: connection.state };
}

const NOTHING = { open: 0, armed: 0, state: "closed" as const };

/** Nothing happens any more, whoever calls. */
async function assertOver(bench: Bench, time: FakeTime): Promise<void> {
  const { log } = bench.transport;
  const before = [bench.events.length, log.length, bench.payloads.length];
  bench.connection.forceClose();
  bench.connection.leave();
  bench.callLate();
  assertEquals([bench.events.length, log.length, bench.payloads.length], before);
  assertEquals(remains(bench, time), NOTHING);
  assertEquals(bench.events.at(-1), { type: "closed" });
  assertEquals(bench.destroyed, 1);
  assertEquals(await bench.connection.closed, undefined);
}

for (const code of [undefined, 1000, 3000, 4014, 4999]) {
  test(
    `VoiceConnection.forceClose(${code ?? ""}) ends everything before it returns`,
    inFakeTime(async (time) => {
      const bench = await Bench.connected(time);
      bench.connection.forceClose(code);
      assertEquals(remains(bench, time), NOTHING);
      assertEquals(bench.transport.websocket.closedWith, [code ?? 1000]);
      assertEquals(bench.transport.udp.closed, 1);
      assertEquals(bench.channels, [CHANNEL, null]);
      assertEquals(bench.connection.mode, undefined);
      await assertOver(bench, time);
    }),
  );
}

test(
  "VoiceConnection.forceClose refuses what is no close code, and leave still leaves",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    for (const code of [0, 999, 1001, 1006, 2999, 5000, 3000.5, NaN, "1000" as never]) {
      const { message } = assertThrows(() => bench.connection.forceClose(code), RangeError);
      assertEquals(message, `Cannot close with code ${code}: it is 1000, or 3000 to 4999`);
      assertEquals(remains(bench, time), { open: 2, armed: 1, state: "connected" });
      assertEquals(bench.channels, [CHANNEL]);
    }
    bench.connection.leave();
    assertEquals(bench.connection.state, "closed");
    await assertOver(bench, time);
  }),
);

test(
  "VoiceConnection.forceClose after leave, and leave after forceClose, do nothing",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.connection.leave();
    bench.connection.forceClose(4000);
    assertEquals(bench.transport.websocket.closedWith, [1000]);
    await assertOver(bench, time);
  }),
);

const STATES: Record<string, (bench: Bench, time: FakeTime) => void> = {
  "the wait for a Resume": (bench) => {
    bench.resume();
    bench.transport.websocket.lose(1006);
    bench.transport.websocket.lose(1006);
  },
  "a WebSocket that opens": (bench, time) => {
    bench.transport.websocket.lose(1006);
    time.advance(0);
  },
  "the wait for another server": (bench) => bench.transport.websocket.lose(4014),
  "the wait for a rejoin": (bench) => bench.transport.websocket.lose(4006),
  "a rejoin": (bench, time) => {
    bench.transport.websocket.lose(4006);
    time.advance(1000);
  },
  "a handshake": (bench) => {
    bench.update("other");
    bench.transport.websocket.handlers.open();
  },
};

test(
  "VoiceConnection.forceClose refuses what is no close code after the end, too",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.connection.forceClose();
    assertThrows(() => bench.connection.forceClose(1001), RangeError, "Cannot close with code");
    await assertOver(bench, time);
  }),
);

for (const [name, reach] of Object.entries(STATES)) {
  test(
    `VoiceConnection.forceClose ends ${name}`,
    inFakeTime(async (time) => {
      const bench = await Bench.connected(time);
      reach(bench, time);
      assert(bench.connection.state !== "connected");
      bench.connection.forceClose();
      assertEquals(remains(bench, time), NOTHING);
      await assertOver(bench, time);
    }),
  );
}

for (const type of CONNECTION_EVENT_TYPES) {
  test(
    `VoiceConnection.forceClose from inside "${type}" ends everything before it returns`,
    inFakeTime(async (time) => {
      const bench = await Bench.connected(time);
      const { connection } = bench;
      const seen: unknown[] = [];
      const told: number[] = [];
      connection.on(type, () => {
        connection.forceClose();
        connection.forceClose();
        seen.push(remains(bench, time));
        told.push(bench.events.length);
      });
      bench.provoke(type);
      assert(seen.length > 0);
      for (const what of seen) assertEquals(what, NOTHING);
      if (type !== "closed") assertEquals(bench.events.length, told[0]);
      assertEquals(bench.channels, [CHANNEL, null]);
      for (const { closedWith } of bench.transport.websockets) assert(closedWith.length <= 1);
      await assertOver(bench, time);
    }),
  );
}

test(
  "VoiceConnection.forceClose from inside each event of leave() ends everything before it returns",
  inFakeTime(async (time) => {
    for (const type of ["message", "disconnected", "clientDisconnect", "state"] as const) {
      const bench = await Bench.connected(time);
      bench.provoke("speaking");
      let seen: unknown;
      bench.connection.on(type, () => {
        bench.connection.forceClose();
        seen ??= remains(bench, time);
      });
      bench.connection.leave();
      assertEquals(seen, NOTHING, type);
      await assertOver(bench, time);
    }
  }),
);

test(
  "VoiceConnection.forceClose from inside each event of a fatal close ends everything",
  inFakeTime(async (time) => {
    for (const type of ["disconnected", "message", "clientDisconnect", "state"] as const) {
      const bench = await Bench.connected(time);
      bench.provoke("speaking");
      let seen: unknown;
      bench.connection.on(type, () => {
        bench.connection.forceClose();
        seen ??= remains(bench, time);
      });
      bench.transport.websocket.lose(4017);
      assertEquals(seen, NOTHING, type);
      assertEquals(time.armed, []);
      assertEquals((await bench.connection.closed)?.closeCode, 4017);
    }
  }),
);

const REQUESTS: Record<string, (bench: Bench, time: FakeTime) => void> = {
  "requestVoice()": ({ connection }) => connection.requestVoice(),
  "leave()": ({ connection }) => connection.leave(),
  "a rejoin": ({ transport }, time) => {
    transport.websocket.lose(4006);
    time.advance(2000);
  },
  "a fatal close": ({ transport }) => transport.websocket.lose(4017),
};
for (const [name, request] of Object.entries(REQUESTS)) {
  for (const answer of [true, false]) {
    test(
      `VoiceConnection.forceClose from inside sendPayload at ${name}, which says ${answer}`,
      inFakeTime(async (time) => {
        const bench = await Bench.connected(time);
        let seen: unknown;
        bench.sendPayload = () => {
          bench.connection.forceClose();
          seen ??= remains(bench, time);
          return answer;
        };
        request(bench, time);
        assertEquals(seen, NOTHING);
        assertEquals([remains(bench, time), bench.destroyed], [NOTHING, 1]);
        await bench.connection.closed;
      }),
    );
  }
}

test(
  "VoiceConnection.forceClose frees everything where sendPayload throws",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const reason = new Error("the shard is gone");
    bench.sendPayload = () => {
      throw reason;
    };
    bench.connection.forceClose();
    assertEquals([remains(bench, time), bench.destroyed], [NOTHING, 1]);
    const error = await bench.connection.closed;
    assertEquals([error?.code, error?.cause], ["gateway-refused", reason]);
  }),
);

test(
  "VoiceConnection.forceClose from inside destroy() does no harm",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.connection.on("closed", () => bench.connection.forceClose());
    bench.methods.destroy();
    assertEquals(remains(bench, time), NOTHING);
    assertEquals(bench.destroyed, 1);
  }),
);

test(
  "VoiceConnection.forceClose tells nobody of frames that were under way",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection } = bench;
    bench.provoke("speaking");
    const speakers = connection.speakers().getReader();
    let frames = 0;
    connection.on("rawAudioFrame", () => {
      frames++;
      connection.forceClose();
    });
    bench.transport.udp.handlers.message(packet(1));
    bench.transport.udp.handlers.message(packet(2));
    assertEquals([frames, (await speakers.read()).done], [1, true]);
    assertEquals(connection.stats().held, 0);
  }),
);
