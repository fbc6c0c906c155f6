/**
 * Drives a `VoiceSession` on virtual time, by hand or against a small scripted
 * server. It checks the driver's contract at each step: a timeout that was handled
 * leaves no timer that is due.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type DiscoveredAddress,
  discoveryResponse,
  isDiscoveryResponse,
  parseDiscoveryRequest,
} from "../../lib/ip_discovery.ts";
import { GATEWAY_VERSION, type GatewayVersion } from "../../lib/gateway_version.ts";
import type { Input, JoinInput, Output, SessionEvent } from "../../lib/io.ts";
import { keepaliveReply, parseKeepalive } from "../../lib/keepalive.ts";
import type { ReadyPayload } from "../../lib/payloads.ts";
import { type SessionOptions, VoiceSession } from "../../lib/session.ts";
import { randomBytes, seededRandom } from "./vectors.ts";

export const GUILD: string = "41771983423143937";
export const USER: string = "104694319306248192";
export const CHANNEL: string = "127121515262115840";
export const SESSION_ID: string = "30f32c5d54ae86130fc4a215c7474263";
export const TOKEN: string = "66d29164ee8cd919";
export const ENDPOINT: string = "c-ams20-20d36bc4.discord.media:2087";
export const URL_V8: string = urlOf(8);
export const SSRC: number = 3337;
export const MODES: readonly string[] = [
  "aead_aes256_gcm_rtpsize",
  "aead_xchacha20_poly1305_rtpsize",
];
export const KEY: readonly number[] = Array.from({ length: 32 }, (_, i) => 200 + i);
export const ADDRESS: DiscoveredAddress = { address: "203.0.113.7", port: 50004 };
export const READY: ReadyPayload & { readonly ip: string } = {
  ssrc: SSRC,
  ip: "198.51.100.1",
  port: 50001,
  modes: MODES,
};
export const DESCRIPTION: { readonly mode: string; readonly secret_key: readonly number[] } = {
  mode: MODES[0],
  secret_key: KEY,
};
export const JOIN: JoinInput = { type: "join", channelId: CHANNEL };
export const DIRECT: JoinInput = {
  ...JOIN,
  server: { endpoint: ENDPOINT, token: TOKEN, sessionId: SESSION_ID },
};

/** The URL of the voice WebSocket. */
export function urlOf(version: GatewayVersion): string {
  return `wss://${ENDPOINT}/?v=${version}`;
}

/** Hello's text in the form of a version. */
export function helloOf(version: GatewayVersion, heartbeat_interval: number): string {
  if (version < 3) return JSON.stringify({ heartbeat_interval });
  return JSON.stringify({ op: 8, d: { v: version, heartbeat_interval } });
}

/** The answer to a heartbeat in the form of a version. */
export function ackOf(version: GatewayVersion, nonce: unknown): string {
  if (version === 1) return JSON.stringify({ op: 3, d: nonce });
  return JSON.stringify({ op: 6, d: version < 8 ? nonce : { t: nonce } });
}

/** The nonce of a heartbeat in the form of a version. */
export function nonceOf(version: GatewayVersion, { d }: SentMessage): unknown {
  return version < 8 ? d : d.t;
}

/** The own voice state. */
export function voiceState(channelId: string | null = CHANNEL, userId: string = USER): Input {
  const data = { guild_id: GUILD, user_id: userId, channel_id: channelId, session_id: SESSION_ID };
  return { type: "voiceState", data };
}

/** The guild's voice server. */
export function voiceServer(token: string = TOKEN, endpoint: string | null = ENDPOINT): Input {
  return { type: "voiceServer", data: { guild_id: GUILD, token, endpoint } };
}

/** A message that the session sent. */
export interface SentMessage {
  readonly op: number;
  readonly d: Record<string, unknown>;
}

/** A session, its clock, and all that it has put out. */
export class Driver {
  readonly session: VoiceSession;
  readonly version: GatewayVersion;
  readonly log: { readonly at: number; readonly output: Output }[] = [];
  /** Called for each output, as a driver performs it. */
  perform: (output: Output) => void = () => {};
  now: number = 1000;
  websocketId: number = 0;
  udpId: number = 0;
  #queue: { readonly at: number; readonly run: () => void }[] = [];

  constructor(options: Partial<SessionOptions> = {}) {
    const random = seededRandom(1);
    this.version = options.gatewayVersion ?? GATEWAY_VERSION;
    this.session = new VoiceSession({
      guildId: GUILD,
      userId: USER,
      random: (into) => into.set(randomBytes(random, into.length)),
      ...options,
    });
  }

