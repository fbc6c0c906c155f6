/**
 * Puts the packets of one sender in order and in time: what came at odd moments goes out at even
 * ones, and what did not come is told.
 *
 * Theory of operation. A packet has a nominal instant: when it would have come if nothing had held
 * it up ({@linkcode DelayEstimator}'s base plus its timestamp). It is played a delay later, which
 * follows from how late packets come. A talkspurt is one line: each item begins where the one
 * before ended, in samples of the local clock. The line meets the nominal instants anew where a
 * talkspurt begins; inside of one it approaches them by a few samples a packet (`adjust`), so that
 * a sender whose clock is faster or slower is followed as well.
 *
 * What is missing when it is due:
 *
 * - Later packets are there: it is lost. A packet that comes behind its loss is late.
 * - None is there: the sender may have stopped, or the network may hold everything up. A frame is
 *   concealed, and what comes next says what it was. The missing packet itself: it is late, and
 *   dropped; but from the second one on they all are late, so they are kept, and the delay has
 *   grown by what was concealed.
 * - After 120 ms of concealment, or at once after a packet of silence, it is a pause. So is a
 *   timestamp that goes on where the sequence number did not.
 *
 * No packet is played more than the ceiling behind its nominal instant: it is dropped as late.
 *
 * @module
 */

import { DelayEstimator } from "./delay_estimator.ts";
import { isSilence, packetDuration } from "./opus_toc.ts";
import { type LinePlace, type RtpPlace, RtpTimeline } from "./rtp_timeline.ts";

/** Options of {@linkcode JitterBuffer}. */
export interface JitterBufferOptions {
  /**
   * Least delay in milliseconds; default 40, two usual frames: when a packet is found missing, the
   * next one, whose FEC may restore it, has mostly come.
   */
  readonly minDelay?: number;
  /** Greatest delay in milliseconds; default 500. */
  readonly maxDelay?: number;
  /** Most packets that are held, at most 100 (2 s of usual frames), which is the default. */
  readonly limit?: number;
}

/** A packet as it came. A `ReceivedFrame` is one. */
export interface JitterPacket extends RtpPlace {
  /** When it came, in monotonic milliseconds. */
  readonly at: number;
  /** The Opus packet; kept until it is pulled. */
  readonly opus: Uint8Array;
}

/**
 * What became of a packet: it waits for its instant; it came behind it; it came before; it waits,
 * but the oldest one, which may be itself, gave way.
 */
export type PushResult = "buffered" | "late" | "duplicate" | "overflow";

/** What all items have. */
export interface JitterItemTime {
  /** RTP timestamp of the first sample. */
  readonly timestamp: number;
  /** Samples of 48 kHz that the sender has meant. */
  readonly duration: number;
  /** Samples by which playing it is to last longer, to follow the local clock; at most 0.9 %. */
  readonly adjust: number;
  /** When it is to be played, in monotonic milliseconds. */
  readonly at: number;
  /** The same without the delay: when it came if nothing held it up. */
  readonly nominal: number;
}

/** A packet whose instant has come. */
export interface PacketItem extends JitterItemTime {
  /** Discriminator. */
  readonly type: "packet";
  /** Whether a talkspurt begins: the times do not go on from those of the item before. */
  readonly begins: boolean;
  /** Its synchronization source: another one after the sender has begun anew. */
  readonly ssrc: number;
  /** Its RTP sequence number. */
  readonly sequence: number;
  /** The Opus packet. */
  readonly opus: Uint8Array;
}

/**
 * Nothing is there to be played. Where the network has held everything up, the packet may still
 * come as the next item.
 */
export interface LossItem extends JitterItemTime {
  /** Discriminator. */
  readonly type: "loss";
  /** The packet directly behind, whose FEC may tell what was lost, where it is there. */
  readonly next: Uint8Array | undefined;
}

/** The sender pauses; `duration` is 0. The next packet begins a talkspurt. */
export interface PauseItem extends JitterItemTime {
  /** Discriminator. */
  readonly type: "pause";
}

/** What {@linkcode JitterBuffer.pull} gives. */
export type JitterItem = PacketItem | LossItem | PauseItem;

/** Counters of {@linkcode JitterBuffer}, in packets unless they say otherwise. */
export interface JitterStats {
  /** That came, duplicates included. */
  readonly received: number;
  /** That were handed out. */
  readonly played: number;
  /** That came too late and were dropped. */
  readonly late: number;
  /** That came again. */
  readonly duplicate: number;
  /** That gave way because too many were held. */
  readonly overflow: number;
  /** That were not there when they were due, whether or not they came later. */
  readonly lost: number;
  /** How often concealment began. */
  readonly concealments: number;
  /** That are held now. */
  readonly held: number;
  /** The delay that is aimed at, in milliseconds. */
  readonly delay: number;
  /** Mean deviation of the transit time, in milliseconds (RFC 3550, section 6.4.1). */
  readonly jitter: number;
}

