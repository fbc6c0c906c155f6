/**
 * Where bots meet: a voice server with TLS in front of it, bots on libraries of others, bots
 * of our own, and a time limit for all of it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { joinVoice } from "@sotto/voice";
import type { EncryptionMode } from "@sotto/voice/core";
import { type RunningVoiceServer, type ServerEvent, startVoiceServer } from "@sotto/voice/testing";
import { startTlsFront, type TlsFront } from "../tools/tls_front.ts";
import { type Bot, OwnBot } from "./bot.ts";
import { PeerClient } from "./peer_client.ts";

/** The guild in which they meet. */
export const GUILD = "41771983423143937";
/** The channel in which they meet. */
export const CHANNEL = "127121515262115840";
const FIRST_USER = 100000000000000001n;
const TIME_LIMIT = 30_000;

/** A voice server and who is in it. */
export class Stage implements AsyncDisposable {
  /** The voice server. */
  readonly server: RunningVoiceServer;
  /** The TLS through which peers reach it. */
  readonly front: TlsFront;
  readonly #events: readonly ServerEvent[];
  readonly #bots: (Bot & AsyncDisposable)[] = [];
  readonly #limit = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #nextUser = FIRST_USER;

  readonly #dave: boolean;

  private constructor(
    server: RunningVoiceServer,
    front: TlsFront,
    events: readonly ServerEvent[],
    dave: boolean,
  ) {
    this.#dave = dave;
    this.server = server;
    this.front = front;
    this.#events = events;
    this.#timer = setTimeout(() => {
      console.error(`The test takes longer than ${TIME_LIMIT / 1000} s and is ended`);
      this.#limit.abort();
    }, TIME_LIMIT);
  }

  /**
   * Starts a server.
   *
   * @param modes Encryption modes that it offers; by default what it offers on its own.
   * @param dave Whether calls may be end-to-end encrypted; peers then offer it.
   */
  static async open(
    modes?: readonly EncryptionMode[],
    dave: "off" | "optional" | "required" = "off",
  ): Promise<Stage> {
    const events: ServerEvent[] = [];
    const front = await startTlsFront(() => server.port);
    const server = await startVoiceServer({
      modes,
      dave,
      endpoint: `127.0.0.1:${front.port}`,
      heartbeatInterval: 500,
      onEvent: (event) => events.push(event),
    });
    return new Stage(server, front, events, dave !== "off");
  }

  /** Bots on libraries of others join, each in a process of its own. */
  async peers(...names: string[]): Promise<PeerClient[]> {
    return await Promise.all(names.map(async (name) => {
      const peer = await PeerClient.start(name, this.#newUser(), this.#limit.signal);
      this.#bots.push(peer);
      const gateway = this.server.gatewayUrl;
      await peer.join({ gateway, guildId: GUILD, channelId: CHANNEL, dave: this.#dave });
      return peer;
    }));
  }

  /**
   * A bot of our own joins, past the TLS, whose certificate it would not trust.
   *
   * @param modes Encryption modes that it takes; by default what it takes on its own.
   */
  async ours(modes?: readonly EncryptionMode[]): Promise<OwnBot> {
    const userId = this.#newUser();
    const adapterCreator = this.server.adapterCreator(userId);
    const transitions: number[] = [];
    const connection = await joinVoice({
      guildId: GUILD,
      channelId: CHANNEL,
      userId,
      modes,
      adapterCreator: (methods) =>
        adapterCreator({
          destroy: () => methods.destroy(),
          onVoiceStateUpdate: (data) => methods.onVoiceStateUpdate(data),
          onVoiceServerUpdate: (data) =>
            methods.onVoiceServerUpdate({ ...data, endpoint: this.server.url }),
        }),
      signal: this.#limit.signal,
      onEvent: (event) => {
        if (event.type === "daveEpochTransition") transitions.push(event.transitionId);
      },
    });
    const bot = new OwnBot(userId, connection, transitions);
    this.#bots.push(bot);
    return bot;
  }

  /**
   * Waits until bots share an epoch of DAVE, and have left all others behind.
   *
   * @param bots All who are in the call.
   * @returns The code that each of them has.
   */
  async secured(bots: readonly Bot[]): Promise<(string | undefined)[]> {
    return await this.#transitioned(bots, () => {
      const commit = this.#events.findLast((event) => event.type === "dave-commit");
      return commit?.memberCount === bots.length ? commit.transitionId : undefined;
    });
  }

  /** Waits until the call has lost its end-to-end encryption. */
  async downgraded(bots: readonly Bot[]): Promise<void> {
    await this.#transitioned(bots, () => {
      const last = this.#events.findLast((event) => event.type === "dave-transition");
      return last?.protocolVersion === 0 ? last.transitionId : undefined;
    });
  }

  /** Waits for a transition, and until all have executed it; tells their privacy codes. */
  async #transitioned(
    bots: readonly Bot[],
    find: () => number | undefined,
  ): Promise<(string | undefined)[]> {
    let id: number | undefined;
    while ((id = find()) === undefined) await delay(20, { signal: this.#limit.signal });
    const transitionId = id;
    return await Promise.all(bots.map((bot) => bot.secured(transitionId)));
  }

  /** The version of the voice gateway with which a bot has identified. */
  gatewayVersion({ userId }: Bot): number | undefined {
    const { websocket } = this.#events.find((event) =>
      event.type === "identify" && event.userId === userId
    )!;
    const isConnect = (event: ServerEvent) =>
      event.type === "connect" && event.websocket === websocket;
    const connect = this.#events.find(isConnect)!;
    return "version" in connect ? connect.version : undefined;
  }

  /** Waits until the server has lost a user's WebSocket, taken op 7 and answered op 9. */
  async resumes({ userId }: Bot, code: number): Promise<void> {
    const signal = this.#limit.signal;
    const own = () => this.#events.filter((event) => event.userId === userId);
    while (!own().some(({ type }) => type === "resumed")) await delay(20, { signal });
    const { websocket } = own().find(({ type }) => type === "resumed")!;
    const wanted = ["session", "disconnect", "close", "resumed"];
    assertEquals(
      own().filter(({ type }) => wanted.includes(type)).map((event) =>
        "code" in event ? event.code : event.type
      ),
      ["session", code, "resumed"],
    );
    assertEquals(
      this.#events.filter((event) => event.websocket === websocket).map(({ type }) => type)
        .slice(0, 3),
      ["connect", "resume", "resumed"],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#bots.map((bot) => bot[Symbol.asyncDispose]()));
    await this.front.close();
    await this.server[Symbol.asyncDispose]();
    clearTimeout(this.#timer);
  }

  #newUser(): string {
    return String(this.#nextUser++);
  }
}