  /** Feeds one input and returns what came out. */
  feed(input: Input): Output[] {
    this.session.handleInput(input, this.now);
    const outputs: Output[] = [];
    for (let output; (output = this.session.pollOutput()) !== undefined;) outputs.push(output);
    for (const output of outputs) {
      this.log.push({ at: this.now, output });
      if (output.type === "openWebSocket") this.websocketId = output.id;
      if (output.type === "openUdp") this.udpId = output.id;
      this.perform(output);
    }
    return outputs;
  }

  /** Does something later. */
  schedule(delay: number, run: () => void): void {
    this.#queue.push({ at: this.now + delay, run });
    this.#queue.sort((a, b) => a.at - b.at);
  }

  /** Lets time pass: whatever is due happens, in order. Returns what came out. */
  wait(milliseconds: number): Output[] {
    const end = this.now + milliseconds;
    const start = this.log.length;
    for (let steps = 0;; steps++) {
      assert(steps < 20_000, "the session spins");
      const [next] = this.#queue;
      const timeout = this.session.pollTimeout() ?? Infinity;
      const at = Math.min(next?.at ?? Infinity, timeout);
      if (at > end) break;
      this.now = Math.max(this.now, at);
      if (next !== undefined && next.at <= timeout) {
        this.#queue.shift();
        next.run();
      } else {
        this.feed({ type: "timeout" });
        assert((this.session.pollTimeout() ?? Infinity) > this.now, "a timer stays due");
      }
    }
    this.now = end;
    return this.log.slice(start).map(({ output }) => output);
  }

  /** The server's JSON message on the present WebSocket. */
  message(op: number, d: unknown, seq?: number): Output[] {
    return this.text(JSON.stringify({ op, d, seq }));
  }

  /** A frame on the present WebSocket. */
  text(data: string | Uint8Array): Output[] {
    return this.feed({ type: "websocketMessage", id: this.websocketId, data });
  }

  /** The present WebSocket opens. */
  open(): Output[] {
    return this.feed({ type: "websocketOpen", id: this.websocketId });
  }

  /** The present WebSocket closes. */
  close(code: number, reason = ""): Output[] {
    return this.feed({ type: "websocketClose", id: this.websocketId, code, reason });
  }

  /** A datagram on the present UDP socket. */
  datagram(data: Uint8Array): Output[] {
    return this.feed({ type: "datagram", id: this.udpId, data });
  }

  /** All that was sent on WebSockets, without what was sent before `from`. */
  sent(from = 0): SentMessage[] {
    return sentBy(this.log.slice(from).map(({ output }) => output));
  }

  /** All events, without traces and changes of state. */
  get events(): SessionEvent[] {
    return eventsOf(this.log.map(({ output }) => output));
  }
}

/** What is to be done: outputs that are no events. */
export function actionsOf(outputs: readonly Output[]): Output[] {
  return outputs.filter(({ type }) => type !== "event");
}

/** Events, without traces and changes of state. */
export function eventsOf(outputs: readonly Output[]): SessionEvent[] {
  return outputs.flatMap((output) => output.type === "event" ? [output.event] : []).filter(
    ({ type }) => type !== "message" && type !== "state",
  );
}

/** JSON messages that outputs send on a WebSocket. */
export function sentBy(outputs: readonly Output[]): SentMessage[] {
  return outputs.flatMap((output) =>
    output.type === "sendWebSocket" && typeof output.data === "string"
      ? [JSON.parse(output.data) as SentMessage]
      : []
  );
}

/** Channel ids of the op 4 payloads that outputs send; `null` leaves. */
export function channelsOf(outputs: readonly Output[]): (string | null)[] {
  return outputs.flatMap((output) =>
    output.type === "sendGateway" ? [output.payload.d.channel_id] : []
  );
}

/** The states that a connection goes through, in order. */
export const STEPS = [
  "connecting",
  "identifying",
  "discovering",
  "selecting",
  "connected",
  "reconnecting",
  "resuming",
] as const;

/** A step of the connection; see `STEPS`. */
export type Step = typeof STEPS[number];

/** Takes a fresh session by hand to a step. */
export function driveTo(step: Step, driver: Driver = new Driver()): Driver {
  const path: readonly (() => void)[] = [
    () => {
      driver.feed(JOIN);
      driver.feed(voiceState());
      driver.feed(voiceServer());
    },
    () => {
      driver.open();
      driver.text(helloOf(driver.version, 13_750));
    },
    () => {
      driver.message(2, READY);
      driver.feed({ type: "udpOpen", id: driver.udpId });
    },
    () => driver.datagram(discoveryResponse(SSRC, ADDRESS)),
    () => driver.message(4, DESCRIPTION),
    () => {
      driver.close(1006);
      driver.wait(0);
    },
    () => driver.open(),
  ];
  for (const advance of path.slice(0, STEPS.indexOf(step) + 1)) advance();
  assertEquals(driver.session.state, step);
  return driver;
}

