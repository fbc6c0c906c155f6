/**
 * Raw clients for the pure `VoiceServer`: they know the wire format by themselves and
 * use nothing of the library's client side. AES-256-GCM comes from `node:crypto`.
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";

import type { FaultRule } from "../../../lib/testing/faults.ts";
import type { ServerEvent } from "../../../lib/testing/server_events.ts";
import type {
  ServerInput,
  ServerOutput,
  VoiceServerOptions,
} from "../../../lib/testing/server_io.ts";
import { VoiceServer } from "../../../lib/testing/voice_server.ts";

export const GCM = "aead_aes256_gcm_rtpsize";
export const XCHACHA = "aead_xchacha20_poly1305_rtpsize";

/** A message of the server; a bare Hello has neither `op` nor `d`. */
export interface Message {
  readonly op: number;
  // deno-lint-ignore no-explicit-any
  readonly d: any;
  readonly seq?: number;
}

/** A datagram of the server. */
export interface Sent {
  readonly port: number;
  readonly datagram: Uint8Array;
}

/** A server and what it has put out. */
export class Rig {
  readonly server: VoiceServer;
  readonly messages: Map<number, Message[]> = new Map();
  readonly closed: Map<number, { code: number; reason: string }> = new Map();
  readonly datagrams: Sent[] = [];
  readonly events: ServerEvent[] = [];
  now = 0;
  /** WebSockets whose binary frames have a number. */
  readonly #numbered: Set<number> = new Set();
  #lastId = 0;
  #random = 0;

  constructor(options: Partial<VoiceServerOptions> = {}) {
    const random = (into: Uint8Array) => {
      for (let i = 0; i < into.length; i++) into[i] = this.#random++;
    };
    this.server = new VoiceServer({ random, port: 5000, ...options });
  }

  feed(input: ServerInput): void {
    this.server.handleInput(input, this.now);
    for (let output; (output = this.server.pollOutput()) !== undefined;) this.#take(output);
  }

  /** Lets time pass, waking the server when it asks for it. */
  run(duration: number): void {
    const end = this.now + duration;
    for (let at; (at = this.server.pollTimeout() ?? Infinity) <= end;) {
      this.now = Math.max(this.now, at);
      this.feed({ type: "timeout" });
    }
    this.now = end;
  }

  open(path = "/?v=8"): RawClient {
    const id = ++this.#lastId;
    this.messages.set(id, []);
    if (/[?&]v=[89]/.test(path)) this.#numbered.add(id);
    this.feed({ type: "websocketOpen", id, path });
    return new RawClient(this, id);
  }

  /** A client that has identified. */
  identify(userId: string, fields: Record<string, unknown> = {}, path?: string): RawClient {
    const client = this.open(path);
    client.send(0, identity(userId, fields));
    return client;
  }

  /** A client that has done the whole handshake from a port of its own. */
  join(
    userId: string,
    port: number,
    fields: Record<string, unknown> = {},
    path?: string,
  ): RawClient {
    const client = this.identify(userId, fields, path);
    client.select(GCM, port);
    return client;
  }

  setFaults(...faults: FaultRule[]): void {
    this.feed({ type: "setFaults", faults });
  }

  count(type: ServerEvent["type"]): number {
    return this.events.filter((event) => event.type === type).length;
  }

  #take(output: ServerOutput): void {
    switch (output.type) {
      case "sendWebSocket":
        return void this.messages.get(output.id)?.push(
          typeof output.data === "string"
            ? messageOf(output.data)
            : binaryMessageOf(output.data, this.#numbered.has(output.id)),
        );
      case "closeWebSocket":
        return void this.closed.set(output.id, { code: output.code, reason: output.reason });
      case "cutWebSocket":
        return void this.closed.set(output.id, { code: 1006, reason: "" });
      case "transmit":
        return void this.datagrams.push({ port: output.to.port, datagram: output.datagram });
      case "event":
        return void this.events.push(output.event);
    }
  }
}

/** What a client makes of a frame; one that is no JSON has the opcode -1. */
function messageOf(text: string): Message {
  try {
    return JSON.parse(text);
  } catch {
    return { op: -1, d: text };
  }
}

/** What a client makes of a binary frame; one that is too short has the opcode -1. */
function binaryMessageOf(frame: Uint8Array, numbered: boolean): Message {
  if (!numbered) return { op: frame[0], d: frame.slice(1) };
  if (frame.length < 3) return { op: -1, d: frame };
  return { op: frame[2], d: frame.slice(3), seq: frame[0] << 8 | frame[1] };
}

