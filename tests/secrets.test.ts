import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import * as core from "@sotto/voice/core";
import * as testing from "@sotto/voice/testing/core";
import { Driver as ConnectionDriver } from "../adapters/driver.ts";
import { VoiceConnection } from "../adapters/connection.ts";
import { detectTransport } from "../adapters/detect.ts";
import { startVoiceServer } from "../adapters/testing/mod.ts";
import { VoiceConnectError } from "../lib/errors.ts";
import type { SessionEvent } from "../lib/io.ts";
import { discoveryResponse } from "../lib/ip_discovery.ts";
import { keepaliveReply, parseKeepalive } from "../lib/keepalive.ts";
import { buildReceiverReport, sealRtcp } from "../lib/rtp/rtcp.ts";
import { Secret } from "../lib/secret.ts";
import {
  ADDRESS,
  CHANNEL,
  DESCRIPTION,
  Driver,
  driveTo,
  ENDPOINT,
  GUILD,
  helloOf,
  JOIN,
  MODES,
  READY,
  SESSION_ID,
  SSRC,
  TOKEN,
  USER,
  voiceServer,
  voiceState,
} from "./tools/driver.ts";
import { SecretSearch, type SecretValue, toHex } from "./tools/secret_search.ts";
import { startScriptedServer } from "./tools/scripted_server.ts";
import { until, within } from "./tools/waiting.ts";
import { createDave } from "../lib/dave/create.ts";
import { DaveInviter } from "./tools/dave_inviter.ts";
import { SESSION_EVENT_TYPES } from "./tools/event_types.ts";

const LIMIT = 20_000;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => (i * i * 37 + 11 * i + 9) & 0xff);
const SECRETS: readonly SecretValue[] = [TOKEN, KEY];
const OTHER_USER = "100000000000000002";

/** Each text form that a value has on this runtime. */
function textsOf(value: unknown): string[] {
  const { Deno, Bun } = globalThis as unknown as Record<
    string,
    { inspect(value: unknown, options: object): string } | undefined
  >;
  const all = { depth: 20, showHidden: true, iterableLimit: Infinity, maxArrayLength: Infinity };
  const texts = [
    inspect(value),
    inspect(value, { ...all, getters: true }),
    inspect(value, all),
    Deno?.inspect(value, { depth: 20, showHidden: true, getters: true, iterableLimit: 1000 }),
    Bun?.inspect(value, { depth: 20 }),
    JSON.stringify(value),
    String(value),
    inspect(Object.getOwnPropertyDescriptors(value), all),
  ];
  if (value instanceof Error) texts.push(value.message, value.stack, ...textsOf({ ...value }));
  return texts.filter((text) => text !== undefined);
}

function assertHolds(
  none: "nothing",
  value: unknown,
  secrets: Iterable<SecretValue>,
  name: string,
) {
  const search = new SecretSearch(secrets);
  assert(search.size > 0, "there is something to look for");
  for (const text of textsOf(value)) assertEquals([name, ...search.find(text)], [name], none);
}

/** Notes what `Secret.reveal` returns, until it is disposed. */
class Revealed implements Disposable {
  readonly values: Set<SecretValue> = new Set();
  readonly #reveal = Secret.prototype.reveal;

