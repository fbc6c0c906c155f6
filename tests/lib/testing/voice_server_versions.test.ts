// The embedded server with clients of every version. Raw clients, and what they must get, are
// written as they are on the wire.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../../lib/gateway_version.ts";
import type { Output } from "../../../lib/io.ts";
import {
  DISCOVERY_FORMS,
  discoveryRequest,
  parseDiscoveryResponse,
} from "../../../lib/ip_discovery.ts";
import { SEALING_MODES } from "../../../lib/packet.ts";
import { Driver, JOIN, urlOf, USER, voiceServer, voiceState } from "../../tools/driver.ts";
import { GCM, identity, type Message, openGcm, type RawClient, Rig, rtpHeader } from "./rig.ts";

const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

function pathOf(version: GatewayVersion): string {
  return `/?v=${version}`;
}

/** Who joins, with the payload of his version. */
function join(rig: Rig, version: GatewayVersion, userId: string, port: number): RawClient {
  return rig.join(userId, port, version < 9 ? {} : { channel_id: "5" }, pathOf(version));
}

function resume(
  rig: Rig,
  version: GatewayVersion,
  userId: string,
  fields: Record<string, unknown> = {},
): RawClient {
  const client = rig.open(pathOf(version));
  const { server_id, session_id, token } = identity(userId) as Record<string, string>;
  client.send(7, { server_id, session_id, token, ...fields });
  return client;
}

/** A message as a version has it: numbered from 8 on. */
function numbered(version: GatewayVersion, seq: number, message: Message): Message {
  return version < 8 ? message : { ...message, seq };
}

function helloOf(version: GatewayVersion): unknown {
  const heartbeat_interval = 13750;
  return version < 3 ? { heartbeat_interval } : { op: 8, d: { v: version, heartbeat_interval } };
}

function heartbeatOf(version: GatewayVersion, t: unknown): unknown {
  return version < 8 ? t : { t, seq_ack: 0 };
}

function ackOf(version: GatewayVersion, t: number): Message {
  if (version < 8) return { op: version === 1 ? 3 : 6, d: t };
  return { op: 6, d: { t } };
}

/** Flags as a version has them in Speaking. */
function flagsOf(version: GatewayVersion, flags: number): number | boolean {
  return version < 4 ? flags !== 0 : flags;
}

function speaking(version: GatewayVersion, userId: string, ssrc: number, flags: number): Message {
  return { op: 5, d: { user_id: userId, ssrc, speaking: flagsOf(version, flags) } };
}

function usersOf(userId: string): Message[] {
  return [
    { op: 11, d: { user_ids: [userId] } },
    { op: 18, d: { user_id: userId, flags: null } },
    { op: 20, d: { user_id: userId, platform: null } },
  ];
}

// The version of a URL

test("VoiceServer speaks the version that the URL names, and 4 where it names none", () => {
  const paths: [path: string, version: GatewayVersion][] = GATEWAY_VERSIONS.flatMap((version) => [
    [`/?v=${version}`, version],
    [`?v=${version}`, version],
    [`/?v=${version}&encoding=json`, version],
    [`/?encoding=json&v=${version}`, version],
  ]);
  const unnamed = ["/", "", "/?", "/?encoding=json", "/?av=9", "/?version=9", "/v=9"];
  for (const path of unnamed) paths.push([path, 4]);
  for (const [path, version] of paths) {
    const client = new Rig().open(path);
    assertEquals([client.messages, client.code], [[helloOf(version)], undefined] as never, path);
  }
});

test("VoiceServer refuses versions that there are not with 4012", () => {
  const values = [
    "0",
    "10",
    "",
    "88",
    "8x",
    "x8",
    "-1",
    "1.0",
    "08",
    " 8",
    "8 ",
    "%38",
    "NaN",
    "1e0",
  ];
  for (const value of values) {
    for (const path of [`/?v=${value}`, `/?encoding=json&v=${value}&x=8`]) {
      const rig = new Rig();
      const client = rig.open(path);
      assertEquals([client.code, client.messages], [4012, []], path);
      client.send(0, identity("10"));
      assertEquals(rig.server.stats().websockets, 0);
    }
  }
});

