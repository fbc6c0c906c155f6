/**
 * A call of two bots through the pure voice server, on virtual time: nothing waits, and
 * one seed gives one course of events.
 *
 * @module
 */

import type { EncryptionMode, GatewayVersion } from "@sotto/voice/core";
import { type SimulatedBot, Simulation } from "@sotto/voice/testing/core";
import type { BotName, CallMessage } from "../demo/sequence_diagram.ts";

/** What can be chosen. */
export interface CallOptions {
  /** Version of the voice gateway. */
  readonly version: GatewayVersion;
  /** The encryption mode. */
  readonly mode: EncryptionMode;
  /** How many packets bot A sends. */
  readonly packetCount: number;
  /** Share of datagrams that are lost, 0 to 1. */
  readonly loss: number;
  /** Chooses the course of events. */
  readonly seed: number;
  /** Whether A's WebSocket breaks after half of the packets. */
  readonly cut: boolean;
}

/** How a call went. */
export interface CallResult {
  /** What went by at the bots; of the audio only the first packets. */
  readonly messages: readonly CallMessage[];
  /** Mode that the session has agreed on; absent where it did not come so far. */
  readonly mode: EncryptionMode | undefined;
  /** Packets that A sent. */
  readonly sent: number;
  /** Packets that B heard. */
  readonly heard: number;
  /** Whether all that B heard is what A sent, bit for bit and in order. */
  readonly bitExact: boolean;
  /** How often a session went on after a lost WebSocket. */
  readonly resumed: number;
  /** Milliseconds of virtual time from the first join to the last message. */
  readonly duration: number;
  /** Why a session ended before its time. */
  readonly error: string | undefined;
}

/** Packets that are drawn. */
export const DRAWN_PACKETS = 6;

const STEP = 1;
const FRAME_DURATION = 20;
const CONNECT_LIMIT = 20_000;
const REST = 200;
const FRAME_SIZE = 40;

/**
 * Runs a call: B joins, A joins, A speaks, both leave.
 *
 * @param options What was chosen.
 * @returns How it went.
 */
export function runCall(options: CallOptions): CallResult {
  return new Call(options).run();
}

class Call {
  readonly #options: CallOptions;
  readonly #simulation: Simulation;
  readonly #bots: Readonly<Record<BotName, SimulatedBot>>;
  readonly #messages: CallMessage[] = [];
  readonly #sent: Uint8Array[] = [];
  #mode: EncryptionMode | undefined;
  #resumed = 0;
  #error: string | undefined;

  constructor(options: CallOptions) {
    const { seed, loss, mode, version: gatewayVersion } = options;
    this.#options = options;
    this.#simulation = new Simulation({ seed, loss, server: { modes: [mode] } });
    const bot = (userId: string) => this.#simulation.bot({ userId, modes: [mode], gatewayVersion });
    this.#bots = { A: bot("100000000000000001"), B: bot("100000000000000002") };
  }

  run(): CallResult {
    const { A, B } = this.#bots;
    this.#connect(B);
    this.#connect(A);
    this.#talk();
    this.#pass(REST);
    for (const bot of [A, B]) if (!isClosed(bot)) bot.leave();
    this.#pass(REST);
    this.#messages.push(...this.#heard());
    const heard = B.frames.map(({ opus }) => opus.join());
    const rest = this.#sent.map((opus) => opus.join());
    return {
      messages: this.#messages,
      mode: this.#mode,
      sent: rest.length,
      heard: heard.length,
      // Each is found behind the one before it.
      bitExact: heard.every((opus) => {
        const index = rest.indexOf(opus);
        rest.splice(0, index + 1);
        return index >= 0;
      }),
      resumed: this.#resumed,
      duration: Math.max(0, ...this.#messages.map(({ at }) => at)),
      error: this.#error,
    };
  }

  #connect(bot: SimulatedBot): void {
    bot.join();
    const limit = this.#simulation.now + CONNECT_LIMIT;
    while (!/^(connected|closed)$/.test(bot.session.state) && this.#simulation.now < limit) {
      this.#pass(STEP);
    }
    this.#pass(REST);
  }

  #talk(): void {
    const { A } = this.#bots;
    const { packetCount, cut } = this.#options;
    if (isClosed(A)) return;
    A.speak();
    this.#pass(REST);
    for (let index = 0; index < packetCount && !isClosed(A);) {
      const opus = frame(index);
      if (A.send(opus)) {
        if (index < DRAWN_PACKETS) this.#note("A", "sent", `Audio ${index + 1}`);
        this.#sent.push(opus);
        index++;
        if (cut && index === packetCount >> 1) A.cutWebSocket();
      }
      this.#pass(FRAME_DURATION);
    }
  }

  /** Lets time pass, and takes down what happens when. */
  #pass(duration: number): void {
    for (let left = duration; left > 0; left -= STEP) {
      for (const name of ["A", "B"] as const) this.#takeDown(name);
      this.#simulation.run(STEP);
    }
    for (const name of ["A", "B"] as const) this.#takeDown(name);
  }

  #takeDown(name: BotName): void {
    const { events } = this.#bots[name];
    for (const event of events.splice(0)) {
      if (event.type === "message") this.#note(name, event.direction, event.name, event.channel);
      else if (event.type === "ready") this.#mode = event.mode;
      else if (event.type === "resumed") this.#resumed++;
      else if (event.type === "closed") this.#error ??= event.error?.message;
    }
  }

  #note(
    bot: BotName,
    direction: CallMessage["direction"],
    name: string,
    channel: CallMessage["channel"] = "udp",
  ): void {
    this.#messages.push({ at: this.#simulation.now, bot, direction, channel, name });
  }

  /** Those of the drawn packets that B has heard. */
  #heard(): CallMessage[] {
    const drawn = this.#sent.slice(0, DRAWN_PACKETS).map((opus) => opus.join());
    return this.#bots.B.frames.flatMap(({ at, opus }) => {
      const index = drawn.indexOf(opus.join());
      if (index < 0) return [];
      const name = `Audio ${index + 1}`;
      return [{ at, bot: "B", direction: "received", channel: "udp", name } as const];
    });
  }
}

function isClosed(bot: SimulatedBot): boolean {
  return bot.session.state === "closed";
}

/** An Opus packet of 20 ms that no other index has. */
function frame(index: number): Uint8Array {
  const opus = new Uint8Array(FRAME_SIZE).fill(index & 0xff);
  opus.set([0xf8, index >>> 8, index & 0xff]);
  return opus;
}