  constructor() {
    const [values, reveal] = [this.values, this.#reveal];
    Secret.prototype.reveal = function <T>(this: Secret<T>): T {
      const value = reveal.call(this) as T;
      values.add(value as SecretValue);
      return value;
    };
  }

  [Symbol.dispose](): void {
    Secret.prototype.reveal = this.#reveal;
  }
}

/** A session by hand that has been given the token, at the step before its key comes. */
function selecting(): Driver {
  return driveTo("selecting");
}

/** A session by hand that has the token and the key. */
function connected(): Driver {
  const driver = selecting();
  driver.message(4, { mode: MODES[0], secret_key: [...KEY] });
  assertEquals(driver.session.state, "connected");
  return driver;
}

test("what looks for secrets here finds them where they are", () => {
  const texts = (value: unknown) => textsOf(value).join("\n");
  const search = new SecretSearch(SECRETS);
  for (const secret of SECRETS) {
    assert(search.find(texts({ nested: [{ secret }] })).length > 0);
    assert(search.find(texts(new Error("x", { cause: { secret } }))).length > 0);
    assertEquals(search.find(texts({ secret: new Secret(secret) })), []);
  }
});

// Errors

/** Descriptions of a session that hold a key and are wrong: no error may show what they hold. */
const WRONG_DESCRIPTIONS: Readonly<Record<string, unknown>> = {
  "a byte too few": { mode: MODES[0], secret_key: [...KEY.slice(1)] },
  "a byte too many": { mode: MODES[0], secret_key: [...KEY, 1] },
  "a byte that is none": { mode: MODES[0], secret_key: [...KEY.slice(1), 256] },
  "a key as hex": { mode: MODES[0], secret_key: toHex(KEY) },
  "a key with indices": { mode: MODES[0], secret_key: KEY },
  "no mode": { secret_key: [...KEY] },
  "an unknown mode": { mode: "unknown", secret_key: [...KEY] },
  "the token": { mode: MODES[0], secret_key: TOKEN },
};

/** The secrets, and what of a key would be shown where it is cut. */
const PARTS: readonly SecretValue[] = [...SECRETS, KEY.slice(1), KEY.slice(1, 17)];

for (const [name, description] of Object.entries(WRONG_DESCRIPTIONS)) {
  test(`a session shows nothing of a Session Description with ${name}`, () => {
    const driver = selecting();
    driver.message(4, description);
    driver.wait(60_000);
    const told = driver.log.flatMap(({ output }) => output.type === "event" ? [output.event] : []);
    const isTold = ({ type }: SessionEvent) => type === "malformed" || type === "closed";
    assert(told.some(isTold), name);
    assertHolds("nothing", told, PARTS, name);
    try {
      core.readReceivePayload({ op: 4, d: description });
    } catch (error) {
      assertHolds("nothing", error, PARTS, name);
    }
  });
}

/** What goes wrong with a token or a key at hand, by the class of the error that says so. */
const ERRORS: Readonly<Record<string, () => unknown>> = {
  LocalProtocolError: () => {
    const driver = connected();
    driver.feed({ type: "leave" });
    return assertThrows(() => driver.feed({ ...JOIN, ...server(ENDPOINT) }));
  },
  RemoteProtocolError: () =>
    assertThrows(() => core.readVoiceServer({ token: TOKEN, guild_id: GUILD, endpoint: 5 })),
  PayloadError: () =>
    assertThrows(() =>
      core.readReceivePayload({ op: 4, d: { mode: "m", secret_key: [...KEY, TOKEN] } })
    ),
  VoiceConnectError: () => endOf((driver) => driver.close(4004, "Authentication failed.")),
  RangeError: () => assertThrows(() => new Driver().feed({ ...JOIN, ...server("a b") })),
  ClientFault: () =>
    assertThrows(() =>
      testing.readClientMessage({ op: 0, d: { server_id: GUILD, token: [TOKEN, ...KEY] } }, 8)
    ),
};

function server(endpoint: string): { server: core.VoiceServer } {
  return { server: { endpoint, token: TOKEN, sessionId: SESSION_ID } };
}

/** The error with which a connected session ends. */
function endOf(fault: (driver: Driver) => void): VoiceConnectError | undefined {
  const driver = connected();
  fault(driver);
  driver.wait(200_000);
  return driver.events.flatMap((event) => event.type === "closed" ? [event.error] : [])[0];
}

test("every class of error that the core exports is tried here", () => {
  const names = [core, testing].flatMap((module) =>
    Object.values(module).filter((value) =>
      typeof value === "function" && value.prototype instanceof Error
    )
  ).map((value) => (value as { name: string }).name);
  assert(names.length >= 5);
  assertEquals(names.filter((name) => !(name in ERRORS)), []);
});

for (const [name, fail] of Object.entries(ERRORS)) {
  test(`${name} holds no token and no key`, () => {
    const error = fail();
    assert(error instanceof Error, inspect(error));
    assertEquals(error.constructor.name, name);
    assertHolds("nothing", error, PARTS, name);
  });
}

const ENDS: Readonly<Record<string, (driver: Driver) => void>> = {
  "a kick": (driver) => driver.feed(voiceState(null)),
  "no new server": (driver) => driver.feed(voiceServer(TOKEN, null)),
  "a lost network": (driver) => driver.close(1006),
  "a mode that was not offered": (driver) => {
    driver.close(4006);
    driver.feed(voiceState());
    driver.feed(voiceServer());
    driver.wait(5000);
    driver.open();
    driver.text(helloOf(8, 13_750));
    driver.message(2, { ...READY, modes: ["none"] });
  },
};

for (const [name, fault] of Object.entries(ENDS)) {
  test(`VoiceConnectError after ${name} holds no token and no key`, () => {
    const error = endOf(fault);
    assert(error instanceof VoiceConnectError, name);
    assertHolds("nothing", error, PARTS, name);
  });
}

// Events

/** All that happens to end-to-end encryption: a group that is left, and one that is joined. */
function encryptCall(driver: Driver): void {
  const inviter = new DaveInviter(CHANNEL, OTHER_USER);
  driver.message(4, { ...DESCRIPTION, secret_key: [...KEY], dave_protocol_version: 1 });
  driver.text(inviter.externalSender());
  const outputs = driver.text(inviter.garbage());
  const keyPackage =
    outputs.flatMap((output) =>
      output.type === "sendWebSocket" && output.data instanceof Uint8Array ? [output.data] : []
    )[0];
  driver.text(inviter.welcome(keyPackage.subarray(1), 2));
  driver.message(22, { transition_id: 2 });
  driver.message(22, { transition_id: 2 });
}

/** The server's report about the client's audio. */
function receptionReport(): Uint8Array {
  const block = {
    ssrc: SSRC,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  };
  const cipher = new core.PacketCipher("aead_aes256_gcm_rtpsize", KEY, core.pureAead);
  return sealRtcp(cipher, buildReceiverReport(0, [block]));
}

/** A session in which everything happens once. */
function fullLife(): Driver {
  const driver = new Driver({ dave: createDave() });
  driver.perform = (output) => {
    if (output.type !== "transmit") return;
    const sequence = parseKeepalive(output.datagram);
    if (sequence !== undefined) {
      driver.schedule(20, () => driver.datagram(keepaliveReply(sequence)));
    }
  };
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.feed(voiceServer());
  driver.open();
  driver.text(helloOf(8, 40_000));
  driver.message(2, READY);
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(SSRC, ADDRESS));
  driver.message(4, { ...DESCRIPTION, secret_key: [...KEY] });
  driver.message(11, { user_ids: [OTHER_USER] });
  encryptCall(driver);
  driver.message(5, { user_id: OTHER_USER, ssrc: 9, speaking: 1 });
  driver.message(12, { user_id: OTHER_USER, audio_ssrc: 10, video_ssrc: 11, rtx_ssrc: 12 });
  driver.message(13, { user_id: OTHER_USER });
  driver.message(4, { mode: TOKEN, secret_key: [...KEY, 256] });
  driver.datagram(receptionReport());
  driver.text(`{"op":4,"d":{"secret_key":[${KEY}],"token":"${TOKEN}"`);
  driver.wait(41_000);
  driver.wait(16_000);
  const heartbeat = driver.sent().findLast(({ op }) => op === 3)!;
  driver.message(6, { t: heartbeat.d.t });
  driver.close(1006);
  driver.wait(5000);
  driver.open();
  driver.text(helloOf(8, 40_000));
  driver.message(9, null);
  driver.close(4004, "Authentication failed.");
  return driver;
}

