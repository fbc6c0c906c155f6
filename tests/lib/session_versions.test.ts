// What differs between the versions of the voice gateway, seen from the session. What a server
// sends is written here as it is on the wire.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../lib/gateway_version.ts";
import type { Output } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import {
  ackOf,
  actionsOf,
  ADDRESS,
  CHANNEL,
  DESCRIPTION,
  DIRECT,
  Driver,
  driveTo,
  eventsOf,
  GUILD,
  helloOf,
  JOIN,
  MODES,
  nonceOf,
  READY,
  ScriptedServer,
  sentBy,
  SESSION_ID,
  SSRC,
  type Step,
  TOKEN,
  urlOf,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { JSON_KINDS } from "../tools/vectors.ts";

const INTERVAL = 13_750;

function connected(version: GatewayVersion): Driver {
  return driveTo("connected", new Driver({ gatewayVersion: version }));
}

/** Messages that are sent on a WebSocket, as they are on the wire. */
function wire(outputs: readonly Output[]): unknown[] {
  return outputs.flatMap((output) =>
    output.type === "sendWebSocket" ? [JSON.parse(output.data as string)] : []
  );
}

/** When heartbeats went out, in milliseconds after `start`. */
function beatsOf({ log }: Driver, start: number): number[] {
  return log.flatMap(({ at, output }) =>
    sentBy([output]).some(({ op }) => op === 3) && at >= start ? [at - start] : []
  );
}

/** Answers each heartbeat at once. */
function answer(driver: Driver, version: GatewayVersion): void {
  driver.perform = (output) => {
    for (const message of sentBy([output])) {
      if (message.op === 3) driver.text(ackOf(version, nonceOf(version, message)));
    }
  };
}

/** What Identify and Resume say. */
function identity(version: GatewayVersion, channelId = CHANNEL): Record<string, unknown> {
  const ids = { server_id: GUILD, session_id: SESSION_ID, token: TOKEN };
  return version < 9 ? ids : { ...ids, channel_id: channelId };
}

/** A binary message of a server. */
function binary(version: GatewayVersion, seq: number, op: number, ...payload: number[]) {
  return Uint8Array.from([...version < 8 ? [] : [seq >>> 8, seq & 0xff], op, ...payload]);
}

for (const version of GATEWAY_VERSIONS) {
  const early = version < 4 ? 0.75 : 1;
  const beat = (nonce: number, seq_ack?: number) => ({
    op: 3,
    d: version < 8 ? nonce : seq_ack === undefined ? { t: nonce } : { t: nonce, seq_ack },
  });

  test(`Version ${version}: the handshake, message by message`, () => {
    const driver = new Driver({ gatewayVersion: version });
    driver.feed(JOIN);
    driver.feed(voiceState());
    assertEquals(actionsOf(driver.feed(voiceServer())), [
      { type: "openWebSocket", id: 1, url: urlOf(version) },
    ]);
    assertEquals(wire(driver.open()), [
      { op: 0, d: { ...identity(version), user_id: USER, max_dave_protocol_version: 0 } },
    ]);
    assertEquals(actionsOf(driver.text(helloOf(version, INTERVAL))), []);
    driver.message(2, { ...READY, heartbeat_interval: 5 });
    driver.feed({ type: "udpOpen", id: driver.udpId });
    assertEquals(wire(driver.datagram(discoveryResponse(SSRC, ADDRESS))), [
      { op: 1, d: { protocol: "udp", data: { ...ADDRESS, mode: MODES[0] } } },
    ]);
    assertEquals(wire(driver.message(4, DESCRIPTION)), [beat(1)]);
    assertEquals(driver.session.state, "connected");
    assertEquals(driver.session.pollTimeout(), driver.now);
    for (const flags of [5, 0]) {
      assertEquals(wire(driver.feed({ type: "speak", flags })), [
        { op: 5, d: { speaking: version < 4 ? flags !== 0 : flags, delay: 0, ssrc: SSRC } },
      ]);
    }
    assertEquals(eventsOf(driver.log.map(({ output }) => output)).map(({ type }) => type), [
      "connected",
      "ready",
    ]);
  });

  test(`Version ${version}: a voice server that is given has its channel too`, () => {
    const driver = new Driver({ gatewayVersion: version });
    assertEquals(actionsOf(driver.feed(DIRECT)), [
      { type: "openWebSocket", id: 1, url: urlOf(version) },
    ]);
    const [{ op, d }] = sentBy(driver.open());
    assertEquals([op, d], [
      0,
      { ...identity(version), user_id: USER, max_dave_protocol_version: 0 },
    ]);
  });

  // Hello

  for (const form of ["bare", "wrapped", "wrapped without v", "of another version"]) {
    test(`Version ${version}: Hello ${form} sets the interval, which may be a fraction`, () => {
      const interval = 1000.5;
      const d = { heartbeat_interval: interval };
      const hello = {
        bare: d,
        wrapped: { op: 8, d: { v: version, ...d } },
        "wrapped without v": { op: 8, d },
        "of another version": { op: 8, d: { v: version % 9 + 1, ...d } },
      }[form];
      const driver = driveTo("connecting", new Driver({ gatewayVersion: version }));
      driver.open();
      answer(driver, version);
      const start = driver.now;
      driver.text(JSON.stringify(hello));
      driver.wait(3100);
      assertEquals(
        beatsOf(driver, start),
        [1, 2, 3].map((i) => i * interval * early).concat(
          early < 1 ? [4 * interval * early] : [],
        ),
      );
      assertEquals(eventsOf(driver.log.map(({ output }) => output)).map(({ type }) => type), [
        "connected",
        ...Array(early < 1 ? 4 : 3).fill("heartbeat"),
      ]);
    });
  }

  for (const where of ["before Ready", "after Ready", "before Session Description", "never"]) {
    test(`Version ${version}: connects with Hello ${where}`, () => {
      const driver = driveTo("connecting", new Driver({ gatewayVersion: version }));
      const hello = (here: string) => here === where && driver.text(helloOf(version, INTERVAL));
      driver.open();
      hello("before Ready");
      driver.message(2, READY);
      hello("after Ready");
      driver.feed({ type: "udpOpen", id: driver.udpId });
      driver.datagram(discoveryResponse(SSRC, ADDRESS));
      hello("before Session Description");
      driver.message(4, DESCRIPTION);
      assertEquals(driver.session.state, "connected");
      const start = driver.now;
      answer(driver, version);
      // Of an interval that no server has named, no version takes a part.
      const interval = where === "never" ? 13_750 : INTERVAL * early;
      driver.wait(2 * interval);
      assertEquals(beatsOf(driver, start), [0, interval, 2 * interval]);
    });
  }

  for (const order of ["HR", "RH", "HRH", "R", "HHR"]) {
    test(`Version ${version}: resumes on ${order}: Hello before, after or between Resumed`, () => {
      const driver = connected(version);
      answer(driver, version);
      driver.close(1006);
      driver.wait(10);
      assertEquals(wire(driver.open()), [{ op: 7, d: identity(version) }]);
      const start = driver.now;
      for (const letter of order) {
        if (letter === "H") driver.text(helloOf(version, 1000));
        else driver.message(9, null);
      }
      assertEquals(driver.session.state, "connected");
      const interval = (order === "R" ? INTERVAL : 1000) * early;
      driver.wait(interval);
      assertEquals(beatsOf(driver, start), [0, interval]);
      assertEquals(driver.events.filter(({ type }) => type === "resumed").length, 1);
    });
  }

  // Heartbeats

  test(`Version ${version}: is connected as long as its heartbeats are answered`, () => {
    const driver = connected(version);
    answer(driver, version);
    const start = driver.now;
    driver.wait(60_000);
    const count = Math.floor(60_000 / (INTERVAL * early));
    const expected = Array.from({ length: count }, (_, i) => (i + 1) * INTERVAL * early);
    assertEquals(beatsOf(driver, start).slice(1), expected);
    assertEquals([driver.session.state, driver.websocketId], ["connected", 1]);
  });

  test(`Version ${version}: takes a server for dead that leaves two heartbeats unanswered`, () => {
    const driver = connected(version);
    driver.wait(2 * INTERVAL * early - 1);
    assertEquals(driver.session.state, "connected");
    const [close] = driver.wait(1).filter(({ type }) => type === "closeWebSocket");
    assertEquals(close, { type: "closeWebSocket", id: 1, code: 4900 });
  });

  test(`Version ${version}: a server's op 3 is ${version === 1 ? "an answer" : "a request"}`, () => {
    for (const d of [null, {}, "now", 99, undefined]) {
      const driver = connected(version);
      const beats = version === 1 ? [] : [beat(2)];
      assertEquals(wire(driver.message(3, d)), beats);
      assertEquals(wire(driver.message(3, d)), []);
      driver.wait(1000);
      assertEquals(wire(driver.message(3, d)), version === 1 ? [] : [beat(3)]);
      assertEquals(driver.session.state, "connected");
    }
  });

  // Sequence numbers

  test(`Version ${version}: acknowledges seq ${version < 8 ? "never" : "of text and binary"}`, () => {
    const driver = connected(version);
    const left = (seq: number) => JSON.stringify({ op: 13, d: { user_id: "1" }, seq });
    const frames: [frame: string | Uint8Array, seq: number][] = [
      [left(0), 0],
      [left(65534), 65534],
      [binary(version, 65535, 25, 1, 2), 65535],
      [binary(version, 0, 30), 0],
      [left(1), 1],
      ['{"op":200,"d":{},"seq":2}', 2],
      ['{"op":5,"d":null,"seq":3}', 3],
      ['{"op":13,"d":{"user_id":"1"}}', 3],
      ['{"op":13,"d":{"user_id":"1"},"s":9,"seq":null}', 3],
      ['{"op":13,"d":{"user_id":"1"},"seq":65536}', 3],
    ];
    let nonce = 1;
    for (const [frame, seq] of frames) {
      driver.text(frame);
      driver.wait(INTERVAL * early);
      driver.text(ackOf(version, ++nonce));
      assertEquals(
        sentBy(driver.log.map(({ output }) => output)).at(-1),
        beat(nonce, seq) as never,
      );
    }
    driver.close(1006);
    driver.wait(0);
    const resume = version < 8 ? identity(version) : { ...identity(version), seq_ack: 3 };
    assertEquals(wire(driver.open()), [{ op: 7, d: resume }]);
  });

  test(`Version ${version}: resumes with a seq_ack of 0, and without one where there is none`, () => {
    for (const seq of [undefined, 0]) {
      const driver = connected(version);
      driver.message(13, { user_id: "1" }, seq);
      driver.close(1006);
      driver.wait(0);
      const numbers = version < 8 || seq === undefined ? {} : { seq_ack: seq };
      assertEquals(wire(driver.open()), [{ op: 7, d: { ...identity(version), ...numbers } }]);
    }
  });

  test(`Version ${version}: names the channel to which it was moved, from version 9 on`, () => {
    const driver = connected(version);
    driver.feed(voiceState("5"));
    driver.close(1006);
    driver.wait(0);
    assertEquals(wire(driver.open()), [{ op: 7, d: identity(version, "5") }]);
    driver.feed(voiceServer("new"));
    assertEquals(wire(driver.open()), [{
      op: 0,
      d: {
        ...identity(version, "5"),
        token: "new",
        user_id: USER,
        max_dave_protocol_version: 0,
      },
    }]);
  });

  // What others do, and what nobody knows

  test(`Version ${version}: takes Speaking as a boolean and as a bit mask`, () => {
    const driver = connected(version);
    for (const [speaking, flags] of [[true, 1], [false, 0], [5, 5], [0, 0]] as const) {
      assertEquals(eventsOf(driver.message(5, { user_id: "8", ssrc: 77, speaking })).at(-1), {
        type: "speaking",
        userId: "8",
        ssrc: 77,
        flags,
      });
    }
  });

  test(`Version ${version}: leaves what it does not know aside, without a word`, () => {
    const driver = connected(version);
    const known = [2, 4, 5, 8, 11, 12, 13, 18, 20];
    const dave = { protocol_version: 1, transition_id: 1, epoch: 1 };
    for (let op = 0; op < 256; op++) {
      if (known.includes(op) || op === 3 || op === 6 || op === 9) continue;
      if (op >= 25 && op <= 30) {
        assertEquals(eventsOf(driver.text(binary(version, 1, op, 1, 2, 3))), [], `op ${op}`);
        continue;
      }
      const outputs = driver.message(op, dave, 7);
      assertEquals([actionsOf(outputs), eventsOf(outputs)], [[], []], `op ${op}`);
    }
    assertEquals(driver.session.state, "connected");
  });

  test(`Version ${version}: nothing that is received is fatal`, () => {
    for (const step of ["identifying", "connected", "resuming"] as const) {
      const driver = driveTo(step, new Driver({ gatewayVersion: version }));
      for (let op = 0; op < 256; op++) {
        if (op === 9) continue;
        for (const d of JSON_KINDS) {
          driver.message(op, d, op);
          assertEquals(driver.session.state, step, `op ${op}`);
        }
        for (let size = 0; size < 5; size++) {
          driver.text(new Uint8Array(size).fill(op));
          driver.text(binary(version, 9, op, ...new Uint8Array(size)));
          assertEquals(driver.session.state, step, `binary op ${op}`);
        }
      }
    }
  });

  // Against a whole server

  const codes: readonly (readonly [code: number, event: string])[] = [
    [4015, "resumed"],
    [1006, "resumed"],
    [4006, "ready"],
  ];
  for (const [code, event] of codes) {
    test(`Version ${version}: is connected again after ${code}, and stays so`, () => {
      const driver = new Driver({ gatewayVersion: version });
      const plan = (step: Step, visit: number) =>
        step === "connected" && visit === 0 ? code : undefined;
      new ScriptedServer(driver, plan);
      driver.feed(JOIN);
      driver.wait(300_000);
      assertEquals(driver.session.state, "connected");
      const types = driver.events.map(({ type }) => type);
      const again = types.slice(types.indexOf("disconnected")).filter((type) =>
        type === "ready" || type === "resumed"
      );
      assertEquals(again, [event]);
      assert(types.filter((type) => type === "heartbeat").length >= 20, types.join());
      const urls = driver.log.flatMap(({ output }) =>
        output.type === "openWebSocket" ? [output.url] : []
      );
      assertEquals(urls, [urlOf(version), urlOf(version)]);
    });
  }
}

// Ready without an address: before 2018 it was the endpoint's.

const HOSTS = [
  ["c-ams20-20d36bc4.discord.media:2087", "c-ams20-20d36bc4.discord.media"],
  ["smart.loyal.discord.gg", "smart.loyal.discord.gg"],
  ["us-central148.discord.gg:80", "us-central148.discord.gg"],
  ["wss://203.0.113.5:443", "203.0.113.5"],
  ["ws://[::1]:4000", "::1"],
] as const;

for (const [endpoint, host] of HOSTS) {
  test(`Ready without ip means the host of ${endpoint}, whether null or absent`, () => {
    for (const gatewayVersion of GATEWAY_VERSIONS) {
      for (const ip of [undefined, null]) {
        const driver = new Driver({ gatewayVersion });
        driver.feed(JOIN);
        driver.feed(voiceState());
        driver.feed(voiceServer(TOKEN, endpoint));
        driver.open();
        assertEquals(actionsOf(driver.message(2, { ...READY, ip })), [
          { type: "openUdp", id: 2, address: host, port: READY.port },
        ]);
      }
    }
  });
}

test("Ready without ip after a move means the new endpoint's host", () => {
  const driver = connected(3);
  driver.feed(voiceServer("new", "b.discord.media:443"));
  driver.open();
  assertEquals(actionsOf(driver.message(2, { ...READY, ip: undefined })), [
    { type: "openUdp", id: driver.udpId, address: "b.discord.media", port: READY.port },
  ]);
});

test("A session asks for version 8 unless it is told otherwise", () => {
  const driver = new Driver();
  assertEquals(actionsOf(driver.feed(DIRECT)), [{ type: "openWebSocket", id: 1, url: urlOf(8) }]);
});