/** Identify's payload. */
export function identity(userId: string, fields: Record<string, unknown> = {}): object {
  return {
    server_id: "1",
    user_id: userId,
    session_id: `session-${userId}`,
    token: "secret-token",
    max_dave_protocol_version: 0,
    ...fields,
  };
}

/** A WebSocket client and its UDP side. */
export class RawClient {
  readonly rig: Rig;
  readonly id: number;
  port = 0;
  #counter = 0;

  constructor(rig: Rig, id: number) {
    this.rig = rig;
    this.id = id;
  }

  get messages(): Message[] {
    return this.rig.messages.get(this.id)!;
  }

  get ops(): number[] {
    return this.messages.map(({ op }) => op);
  }

  get seqs(): (number | undefined)[] {
    return this.messages.map(({ seq }) => seq);
  }

  get code(): number | undefined {
    return this.rig.closed.get(this.id)?.code;
  }

  get ssrc(): number {
    return this.last(2).d.ssrc;
  }

  get key(): Uint8Array {
    return Uint8Array.from(this.last(4).d.secret_key);
  }

  last(op: number): Message {
    const found = this.messages.findLast((message) => message.op === op);
    if (found === undefined) throw new Error(`Cannot find op ${op}: got ${this.ops}`);
    return found;
  }

  send(op: number, d: unknown): void {
    this.sendRaw(JSON.stringify({ op, d }));
  }

  sendRaw(data: string | Uint8Array): void {
    this.rig.feed({ type: "websocketMessage", id: this.id, data });
  }

  close(code: number): void {
    this.rig.feed({ type: "websocketClose", id: this.id, code });
  }

  /** IP discovery and Select Protocol. */
  select(mode: string = GCM, port: number = this.port): void {
    this.port = port;
    this.sendDatagram(discovery(this.ssrc));
    this.send(1, { protocol: "udp", data: { address: "127.0.0.1", port, mode } });
  }

  speak(flags: number | boolean = 1): void {
    this.send(5, { speaking: flags, delay: 0, ssrc: 0 });
  }

  sendDatagram(data: Uint8Array, port: number = this.port): void {
    this.rig.feed({ type: "datagram", from: { address: "127.0.0.1", port }, data });
  }

  /** An RTP packet sealed with the client's key. */
  rtp(
    payload: Uint8Array,
    header: Uint8Array = rtpHeader(this.ssrc),
    clearSize: number = header.length,
  ): Uint8Array {
    return sealGcm(this.key, ++this.#counter, header, clearSize, payload);
  }

  /** Datagrams for this client that are no discovery and no keepalive. */
  get heard(): Uint8Array[] {
    return this.rig.datagrams.filter(({ port, datagram }) =>
      port === this.port && datagram[0]! >= 0x80
    ).map(({ datagram }) => datagram);
  }
}

/** A 74-byte discovery request. */
export function discovery(ssrc: number): Uint8Array {
  const request = new Uint8Array(74);
  const view = new DataView(request.buffer);
  view.setUint16(0, 1);
  view.setUint16(2, 70);
  view.setUint32(4, ssrc);
  return request;
}

/** A plain RTP header. */
export function rtpHeader(ssrc: number, sequence = 1): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint16(0, 0x8078);
  view.setUint16(2, sequence);
  view.setUint32(4, 960 * sequence);
  view.setUint32(8, ssrc);
  return header;
}

/** Seals `header` beyond `clearSize` and `payload` as the `rtpsize` mode says. */
export function sealGcm(
  key: Uint8Array,
  counter: number,
  header: Uint8Array,
  clearSize: number,
  payload: Uint8Array,
): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(0, counter);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const clear = header.subarray(0, clearSize);
  cipher.setAAD(clear);
  const body = [cipher.update(header.subarray(clearSize)), cipher.update(payload), cipher.final()];
  return concat(clear, ...body, cipher.getAuthTag(), nonce.subarray(0, 4));
}

/** Opens a packet; throws where the tag is wrong. */
export function openGcm(key: Uint8Array, packet: Uint8Array, clearSize = 12): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce.set(packet.subarray(packet.length - 4));
  const cipher = createDecipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(packet.subarray(0, clearSize));
  cipher.setAuthTag(packet.subarray(packet.length - 20, packet.length - 4));
  return concat(cipher.update(packet.subarray(clearSize, packet.length - 20)), cipher.final());
}

/** Joins byte arrays. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