test("no event of a session holds the token or the key", () => {
  const { log, session } = fullLife();
  const events = log.flatMap(({ output }) => output.type === "event" ? [output.event] : []);
  assertEquals(session.state, "closed");
  const seen = new Set(events.map(({ type }) => type));
  assertEquals(SESSION_EVENT_TYPES.filter((type) => !seen.has(type)), []);
  for (const event of events) assertHolds("nothing", event, PARTS, event.type);
  assertHolds("nothing", session, PARTS, "session");
});

test("the embedded server's events hold no token and no key", () => {
  using revealed = new Revealed();
  const simulation = new testing.Simulation();
  const [alice, bob] = ["1", "2"].map((userId) => simulation.bot({ userId }));
  for (const bot of [alice, bob]) bot.join();
  simulation.run(1000);
  for (const bot of [alice, bob]) bot.speak();
  alice.send(Uint8Array.of(0xf8, 0xff, 0xfe));
  alice.cutWebSocket();
  simulation.run(10_000);
  simulation.feedGateway({ type: "reallocate", guildId: "1" });
  simulation.run(10_000);
  assertEquals([alice.session.state, bob.session.state], ["connected", "connected"]);
  const shown = { simulation, server: simulation.server, gateway: simulation.gateway };
  for (const [name, value] of Object.entries({ ...shown, alice, session: alice.session })) {
    assertHolds("nothing", value, revealed.values, name);
  }
  simulation.feedGateway({ type: "disconnectUser", guildId: "1", userId: "2" });
  alice.leave();
  simulation.run(1000);
  // Four tokens, for each bot one of each voice server; as many keys.
  assertEquals(new SecretSearch(revealed.values).size, 8);
  for (const event of [...simulation.events, ...alice.events, ...bob.events]) {
    assertHolds("nothing", event, revealed.values, event.type);
  }
});

