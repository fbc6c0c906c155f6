/**
 * A voice server, its main gateway and sessions that come and go, by hand and on virtual time:
 * everything takes no time but waiting. Unlike `Simulation` it keeps nothing of who has gone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { DiscoveredAddress } from "../../lib/ip_discovery.ts";
import type { Input, Output, SessionEvent } from "../../lib/io.ts";
import { MAX_PACKET_OVERHEAD } from "../../lib/packet.ts";
import { VoiceSession } from "../../lib/session.ts";
import type { GatewayInput, GatewayOutput } from "../../lib/testing/gateway_io.ts";
import { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";
import type { ServerInput, ServerOutput } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";

export const GUILD = "1";

const ENDPOINT = "ws://127.0.0.1:5000";
const TIMEOUT = { type: "timeout" } as const;

/** What a client's WebSocket is called on either side. */
interface Link {
  readonly client: SoakClient;
  readonly id: number;
}

/** Servers, clients, a clock. */
export class World {
  readonly server: VoiceServer;
  readonly gateway: GatewayStub;
  readonly clients: Map<string, SoakClient> = new Map();
  readonly websockets: Map<number, Link> = new Map();
  readonly ports: Map<number, Link> = new Map();
  now = 0;
  /** Whether datagrams come through. */
  udpWorks = true;
  readonly random: (into: Uint8Array) => void;
  #tasks: (() => void)[] = [];
  #lastId = 0;
  #lastPort = 0;

  constructor() {
    const random = new SeededRandom(1);
    this.random = (into) => random.fill(into);
    this.server = new VoiceServer({ random: this.random, port: 5000 });
    this.gateway = new GatewayStub({ random: this.random, endpoint: ENDPOINT, url: ENDPOINT });
  }

  /** Everything that follows from what was fed. */
  settle(): void {
    for (let done = 0; done < this.#tasks.length; done++) {
      assert(done < 10_000, "the world comes to rest");
      this.#tasks[done]!();
    }
    this.#tasks = [];
  }

  /** Lets time pass. */
  run(duration: number): void {
    const end = this.now + duration;
    for (let at; this.settle(), (at = this.timeout() ?? Infinity) <= end;) {
      this.now = Math.max(this.now, at);
      const isDue = (driven: { pollTimeout(): number | undefined }) =>
        (driven.pollTimeout() ?? Infinity) <= this.now;
      if (isDue(this.server)) this.feedServer(TIMEOUT);
      if (isDue(this.gateway)) this.feedGateway(TIMEOUT);
      for (const client of this.clients.values()) if (isDue(client.session)) client.feed(TIMEOUT);
    }
    this.now = end;
  }

  /** When somebody wants to be woken; `undefined`: nobody does. */
  timeout(): number | undefined {
    const driven = [this.server, this.gateway, ...[...this.clients.values()].map((c) => c.session)];
    const next = Math.min(...driven.map((one) => one.pollTimeout() ?? Infinity));
    return next === Infinity ? undefined : next;
  }

  feedServer(input: ServerInput): void {
    this.server.handleInput(input, this.now);
    for (let output; (output = this.server.pollOutput()) !== undefined;) this.#perform(output);
  }

  feedGateway(input: GatewayInput): void {
    this.gateway.handleInput(input, this.now);
    for (let output; (output = this.gateway.pollOutput()) !== undefined;) this.#perform(output);
  }

  /** Does something after what is going on. */
  later(task: () => void): void {
    this.#tasks.push(task);
  }

  openWebSocket(client: SoakClient, id: number, url: string): number {
    const serverId = ++this.#lastId;
    this.websockets.set(serverId, { client, id });
    this.later(() => {
      if (!this.websockets.has(serverId)) return;
      client.feed({ type: "websocketOpen", id });
      this.feedServer({ type: "websocketOpen", id: serverId, path: url.slice(ENDPOINT.length) });
    });
    return serverId;
  }

  openUdp(client: SoakClient, id: number): number {
    const port = 10_000 + ++this.#lastPort % 50_000;
    this.ports.set(port, { client, id });
    this.later(() => client.feed({ type: "udpOpen", id }));
    return port;
  }

  toServer(port: number, data: Uint8Array): void {
    const from: DiscoveredAddress = { address: "127.0.0.1", port };
    if (this.udpWorks) this.later(() => this.feedServer({ type: "datagram", from, data }));
  }