/**
 * The jitter buffer of one sender.
 *
 * @example The second of three packets is lost
 * ```ts
 * import { JitterBuffer, OPUS_SILENCE } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const opus = Uint8Array.of(0xfc, 1, 2, 3);
 * const buffer = new JitterBuffer();
 * buffer.push({ ssrc: 1, sequence: 7, timestamp: 0, at: 1000, opus });
 * buffer.push({ ssrc: 1, sequence: 9, timestamp: 1920, at: 1040, opus });
 * const types: string[] = [];
 * for (let now = 1040; now <= 1080; now += 20) types.push(buffer.pull(now)!.type);
 * assertEquals(types, ["packet", "loss", "packet"]);
 * ```
 */
export class JitterBuffer {
  readonly #maxDelay: number;
  readonly #limit: number;
  readonly #delay: DelayEstimator;
  readonly #timeline = new RtpTimeline();
  readonly #packets: HeldPacket[] = []; // by order
  readonly #counts = {
    received: 0,
    played: 0,
    late: 0,
    duplicate: 0,
    overflow: 0,
    lost: 0,
    concealments: 0,
  };
  #talking = false;
  #order = -1; // of the next packet; -1 before the first one
  #position = 0; // where the next packet should begin
  #timestamp = 0; // the same, as RTP has it
  #at = -Infinity; // when what was played ends
  #nominal = -Infinity; // the same without the delay
  #frame = DEFAULT_FRAME; // samples of the last packet
  #isOff = false; // whether the line is being moved to where it should be
  #isSilent = true; // whether the last packet was silence
  #concealed = 0; // samples since the last packet
  #unplaced = 0; // those of them of which it is open what was missing
  #latest = -Infinity; // greatest time seen
  #graceFor = -Infinity; // the `#at` before which a stalled process reads its sockets
  #graceUntil = -Infinity;

  /**
   * Makes an empty buffer.
   *
   * @param options Bounds of delay and memory.
   * @throws {RangeError} where `minDelay` is not 0 to `maxDelay`, `maxDelay` is above 10000, or
   * `limit` is not an integer of 1 to 100.
   */
  constructor(options: JitterBufferOptions = {}) {
    const { minDelay = 40, maxDelay = 500, limit = MAX_LIMIT } = options;
    if (!(minDelay >= 0 && minDelay <= maxDelay && maxDelay <= 10_000)) {
      throw new RangeError(
        `Cannot make a jitter buffer: its delay is ${minDelay} to ${maxDelay} ms, ` +
          "want bounds in order, of 0 to 10000",
      );
    }
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      throw new RangeError(
        `Cannot make a jitter buffer: limit is ${limit}, want an integer of 1 to ${MAX_LIMIT}`,
      );
    }
    this.#maxDelay = maxDelay;
    this.#limit = limit;
    this.#delay = new DelayEstimator(minDelay, maxDelay);
  }

  /** The counters as they are now. */
  get stats(): JitterStats {
    const { target: delay, jitter } = this.#delay;
    return { ...this.#counts, held: this.#packets.length, delay, jitter };
  }

  /** The delay that is aimed at, in milliseconds. */
  get delay(): number {
    return this.#delay.target;
  }

  /**
   * Takes a packet.
   *
   * @param packet The packet; of one with no valid table of contents the duration is guessed.
   * @returns What became of it.
   */
  push(packet: JitterPacket): PushResult {
    this.#counts.received++;
    const duration = durationOf(packet.opus) ?? this.#frame;
    const place = this.#place(packet, duration);
    if (typeof place === "string") return this.#count(place);
    this.#delay.record(packet.at - place.position / SAMPLES_PER_MS, packet.at);
    if (place.order < this.#order || !this.#settle(place, duration)) return this.#count("late");
    this.#insert({ ...place, packet, duration, at: packet.at });
    if (this.#packets.length <= this.#limit) return "buffered";
    this.#skip("overflow");
    return "overflow";
  }

  /**
   * Takes what is to be played.
   *
   * @param now Monotonic milliseconds.
   * @returns The next item, or `undefined` where its instant has not come. Call it until then.
   */
  pull(now: number): JitterItem | undefined {
    this.#observe(now);
    for (;;) {
      const due = this.pollTimeout();
      if (due === undefined || due > now) return undefined;
      if (this.#skipLate(due)) continue;
      if (this.#talking) return this.#goOn(now);
      return this.#begin(due);
    }
  }

  /**
   * When {@linkcode JitterBuffer.pull} has an item. Every push may change it.
   *
   * @returns Monotonic milliseconds; `undefined` where only a packet can change anything.
   */
  pollTimeout(): number | undefined {
    const first = this.#packets[0];
    if (this.#talking) {
      const isGraced = first === undefined && this.#graceFor === this.#at;
      return isGraced ? this.#graceUntil : this.#at;
    }
    if (first === undefined) return undefined;
    const wanted = Math.max(this.#nominalOf(first.position) + this.#delay.target, first.at);
    // A clock that jumped back would have it wait for as long.
    return Math.max(this.#at, Math.min(wanted, first.at + this.#maxDelay));
  }

  #count(reason: "late" | "duplicate" | "overflow"): PushResult {
    this.#counts[reason]++;
    return reason;
  }

  /** The first packet after a pause may be as late as the delay; otherwise its place is moved. */
  #place(packet: JitterPacket, duration: number): LinePlace | "late" | "duplicate" {
    const anchor = (packet.at - this.#delay.base) * SAMPLES_PER_MS;
    const isIdle = !this.#talking && this.#packets.length === 0;
    const tolerance = (isIdle ? this.#delay.target : LATENESS_LIMIT) * SAMPLES_PER_MS;
    return this.#timeline.place(packet, duration, anchor, tolerance);
  }

  /**
   * Says what was missing where concealment has begun without knowing it.
   *
   * @returns Whether the packet is still wanted.
   */
  #settle({ order, position }: LinePlace, duration: number): boolean {
    if (this.#unplaced === 0) return true;
    const placed = Math.min(this.#unplaced, Math.max(0, position - this.#position));
    const passed = Math.min(order - this.#order, Math.round(placed / this.#frame));
    this.#moveTo(this.#order + passed, this.#position + placed);
    const isAlone = this.#unplaced > placed && this.#concealed <= this.#frame;
    this.#unplaced = 0;
    if (isAlone) this.#moveTo(order + 1, position + duration);
    return !isAlone;
  }

  #insert(held: HeldPacket): void {
    let index = this.#packets.length;
    while (index > 0 && this.#packets[index - 1].order > held.order) index--;
    this.#packets.splice(index, 0, held);
  }

  /** The next packet is expected at a place further on; those before it are lost. */
  #moveTo(order: number, position: number): void {
    if (this.#order >= 0) this.#counts.lost += order - this.#order;
    this.#order = order;
    this.#timestamp = this.#timestamp + position - this.#position >>> 0;
    this.#position = position;
  }

  /** Drops the oldest packet, and goes on behind it. */
  #skip(reason: "late" | "overflow"): void {
    const { order, position, duration, packet } = this.#packets.shift()!;
    this.#counts[reason]++;
    if (order > this.#order) this.#moveTo(order, position);
    this.#order = order + 1;
    this.#position = position + duration;
    this.#timestamp = packet.timestamp + duration >>> 0;
  }

  /** Leaves out what would be played beyond the greatest delay. */
  #skipLate(due: number): boolean {
    const first = this.#packets[0];
    if (first === undefined || due - this.#nominalOf(first.position) <= this.#maxDelay) {
      return false;
    }
    this.#skip("late");
    return true;
  }

  #begin(due: number): PacketItem {
    const { order, position } = this.#packets[0];
    this.#moveTo(order, position);
    this.#talking = true;
    this.#at = due;
    this.#nominal = Math.max(this.#nominal, this.#nominalOf(position));
    return this.#play(true);
  }

  #goOn(now: number): JitterItem | undefined {
    const first = this.#packets[0];
    if (first === undefined) return this.#underrun(now);
    const gap = first.position - this.#position;
    if (gap < CONCEALMENT_UNIT) {
      // Not even an empty network could have brought it by now: the line has to be set anew.
      return this.#at < this.#nominalOf(first.position) ? this.#pause() : this.#play(false);
    }
    const isMissing = first.order > this.#order;
    if (!isMissing || this.#isSilent || this.#concealed >= CONCEALMENT_LIMIT) return this.#pause();
    return this.#lose(Math.min(this.#concealable(), gap - gap % CONCEALMENT_UNIT), first);
  }

  /** Nothing is there, and it is open why. */
  #underrun(now: number): JitterItem | undefined {
    if (this.#isSilent || this.#concealed >= CONCEALMENT_LIMIT) return this.#pause();
    const isStalled = this.#concealed === 0 && now - this.#at >= STALL_TIME;
    if (isStalled && this.#graceFor !== this.#at) {
      // The process slept: its sockets hold what has come meanwhile.
      this.#graceFor = this.#at;
      this.#graceUntil = now + GRACE_TIME;
      return undefined;
    }
    const duration = this.#concealable();
    this.#unplaced += duration;
    return this.#conceal(duration, undefined);
  }

  #lose(duration: number, first: HeldPacket): LossItem {
    const end = this.#position + duration;
    const isLast = first.order === this.#order + 1 && first.position - end < CONCEALMENT_UNIT;
    const item = this.#conceal(duration, isLast ? first.packet.opus : undefined);
    this.#moveTo(this.#order + 1, end);
    return item;
  }

  #concealable(): number {
    return Math.min(this.#frame, CONCEALMENT_LIMIT - this.#concealed);
  }

  #conceal(duration: number, next: Uint8Array | undefined): LossItem {
    if (this.#concealed === 0) this.#counts.concealments++;
    this.#concealed += duration;
    return { type: "loss", ...this.#spend(this.#timestamp, duration, 0), next };
  }

  #pause(): PauseItem {
    this.#talking = false;
    this.#unplaced = 0;
    return { type: "pause", ...this.#spend(this.#timestamp, 0, 0) };
  }

  #play(begins: boolean): PacketItem {
    const { order, position, duration, packet } = this.#packets.shift()!;
    const { ssrc, sequence, timestamp, opus } = packet;
    this.#moveTo(order, position);
    this.#order = order + 1;
    this.#position = position + duration;
    this.#timestamp = timestamp + duration >>> 0;
    this.#frame = duration;
    this.#isSilent = opus.length <= EMPTY_SIZE || isSilence(opus);
    this.#concealed = 0;
    this.#unplaced = 0;
    this.#counts.played++;
    const adjust = this.#adjustOf(position, duration);
    const time = this.#spend(timestamp, duration, adjust);
    return { type: "packet", ...time, begins, ssrc, sequence, opus };
  }

  /**
   * One sample for each millisecond that the line is off, up to half a percent, from where it is
   * worth it until all is well: sound that is never stretched is sound as it was.
   */
  #adjustOf(position: number, duration: number): number {
    const error = this.#nominalOf(position) + this.#delay.target - this.#at;
    if (error > EARLY_SLACK || -error > LATE_SLACK) this.#isOff = true;
    else if (Math.abs(error) < 1) this.#isOff = false;
    if (!this.#isOff) return 0;
    const limit = Math.ceil(duration / STRETCH_DIVISOR);
    return Math.max(-limit, Math.min(limit, Math.trunc(error))) + 0; // never -0
  }

  /** The times of an item; the line goes on behind it. */
  #spend(timestamp: number, duration: number, adjust: number): JitterItemTime {
    const time = { timestamp, duration, adjust, at: this.#at, nominal: this.#nominal };
    this.#at += (duration + adjust) / SAMPLES_PER_MS;
    this.#nominal += (duration + adjust) / SAMPLES_PER_MS;
    return time;
  }

  #nominalOf(position: number): number {
    return this.#delay.base + position / SAMPLES_PER_MS;
  }

  /** A clock that jumps back takes with it what was planned. */
  #observe(now: number): void {
    if (now < this.#latest - BACKWARD_TOLERANCE) {
      this.#at -= this.#latest - now;
      for (const held of this.#packets) held.at -= this.#latest - now;
      this.#latest = now;
    }
    this.#latest = Math.max(this.#latest, now);
  }
}

interface HeldPacket extends LinePlace {
  readonly packet: JitterPacket;
  readonly duration: number;
  at: number; // moves with the clock
}

const SAMPLES_PER_MS = 48;
const MAX_LIMIT = 100;
const DEFAULT_FRAME = 960;
const CONCEALMENT_UNIT = 120; // samples: the shortest frame of Opus
const CONCEALMENT_LIMIT = 5760; // samples
const STRETCH_DIVISOR = 192;
const EARLY_SLACK = 2; // milliseconds by which less is waited than should be
const LATE_SLACK = 10; // milliseconds by which more is waited
const LATENESS_LIMIT = 3000; // milliseconds: a packet that seems later has another clock
const EMPTY_SIZE = 2; // bytes of a packet with nothing in it (DTX)
const STALL_TIME = 100; // milliseconds
const GRACE_TIME = 1; // milliseconds
const BACKWARD_TOLERANCE = 5; // milliseconds

function durationOf(opus: Uint8Array): number | undefined {
  try {
    return packetDuration(opus);
  } catch {
    return undefined;
  }
}