// Connections on real sockets

test(
  "VoiceConnection, its parts and its log hold no token and no key",
  within(LIMIT, async () => {
    using revealed = new Revealed();
    const told: unknown[] = [];
    const tell = (value: unknown) => void told.push(value);
    await using server = await startVoiceServer({ onEvent: tell });
    const logger = { debug: tell, info: tell, warn: tell, error: tell };
    const adapterCreator = server.adapterCreator(USER);
    const connection = await VoiceConnection.join(await detectTransport(), {
      guildId: GUILD,
      channelId: CHANNEL,
      userId: USER,
      adapterCreator,
      logger,
      onEvent: tell,
    });
    connection.on("rawMessage", tell);
    const values = () => ({
      connection,
      token: connection.token,
      parts: [connection.webSocket, connection.udp, connection.rtp, connection.jitters],
      shard: connection.shard,
      stats: connection.stats(),
      server,
      serverStats: server.stats(),
      adapterCreator,
    });
    const show = () => {
      assertEquals(new SecretSearch(revealed.values).size >= 2, true);
      for (const [name, value] of Object.entries(values())) {
        if (value !== undefined) assertHolds("nothing", value, revealed.values, name);
      }
    };
    show();
    connection.setSpeaking(1);
    connection.sendOpus(Uint8Array.of(0xf8, 0xff, 0xfe));
    await connection.reconnect();
    const ready = new Promise((resolve) => connection.on("ready", resolve));
    server.reallocate(GUILD); // with it a new Session Description comes, as a raw message
    await ready;
    show();
    const first = connection.reconnect();
    const second = await assertRejects(() => connection.reconnect(), Error);
    assertEquals(second.constructor.name, "ReconnectInProgress");
    assertHolds("nothing", second, revealed.values, "ReconnectInProgress");
    await first;
    server.closeClient({ userId: USER }, 4004);
    const error = await connection.closed;
    assert(error instanceof VoiceConnectError);
    assertHolds("nothing", error, revealed.values, "the end");
    for (const value of told) {
      // A line of the log, or an event.
      if (typeof value === "object") assertHolds("nothing", value, revealed.values, inspect(value));
      else assertEquals(new SecretSearch(revealed.values).find(String(value)), [], String(value));
    }
    const types = told.map((value) => (value as { type?: string }).type);
    assert(types.includes("rawMessage") && types.includes("voice-server"));
    assert(told.some((value) => typeof value === "string"));
    show();
  }),
);

test(
  "Driver holds no token and no key",
  within(LIMIT, async () => {
    await using server = await startScriptedServer();
    using revealed = new Revealed();
    const session = new core.VoiceSession({
      guildId: GUILD,
      userId: USER,
      random: (into) => into.fill(1),
    });
    const handlers = { gateway() {}, event() {}, frame() {}, message() {}, packet() {} };
    const driver = new ConnectionDriver(session, await detectTransport(), handlers);
    const { endpoint } = server;
    driver.feed({ ...JOIN, server: { endpoint, token: TOKEN, sessionId: SESSION_ID } });
    await until(() => session.state === "connected");
    assert(revealed.values.has(TOKEN));
    for (const value of [driver, session, handlers]) {
      assertHolds("nothing", value, revealed.values, "Driver");
      // The key of the scripted server counts up.
      for (const text of textsOf(value)) assertEquals(text.includes("20, 21, 22"), false, text);
    }
    driver.feed({ type: "leave" });
  }),
);