for (const version of GATEWAY_VERSIONS) {
  const joined = (userId: string, port: number, rig = new Rig()) =>
    join(rig, version, userId, port);

  test(`VoiceServer, version ${version}: the handshake of a client that is alone`, () => {
    const rig = new Rig();
    const client = joined("10", 40001, rig);
    const [hello, ready, description, wants, ...rest] = client.messages;
    assertEquals(hello, helloOf(version) as Message);
    assertEquals(ready, {
      op: 2,
      d: {
        ssrc: 1,
        ip: "127.0.0.1",
        port: 5000,
        modes: SEALING_MODES,
        experiments: [],
        ...version < 4 ? { heartbeat_interval: 13750 } : {},
      },
    });
    const { secret_key, media_session_id, ...d } = description.d;
    assertEquals({ ...description, d }, {
      op: 4,
      d: { mode: GCM, dave_protocol_version: 0, audio_codec: "opus" },
    });
    assertEquals([secret_key.length, media_session_id.length], [32, 32]);
    assertEquals(wants, numbered(version, 1, { op: 15, d: { any: 100 } }));
    assertEquals(rest, []);
    client.send(3, heartbeatOf(version, 7));
    assertEquals(client.messages.at(-1), ackOf(version, 7));
    assertEquals(client.code, undefined);
    assertEquals(
      rig.events.map(({ type }) => type),
      ["connect", "identify", "ready", "discovery", "select", "session"],
    );
  });

  test(`VoiceServer, version ${version}: a newcomer learns of users and speakers`, () => {
    const rig = new Rig();
    const alice = joined("10", 40001, rig);
    alice.speak(version < 4 ? true : 5);
    const bob = joined("20", 40002, rig);
    const flags = version < 4 ? 1 : 5;
    const told = [...usersOf("10"), speaking(version, "10", 1, flags)];
    assertEquals(
      bob.messages.slice(2, 6),
      told.map((message, i) => numbered(version, i + 1, message)),
    );
    assertEquals(
      alice.messages.slice(4),
      usersOf("20").map((message, i) => numbered(version, i + 2, message)),
    );
    alice.close(1000);
    assertEquals(
      bob.messages.at(-1),
      numbered(version, 6, { op: 13, d: { user_id: "10" } }),
    );
  });

  test(`VoiceServer, version ${version}: answers a heartbeat before Identify, and lives on it`, () => {
    const rig = new Rig({ heartbeatInterval: 100 });
    const client = rig.open(pathOf(version));
    for (let i = 0; i < 10; i++) {
      rig.run(200);
      client.send(3, heartbeatOf(version, i));
      assertEquals(client.messages.at(-1), ackOf(version, i));
    }
    rig.run(249);
    assertEquals(client.code, undefined);
    rig.run(1);
    assertEquals(client.code, 4009);
  });

  test(`VoiceServer, version ${version}: a heartbeat of another version is closed with 4002`, () => {
    const other = version < 8 ? { t: 1, seq_ack: 0 } : 1;
    for (const client of [new Rig().open(pathOf(version)), joined("10", 40001)]) {
      client.send(3, other);
      assertEquals(client.code, 4002);
    }
  });

  test(`VoiceServer, version ${version}: a nonce that is no integer is closed with 4020`, () => {
    for (const t of [0.5, 1501184119561.25, "1", null, true]) {
      const client = joined("10", 40001);
      client.send(3, heartbeatOf(version, t));
      assertEquals(client.code, 4020, `${t}`);
    }
    const client = joined("10", 40001);
    client.sendRaw(version < 8 ? '{"op":3,"d":1.0}' : '{"op":3,"d":{"t":1.0}}');
    assertEquals(client.code, undefined);
  });

  test(`VoiceServer, version ${version}: is as strict as Discord`, () => {
    const data = { address: "127.0.0.1", port: 1, mode: GCM };
    const select = (d: unknown) => {
      const client = new Rig().identify("10", {}, pathOf(version));
      client.send(1, d);
      return client.code;
    };
    const twice = joined("10", 40001);
    twice.send(0, identity("10"));
    assertEquals(twice.code, 4005);
    const resumed = joined("10", 40001);
    resumed.send(7, identity("10"));
    assertEquals(resumed.code, 4005);
    for (const op of [0, 7]) {
      const malformed = joined("10", 40001);
      malformed.send(op, null);
      assertEquals(malformed.code, 4005);
    }
    for (const op of [1, 5, 12, 14, 15, 16, 32, 200, 256]) {
      const early = new Rig().open(pathOf(version));
      early.send(op, {});
      assertEquals(early.code, 4003, `op ${op}`);
    }
    for (const mode of ["plain", "aead_aes256_gcm_rtpsize2", "", "xsalsa20"]) {
      assertEquals(select({ protocol: "udp", data: { ...data, mode } }), 4016, mode);
    }
    assertEquals(select({ protocol: "webrtc", data: "sdp" }), 4012);
    assertEquals(select({ protocol: "tcp", data }), 4012);
    for (const mode of SEALING_MODES) {
      assertEquals(select({ protocol: "udp", data: { ...data, mode } }), undefined, mode);
    }
  });

  test(`VoiceServer, version ${version}: JSON in a binary frame is ignored`, () => {
    const client = new Rig().open(pathOf(version));
    const text = JSON.stringify({ op: 0, d: identity("10") });
    client.sendRaw(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    client.sendRaw(Uint8Array.of(26, 1, 2, 3));
    assertEquals([client.messages.length, client.code], [1, undefined]);
    client.send(0, identity("10"));
    assertEquals(client.ops.at(-1), 2);
  });

  test(
    `VoiceServer, version ${version}: Resume ${
      version < 8 ? "tells anew who is there and who speaks" : "replays what was missed"
    }`,
    () => {
      const rig = new Rig();
      const alice = joined("10", 40001, rig);
      const bob = joined("20", 40002, rig);
      alice.close(1006);
      bob.speak(version < 4 ? true : 4);
      const flags = version < 4 ? 1 : 4;
      const again = resume(rig, version, "10", { seq_ack: 4 });
      const [hello, resumed, ...told] = again.messages;
      assertEquals([hello, resumed], [helloOf(version), { op: 9, d: null }] as Message[]);
      const speaks = speaking(version, "20", 2, flags);
      assertEquals(told, version < 8 ? [...usersOf("20"), speaks] : [{ ...speaks, seq: 5 }]);
      assertEquals(bob.ops.includes(13), false);
      alice.send(3, heartbeatOf(version, 1));
      again.speak(version < 4 ? true : 2);
      assertEquals(bob.last(5).d.speaking, version < 4 ? true : 2);
      again.port = 40001;
      again.sendDatagram(alice.rtp(OPUS));
      assertEquals(openGcm(bob.key, bob.heard[0]), OPUS);
    },
  );

  test(`VoiceServer, version ${version}: Resume takes ${version < 8 ? "any" : "no"} wrong seq_ack`, () => {
    for (const seq_ack of [5, 40_000, 65_535]) {
      const rig = new Rig();
      joined("10", 40001, rig).close(1006);
      const again = resume(rig, version, "10", { seq_ack });
      assertEquals(again.code, version < 8 ? undefined : 4006);
    }
    for (const seq_ack of [undefined, null, -1]) {
      const rig = new Rig();
      joined("10", 40001, rig).close(1006);
      const again = resume(rig, version, "10", { seq_ack });
      assertEquals(again.ops.slice(1), version < 8 ? [9] : [9, 15]);
    }
  });

  test(`VoiceServer, version ${version}: Resume of a session of another version is 4006`, () => {
    for (const other of GATEWAY_VERSIONS) {
      const rig = new Rig();
      const alice = joined("10", 40001, rig);
      alice.close(1006);
      const again = resume(rig, other, "10", other < 8 ? {} : { seq_ack: 1 });
      assertEquals(again.code, other === version ? undefined : 4006);
      if (other === version) continue;
      assertEquals(again.messages, [helloOf(other) as Message]);
      assertEquals(resume(rig, version, "10", { seq_ack: 1 }).code, undefined, "is still there");
    }
  });

  test(`VoiceServer, version ${version}: sees and hears clients of every version, in its own form`, () => {
    for (const other of GATEWAY_VERSIONS) {
      const rig = new Rig();
      const alice = joined("10", 40001, rig);
      const bob = join(rig, other, "20", 40002);
      const seen: Message[] = [];
      for (const flags of [4, 0, 1]) {
        bob.speak(flagsOf(other, flags));
        seen.push(alice.messages.at(-1)!);
      }
      const masks = other < 4 ? [1, 0, 1] : [4, 0, 1];
      assertEquals(
        seen,
        masks.map((flags, i) => numbered(version, 5 + i, speaking(version, "20", 2, flags))),
      );
      alice.speak(flagsOf(version, 1));
      for (const sequence of [1, 2]) {
        alice.sendDatagram(alice.rtp(OPUS, rtpHeader(1, sequence)));
        bob.sendDatagram(bob.rtp(OPUS, rtpHeader(2, sequence)));
      }
      for (const [client, ssrc] of [[alice, 2], [bob, 1]] as const) {
        const packets = client.heard.map((packet) => [
          packet.slice(0, 12),
          openGcm(client.key, packet),
        ]);
        assertEquals(packets, [1, 2].map((sequence) => [rtpHeader(ssrc, sequence), OPUS]));
      }
      assertEquals([alice.code, bob.code], [undefined, undefined]);
    }
  });
}

test("VoiceServer takes channel_id or none, whatever the version", () => {
  for (const version of GATEWAY_VERSIONS) {
    for (const fields of [{}, { channel_id: "5" }, { channel_id: null }]) {
      assertEquals(new Rig().identify("10", fields, pathOf(version)).ops.at(-1), 2);
    }
    const wrong = new Rig().identify("10", { channel_id: 5 }, pathOf(version));
    assertEquals(wrong.code, 4002);
  }
});

test("VoiceServer answers discovery in the form that was asked, or in the one it is told", () => {
  for (const asked of DISCOVERY_FORMS) {
    for (const discovery of [undefined, "74", "70be", "70le"] as const) {
      const rig = new Rig({ discovery });
      const client = rig.identify("10");
      client.sendDatagram(discoveryRequest(1, asked), 50_123);
      const { port, datagram } = rig.datagrams.at(-1)!;
      const form = discovery ?? (asked === "74" ? "74" : "70be");
      assertEquals([port, datagram.length], [50_123, form === "74" ? 74 : 70]);
      const found = parseDiscoveryResponse(datagram, 1, form);
      assertEquals(found, { address: "127.0.0.1", port: 50_123 }, `${asked} ${discovery}`);
    }
  }
});

// The library's own session

/** Connects a session to the server; a millisecond passes on the way. */
function connect(rig: Rig, driver: Driver, port: number): void {
  const { version } = driver;
  let client: RawClient | undefined;
  let read = 0;
  let received = 0;
  const flush = () => {
    rig.now = driver.now;
    while (client !== undefined && read < client.messages.length) {
      driver.text(JSON.stringify(client.messages[read++]));
    }
    while (received < rig.datagrams.length) {
      const { datagram, port: to } = rig.datagrams[received++];
      if (to === port) driver.datagram(datagram);
    }
  };
  const soon = (run: () => void) =>
    driver.schedule(1, () => {
      rig.now = driver.now;
      run();
      flush();
    });
  const perform: Record<string, (output: never) => void> = {
    openWebSocket: ({ id, url }: Output & { type: "openWebSocket" }) => {
      assertEquals(url, urlOf(version));
      soon(() => {
        client = rig.open(url.slice(url.indexOf("/?")));
        read = 0;
        driver.feed({ type: "websocketOpen", id });
      });
    },
    sendWebSocket: ({ data }: Output & { type: "sendWebSocket" }) =>
      soon(() => client!.sendRaw(data)),
    closeWebSocket: ({ code }: Output & { type: "closeWebSocket" }) => client!.close(code),
    openUdp: ({ id }: Output & { type: "openUdp" }) => driver.feed({ type: "udpOpen", id }),
    transmit: ({ datagram }: Output & { type: "transmit" }) =>
      soon(() => {
        const from = { address: "127.0.0.1", port };
        rig.feed({ type: "datagram", from, data: datagram });
      }),
  };
  driver.perform = (output) => perform[output.type]?.(output as never);
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.feed(voiceServer());
}

for (const gatewayVersion of GATEWAY_VERSIONS) {
  test(`VoiceServer and VoiceSession understand each other in version ${gatewayVersion}`, () => {
    const rig = new Rig();
    const driver = new Driver({ gatewayVersion });
    connect(rig, driver, 40001);
    driver.wait(1000);
    assertEquals(driver.session.state, "connected");
    driver.feed({ type: "speak", flags: 1 });
    driver.wait(300_000);
    assertEquals(driver.session.state, "connected");
    const types = driver.events.map(({ type }) => type);
    assert(types.filter((type) => type === "heartbeat").length >= 20);
    assertEquals([types.includes("malformed"), types.includes("disconnected")], [false, false]);
    const speaks = rig.events.findLast(({ type }) => type === "speaking");
    assertEquals([speaks?.userId, rig.closed.size], [USER, 0]);

    const [websocket] = rig.messages.keys();
    rig.feed({ type: "websocketClose", id: websocket, code: 1006 });
    driver.close(1006);
    driver.wait(10_000);
    assertEquals(driver.session.state, "connected");
    assertEquals(driver.events.filter(({ type }) => type === "resumed").length, 1);
    assertEquals(rig.count("resumed"), 1);
  });
}
