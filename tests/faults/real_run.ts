/**
 * Runs a row with a `VoiceConnection` on real sockets.
 *
 * @module
 */

import type { VoiceConnectError } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { PHASE_TIMEOUTS, type PhaseTimeouts } from "../../lib/session.ts";
import { SEALING_MODES } from "../../lib/packet.ts";
import { joinVoice, type VoiceConnection } from "../../mod.ts";
import { BOT, CHANNEL, FRIEND, GUILD, isHeard, opusOf, PROBE_COUNT } from "./cast.ts";
import type { FaultRow, Outcome } from "./row.ts";
import { lengthOf, RealStage, SCALE, waitUntil } from "./real_stage.ts";
import { complaints } from "./verdict.ts";

/** Milliseconds that a busy machine may take longer. */
const SLACK = 4000;
/** Milliseconds for which a connection must be ready. */
const HELD = 250;
const PROBE_LIMIT = 4000;
const RTP_HEADER_SIZE = 12;

const TIMEOUTS: PhaseTimeouts = Object.fromEntries(
  Object.entries(PHASE_TIMEOUTS).map(([state, ms]) => [state, ms * SCALE]),
);

/** Milliseconds that a row may take on real sockets. */
export function realLimitOf({ within: { deadlines, backoff } }: FaultRow): number {
  return deadlines * SCALE + backoff + SLACK;
}

/**
 * Runs a row.
 *
 * @param row The row.
 * @returns How it ended.
 */
export async function runReally(row: FaultRow): Promise<Outcome> {
  const { faults = [], meanwhile = [], then = [] } = row;
  await using stage = await RealStage.open(row, { otherUsers: true });
  await using friend = await join(stage, FRIEND);
  friend.setSpeaking(1);
  stage.setFaults(faults);
  for (const step of meanwhile.filter(({ at }) => at < 0)) stage.perform(step);
  const joinedAt = performance.now();
  const bot = new Watched(stage);
  stage.endsWhen(() => bot.isOver);
  await stage.play(meanwhile.filter(({ at }) => at >= 0), joinedAt);
  let [from, last] = [joinedAt, joinedAt + lengthOf(meanwhile)];
  if (then.length > 0) {
    await waitUntil(() => bot.isSettled || bot.isOver);
    from = performance.now();
    last = from + lengthOf(then);
    await stage.play(then, from);
  }
  const limit = last + realLimitOf(row);
  const outcome = (): Outcome => ({
    end: bot.end,
    after: Math.max(0, bot.endedAt - from),
    afterLast: Math.max(0, bot.endedAt - last),
    op4: stage.op4.map((at) => at - joinedAt),
    faults: stage.faults,
    problems: [],
  });
  await waitUntil(() => {
    const now = performance.now();
    const isHeld = bot.isReady && now > bot.endedAt + HELD && now > last + HELD;
    const isAsWanted = isHeld && complaints(row, outcome(), Infinity).length === 0;
    return bot.isOver || isAsWanted || now > limit;
  });
  const ended = outcome();
  const problems = bot.isReady ? await probe(stage, bot, friend) : [];
  await bot.leave();
  await waitUntil(() => stage.server.stats().websockets <= 1 || performance.now() > limit);
  const { websockets } = stage.server.stats();
  if (websockets > 1) problems.push(`${websockets - 1} WebSockets are left`);
  return { ...ended, problems };
}

function join(
  stage: RealStage,
  userId: string,
  onEvent?: (event: SessionEvent) => void,
): Promise<VoiceConnection> {
  const isBot = userId === BOT;
  return joinVoice({
    guildId: GUILD,
    channelId: CHANNEL,
    userId,
    adapterCreator: isBot ? stage.adapterOfBot() : stage.adapterOfFriend(),
    ...isBot ? { timeouts: TIMEOUTS } : { modes: SEALING_MODES },
    onEvent,
  });
}

/** The bot, whether it gets in or not. */
class Watched {
  connection: VoiceConnection | undefined;
  isReady = false;
  isOver = false;
  endedAt = 0;
  #error: string | undefined;
  readonly #settled: Promise<void>;

  constructor(stage: RealStage) {
    this.#settled = this.#run(stage);
  }

  /** How it is now. */
  get end(): string {
    if (this.isReady) return "ready";
    return this.#error ?? `stuck in ${this.connection?.state ?? "joining"}`;
  }

  /**
   * Whether it is ready and its handshake is over: where a message meets a close, Deno says 1006
   * and not the code that the server gave.
   */
  get isSettled(): boolean {
    const { connection } = this;
    return this.isReady && connection !== undefined && (connection.dave?.ready ?? true);
  }

  /** Leaves, where that has not happened. */
  async leave(): Promise<void> {
    this.connection?.leave();
    await this.#settled;
  }

  async #run(stage: RealStage): Promise<void> {
    try {
      this.connection = await join(stage, BOT, (event) => this.#take(event));
      const error = await this.connection.closed;
      this.#close(error);
    } catch (error) {
      this.#close(error as VoiceConnectError);
    }
  }

  #take(event: SessionEvent): void {
    if (event.type !== "state") return;
    this.isReady = event.to === "connected";
    if (this.isReady) this.endedAt = performance.now();
  }

  #close(error: VoiceConnectError | undefined): void {
    this.#error ??= error?.code;
    this.isReady = false;
    this.isOver = true;
    this.endedAt = performance.now();
  }
}

/** Bot and friend say something in one channel. */
async function probe(
  { server }: RealStage,
  watched: Watched,
  friend: VoiceConnection,
): Promise<string[]> {
  const limit = performance.now() + PROBE_LIMIT;
  const until = (condition: () => boolean) =>
    waitUntil(() => condition() || performance.now() > limit);
  await until(() => watched.connection !== undefined);
  const bot = watched.connection!;
  bot.setSpeaking(1);
  if (friend.channelId !== bot.channelId) server.moveUser(GUILD, FRIEND, bot.channelId);
  await until(() =>
    friend.channelId === bot.channelId && friend.state === "connected" &&
    bot.users.has(FRIEND) && friend.users.has(BOT) &&
    [bot, friend].every(({ dave }) => dave?.ready)
  );
  const heardByBot = collect(bot);
  const heardByFriend = collect(friend);
  for (let index = 0; index < PROBE_COUNT; index++) {
    bot.sendOpus(opusOf(1, index));
    friend.sendOpus(opusOf(2, index));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => heardByBot.length >= PROBE_COUNT && heardByFriend.length >= PROBE_COUNT);
  const problems: string[] = [];
  if (bot.state !== "connected") problems.push(`is ${bot.state} a moment later`);
  if (!isHeard("all", 2, heardByBot)) problems.push("does not hear");
  if (!isHeard("all", 1, heardByFriend)) problems.push("is not heard");
  return problems;
}

function collect(connection: VoiceConnection): Uint8Array[] {
  const heard: Uint8Array[] = [];
  connection.on("rawAudioFrame", ({ frame }) => heard.push(frame.subarray(RTP_HEADER_SIZE)));
  return heard;
}

/**
 * Runs rows, so many at a time.
 *
 * @param rows The rows.
 * @param width How many at a time.
 * @param run Runs one.
 * @returns What came of each, by name.
 */
export async function runAll<T>(
  rows: readonly FaultRow[],
  width: number,
  run: (row: FaultRow) => Promise<T>,
): Promise<Map<string, T>> {
  const results = new Map<string, T>();
  const waiting = [...rows];
  const worker = async () => {
    for (let row; (row = waiting.shift()) !== undefined;) results.set(row.name, await run(row));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