  #perform(output: ServerOutput | GatewayOutput): void {
    switch (output.type) {
      case "sendWebSocket": {
        const { id, data } = output;
        const link = this.websockets.get(id);
        this.later(() => link?.client.feed({ type: "websocketMessage", id: link.id, data }));
        return;
      }
      case "closeWebSocket": {
        const { id, code, reason } = output;
        const link = this.websockets.get(id);
        this.websockets.delete(id);
        this.later(() => link?.client.feed({ type: "websocketClose", id: link.id, code, reason }));
        return;
      }
      case "transmit": {
        const { to, datagram } = output;
        this.later(() => this.ports.get(to.port)?.client.receive(datagram));
        return;
      }
      case "voice":
        return this.feedServer(output.input);
      case "dispatch": {
        const { userId, dispatch } = output;
        this.later(() => {
          const client = this.clients.get(userId);
          if (dispatch.name === "VOICE_STATE_UPDATE") {
            client?.feed({ type: "voiceState", data: dispatch.data });
          } else client?.feed({ type: "voiceServer", data: dispatch.data });
        });
      }
    }
  }
}

/** A bot: attached to the gateway from its making to its end. */
export class SoakClient {
  readonly userId: string;
  readonly session: VoiceSession;
  /** Frames heard. */
  heard = 0;
  /** How the session has ended. */
  closed: Extract<SessionEvent, { type: "closed" }> | undefined;
  readonly #world: World;
  #serverId: number | undefined;
  #udp: { readonly id: number; readonly port: number } | undefined;

  constructor(world: World, userId: string) {
    this.userId = userId;
    this.#world = world;
    this.session = new VoiceSession({ guildId: GUILD, userId, random: world.random });
    world.clients.set(userId, this);
    world.feedGateway({ type: "attach", userId });
  }

  /** Joins, as far as that goes at this moment. */
  join(channelId = "2"): void {
    this.feed({ type: "join", channelId });
    this.#world.settle();
  }

  feed(input: Input): void {
    if (input.type === "websocketClose") this.#serverId = undefined;
    this.session.handleInput(input, this.#world.now);
    for (let output; (output = this.session.pollOutput()) !== undefined;) this.#perform(output);
  }

  /** Sends an Opus packet. */
  send(opus: Uint8Array): void {
    const into = new Uint8Array(12 + opus.length + MAX_PACKET_OVERHEAD);
    const size = this.session.packetize(opus, into);
    assert(size > 0 && this.#udp !== undefined, "a client that is connected sends");
    this.#world.toServer(this.#udp.port, into.subarray(0, size));
    this.#world.settle();
  }

  receive(datagram: Uint8Array): void {
    const size = this.session.depacketize(datagram, new Uint8Array(datagram.length));
    if (size > 0) this.heard++;
    else if (size < 0) this.feed({ type: "datagram", id: this.#udp?.id ?? 0, data: datagram });
  }

  /** Breaks the WebSocket as a network does. */
  cut(): void {
    const serverId = this.#serverId;
    if (serverId === undefined) return;
    const link = this.#world.websockets.get(serverId)!;
    this.#world.websockets.delete(serverId);
    this.feed({ type: "websocketClose", id: link.id, code: 1006, reason: "" });
    this.#world.feedServer({ type: "websocketClose", id: serverId, code: 1006 });
    this.#world.settle();
  }

  /** The end: the session must have nothing left to do. */
  detach(): void {
    this.#world.settle();
    assertEquals(this.session.state, "closed");
    assertEquals([this.session.pollTimeout(), this.session.pollOutput()], [undefined, undefined]);
    assertEquals([this.#serverId, this.#udp], [undefined, undefined]);
    this.#world.feedGateway({ type: "detach", userId: this.userId });
    this.#world.clients.delete(this.userId);
    this.#world.settle();
  }

  #perform(output: Output): void {
    const world = this.#world;
    switch (output.type) {
      case "sendGateway": {
        const { userId } = this;
        const { d: data } = output.payload;
        return world.later(() => world.feedGateway({ type: "voiceState", userId, data }));
      }
      case "openWebSocket":
        this.#serverId = world.openWebSocket(this, output.id, output.url);
        return;
      case "sendWebSocket": {
        const id = this.#serverId;
        const { data } = output;
        if (id === undefined) return;
        return world.later(() => world.feedServer({ type: "websocketMessage", id, data }));
      }
      case "closeWebSocket": {
        const id = this.#serverId;
        const { code } = output;
        this.#serverId = undefined;
        if (id === undefined) return;
        world.websockets.delete(id);
        return world.later(() => world.feedServer({ type: "websocketClose", id, code }));
      }
      case "openUdp":
        this.#udp = { id: output.id, port: world.openUdp(this, output.id) };
        return;
      case "transmit":
        if (this.#udp?.id === output.id) world.toServer(this.#udp.port, output.datagram);
        return;
      case "closeUdp":
        if (this.#udp?.id === output.id) world.ports.delete(this.#udp.port);
        this.#udp = undefined;
        return;
      case "event":
        if (output.event.type === "closed") this.closed = output.event;
    }
  }
}