/** Takes a session by hand from an opening WebSocket to a key. */
export function shakeHands(driver: Driver): void {
  driver.open();
  driver.text(helloOf(driver.version, 13_750));
  driver.message(2, READY);
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(SSRC, ADDRESS));
  driver.message(4, DESCRIPTION);
  assertEquals(driver.session.state, "connected");
}

/** Answers each heartbeat at once. */
export function answerHeartbeats(driver: Driver): void {
  driver.perform = (output) => {
    for (const message of sentBy([output])) {
      if (message.op === 3) driver.text(ackOf(driver.version, nonceOf(driver.version, message)));
    }
  };
}

/** What the server does at a step: a close code, silence, or (`undefined`) what it should. */
export type Plan = (step: Step, visit: number) => number | "silence" | undefined;

/** A voice server and a main gateway that do what a plan says. */
export class ScriptedServer {
  readonly driver: Driver;
  readonly #plan: Plan;
  readonly #visits = new Map<Step, number>();
  readonly #gateway: boolean;
  #tokens = 0;

  /** Waits at the driver's other end. Without `gateway` no update ever comes after the first. */
  constructor(driver: Driver, plan: Plan, gateway: boolean = true) {
    this.driver = driver;
    this.#plan = plan;
    this.#gateway = gateway;
    driver.perform = (output) => this.#perform(output);
  }

  /** The main gateway names a voice server, with a new token each time. */
  update(delay: number): void {
    const token = `token ${++this.#tokens}`;
    this.driver.schedule(delay, () => this.driver.feed(voiceState()));
    this.driver.schedule(delay + 5, () => this.driver.feed(voiceServer(token)));
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "sendGateway":
        if (output.payload.d.channel_id === null) {
          return this.driver.schedule(20, () => this.driver.feed(voiceState(null)));
        }
        if (this.#gateway || this.#tokens === 0) this.update(30);
        return;
      case "openWebSocket": {
        const step = this.driver.session.state as Step;
        return this.#reach(step, output.id, 30, () => {
          this.driver.feed({ type: "websocketOpen", id: output.id });
          this.#text(output.id, helloOf(this.driver.version, 13_750));
        });
      }
      case "sendWebSocket":
        return this.#receive(output.id, JSON.parse(output.data as string) as SentMessage);
      case "openUdp":
        return this.driver.schedule(1, () => this.driver.feed({ type: "udpOpen", id: output.id }));
      case "transmit":
        return this.#receiveDatagram(output.id, output.datagram);
    }
  }

  #receive(id: number, message: SentMessage): void {
    const { op } = message;
    const { version } = this.driver;
    if (op === 3) return this.#text(id, ackOf(version, nonceOf(version, message)));
    if (op === 0) return this.#reach("identifying", id, 10, () => this.#send(id, 2, READY));
    if (op === 7) {
      return this.#reach("resuming", id, 10, () => {
        this.#send(id, 9, null);
        this.#reach("connected", id, 1000, () => {});
      });
    }
    if (op === 1) {
      return this.#reach("selecting", id, 10, () => {
        this.#send(id, 4, DESCRIPTION);
        this.#reach("connected", id, 1000, () => {});
      });
    }
  }

  #receiveDatagram(udp: number, datagram: Uint8Array): void {
    const reply = (data: Uint8Array) => this.driver.feed({ type: "datagram", id: udp, data });
    const sequence = parseKeepalive(datagram);
    if (sequence !== undefined) {
      return this.driver.schedule(20, () => reply(keepaliveReply(sequence)));
    }
    const request = parseDiscoveryRequest(datagram);
    assert(request !== undefined, "the session transmits nothing else");
    this.#reach("discovering", this.driver.websocketId, 20, () => {
      const response = discoveryResponse(request.ssrc, ADDRESS, request.form);
      assert(isDiscoveryResponse(response, request.form));
      reply(response);
    });
  }

  #send(id: number, op: number, d: unknown): void {
    this.#text(id, JSON.stringify({ op, d }));
  }

  #text(id: number, data: string): void {
    this.driver.feed({ type: "websocketMessage", id, data });
  }

  #reach(step: Step, id: number, delay: number, proceed: () => void): void {
    const visit = this.#visits.get(step) ?? 0;
    this.#visits.set(step, visit + 1);
    const action = this.#plan(step, visit);
    if (action === "silence") return;
    this.driver.schedule(delay, () => {
      if (action === undefined) return proceed();
      this.driver.feed({ type: "websocketClose", id, code: action, reason: "scripted" });
      if (action === 4014 || action === 4022) {
        if (this.#gateway) this.update(500);
      }
    });
  }
}
